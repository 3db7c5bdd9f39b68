import { isFile } from "./completion-bash.ts";
import type { DescribedArgument, DescribedCommand, DescribedFlag } from "./described.ts";
import { verbsOf } from "./described.ts";

/** A completion function for zsh: a file `_gomem` in $fpath, or sourced. */
export function zshCompletion(commands: readonly DescribedCommand[]): string {
	const verbs = verbsOf(commands);
	const firsts = [...new Set(commands.map((one) => one.name.split(" ")[0] ?? ""))];
	const summaryOf = (name: string) => commands.find((one) => one.name === name)?.summary ?? `commands of gomem ${name}`;
	return `#compdef gomem
# made by: gomem completion zsh

_gomem() {
	local curcontext="$curcontext" state line
	typeset -A opt_args
	_arguments -C \\
		'(- *)'{-h,--help}'[help]' '(- *)'{-V,--version}'[the version]' '--json[JSON on standard output]' \\
		'--color[colour]:when:(auto always never)' '--config[settings file]:file:_files' '--debug[stack traces of failures]' \\
		'1:command:->command' '*::argument:->rest' && return
	case $state in
		command)
			local -a commands=(
${firsts.map((name) => `\t\t\t\t${quote(`${name}:${summaryOf(name)}`)}\n`).join("")}			)
			_describe -t commands 'gomem command' commands
			;;
		rest)
			case $words[1] in
${firsts.map((name) => firstCase(name, commands, verbs.get(name) ?? [])).join("")}			esac
			;;
	esac
}

# running Go processes, and files
_gomem_targets() {
	local -a processes
	processes=("\${(@f)$(_call_program processes gomem __complete 2>/dev/null)}")
	processes=(\${\${processes:#}//$'\\t'/:})
	(($#processes)) && _describe -t processes 'Go process' processes
	_files
}

if [[ $funcstack[1] == _gomem ]]; then _gomem "$@"; else compdef _gomem gomem; fi
`;
}

function firstCase(name: string, commands: readonly DescribedCommand[], verbs: readonly string[]): string {
	const own = commands.find((one) => one.name === name);
	if (verbs.length === 0) return own === undefined ? "" : `\t\t\t\t${name}) ${argumentsOf(own, 5)} ;;\n`;
	const offered = verbs.map((verb) => {
		const about = commands.find((one) => one.name === `${name} ${verb}`)?.summary ?? "";
		return `\t\t\t\t\t\t${quote(`${verb}:${about}`)}\n`;
	});
	const cases = verbs.map((verb) => {
		const command = commands.find((one) => one.name === `${name} ${verb}`);
		return command === undefined
			? ""
			: `\t\t\t\t\t\t${verb}) shift words; ((CURRENT--)); ${argumentsOf(command, 7)} ;;\n`;
	});
	return `				${name})
					local -a verbs=(
${offered.join("")}					)
					((CURRENT == 2)) && _describe -t verbs ${quote(`gomem ${name}`)} verbs
					case $words[2] in
${cases.join("")}						*) ${own === undefined ? ":" : argumentsOf(own, 7)} ;;
					esac
					;;
`;
}

function argumentsOf(command: DescribedCommand, indent: number): string {
	const specs = [...command.flags.flatMap(flagSpec), ...command.arguments.map(argumentSpec)];
	const space = `\\\n${"\t".repeat(indent)}`;
	return `_arguments -s ${space}${specs.join(` ${space}`)}`;
}

/** `'(-o --output)'{-o,--output}'[about]:file:_files'` */
function flagSpec(flag: DescribedFlag): readonly string[] {
	const names = [...(flag.short === undefined ? [] : [flag.short]), flag.long];
	const value =
		flag.value === undefined
			? ""
			: `:${flag.bare ? ":" : ""}${text(flag.value)}:${flag.choices === undefined ? (isFile(flag) ? "_files" : " ") : `(${flag.choices.join(" ")})`}`;
	return names.map((name) => {
		// --flag=value and --flag value; one that may stand alone takes = only
		const equals = flag.value === undefined ? "" : flag.bare ? "=-" : name.startsWith("--") ? "=" : "+";
		const alone = flag.repeats ? "*" : names.length > 1 ? `(${names.join(" ")})` : "";
		return quote(`${alone}${name}${equals}[${text(flag.about)}]${value}`);
	});
}

function argumentSpec(argument: DescribedArgument): string {
	const action = argument.choices === undefined ? "_gomem_targets" : `(${argument.choices.join(" ")})`;
	return quote(`${argument.repeats ? "*" : argument.required ? "" : ":"}:${text(argument.name)}:${action}`);
}

/** In a spec of _arguments a colon ends a part and a bracket the description. */
function text(plain: string): string {
	return plain.replace(/[\\:[\]]/g, "\\$&");
}

function quote(plain: string): string {
	return `'${plain.replaceAll("'", "'\\''")}'`;
}
