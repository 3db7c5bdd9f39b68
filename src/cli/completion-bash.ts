import type { DescribedCommand, DescribedFlag } from "./described.ts";
import { verbsOf } from "./described.ts";

/** A completion script for bash 4 and newer; it needs no bash-completion. */
export function bashCompletion(commands: readonly DescribedCommand[]): string {
	const verbs = verbsOf(commands);
	const first = [...new Set(commands.map((one) => one.name.split(" ")[0] ?? ""))];
	return `# bash completion for gomem; made by: gomem completion bash
_gomem() {
	local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= valued= given=0 i word
	COMPREPLY=()
	# readline splits --flag=value at the =
	if [[ $cur == "=" ]]; then cur=; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=\${COMP_WORDS[i]}
		case "$word" in
			--color | --config) ((i++)) ;;
			-?* | "=") ;;
			help) [[ -n $command ]] || continue ;;&
			*)
				if [[ -z $command ]]; then
					command=$word
					case "$command \${COMP_WORDS[i+1]}" in
${lines(
	[...verbs].map(
		([word, of]) =>
			`${of.map((verb) => quote(`${word} ${verb}`)).join(" | ")}) ((++i < COMP_CWORD)) && command="$command \${COMP_WORDS[i]}" ;;`,
	),
	6,
)}						*) ;;
					esac
					valued=" $(_gomem_valued "$command") "
				elif [[ $valued != *" \${COMP_WORDS[i-1]} "* ]]; then
					((given++))
				fi
				;;
		esac
	done
	case "$command" in
		"")
			case "$prev" in
				--color) _gomem_words 'auto always never' ;;
				--config) _gomem_files ;;
				*) _gomem_words ${quote([...first, "help", "--help", "--version", "--json", "--color", "--config", "--debug"].join(" "))} ;;
			esac
			;;
${commands.map((one) => commandCase(one, verbs.get(one.name) ?? [])).join("")}${[...verbs]
	.filter(([word]) => !commands.some((one) => one.name === word))
	.map(([word, of]) => `\t\t${quote(word)}) _gomem_words ${quote(of.join(" "))} ;;\n`)
	.join("")}	esac
}

# flags whose value is the next word
_gomem_valued() {
	case "$1" in
${commands.map((one) => `\t\t${quote(one.name)}) echo ${quote(valuedFlags(one).join(" "))} ;;\n`).join("")}	esac
}

_gomem_words() {
	mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_gomem_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
}

# running Go processes, and files
_gomem_targets() {
	_gomem_words "$("\${COMP_WORDS[0]}" __complete 2>/dev/null | cut -f1)"
	_gomem_files
}

complete -F _gomem gomem
`;
}

function commandCase(command: DescribedCommand, verbs: readonly string[]): string {
	const values = command.flags.filter((flag) => flag.value !== undefined).map(valueCase);
	const flags = command.flags.flatMap((flag) => [flag.long, ...(flag.short === undefined ? [] : [flag.short])]);
	const positional = [
		...(verbs.length === 0 ? [] : [`((given == 0)) && _gomem_words ${quote(verbs.join(" "))}`]),
		...command.arguments.map((one, i) => {
			const complete = one.choices === undefined ? "_gomem_targets" : `_gomem_words ${quote(one.choices.join(" "))}`;
			return `((given ${one.repeats ? ">=" : "=="} ${i})) && ${complete}`;
		}),
	];
	return `		${quote(command.name)})
			case "$prev" in
${lines(values, 4)}				*) ;;
			esac
			if [[ $cur == -* ]]; then
				_gomem_words ${quote(flags.join(" "))}
			else
${lines(positional.length === 0 ? [":"] : positional, 4)}			fi
			;;
`;
}

/** After a flag that takes a value: its choices, files, or nothing to offer. */
function valueCase(flag: DescribedFlag): string {
	const names = [flag.long, ...(flag.short === undefined ? [] : [flag.short])].map(quote).join(" | ");
	const offer =
		flag.choices === undefined
			? isFile(flag)
				? "_gomem_files; "
				: ""
			: `_gomem_words ${quote(flag.choices.join(" "))}; `;
	// a flag that may stand alone takes what follows = only
	const only = flag.bare
		? `[[ \${COMP_WORDS[COMP_CWORD]} == "=" || \${COMP_WORDS[COMP_CWORD-1]} == "=" ]] && { ${offer}return; }`
		: `${offer}return`;
	return `${names}) ${only} ;;`;
}

/** Flags whose value is the name of a file, by the word for it. */
export function isFile(flag: DescribedFlag): boolean {
	return /^(file|path|folder|directory|dir)$/i.test(flag.value ?? "");
}

function valuedFlags(command: DescribedCommand): readonly string[] {
	return command.flags
		.filter((flag) => flag.value !== undefined && !flag.bare)
		.flatMap((flag) => [flag.long, ...(flag.short === undefined ? [] : [flag.short])]);
}

function lines(texts: readonly string[], indent: number): string {
	return texts.map((text) => `${"\t".repeat(indent)}${text}\n`).join("");
}

function quote(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}
