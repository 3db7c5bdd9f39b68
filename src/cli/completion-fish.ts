import { isFile } from "./completion-bash.ts";
import type { DescribedCommand, DescribedFlag } from "./described.ts";
import { verbsOf } from "./described.ts";

/** Completions for fish 3: a file gomem.fish in ~/.config/fish/completions, or sourced. */
export function fishCompletion(commands: readonly DescribedCommand[]): string {
	const verbs = verbsOf(commands);
	const firsts = [...new Set(commands.map((one) => one.name.split(" ")[0] ?? ""))];
	const top = firsts.map((name) => {
		const about = commands.find((one) => one.name === name)?.summary ?? `commands of gomem ${name}`;
		return `complete -c gomem -n __gomem_first -a ${quote(name)} -d ${quote(about)}`;
	});
	return `# fish completion for gomem; made by: gomem completion fish

# the words before the cursor that are no flags, from the command on
function __gomem_words
	set -l skip 0
	for word in (commandline -opc)[2..-1]
		if test $skip = 1
			set skip 0
			continue
		end
		switch $word
			case --color --config
				set skip 1
			case '-*' help
			case '*'
				echo $word
		end
	end
end

function __gomem_first
	test (count (__gomem_words)) = 0
end

# whether the command is the one of these words, and none with a verb (the rest of the arguments, after --)
function __gomem_at
	set -l words (__gomem_words)
	set -l split (contains -i -- -- $argv)
	set -l name $argv[1..(math $split - 1)]
	set -l verbs
	test (count $argv) -gt $split; and set verbs $argv[(math $split + 1)..-1]
	set -l many (count $name)
	test (count $words) -ge $many; or return 1
	test "$words[1..$many]" = "$name"; or return 1
	test (count $words) -gt $many; and contains -- $words[(math $many + 1)] $verbs; and return 1
	return 0
end

# as __gomem_at, and no verb was typed yet
function __gomem_group
	test "$(__gomem_words)" = "$argv[1]"
end

complete -c gomem -f
${top.join("\n")}
complete -c gomem -n __gomem_first -s h -l help -d 'help'
complete -c gomem -n __gomem_first -s V -l version -d 'the version'
complete -c gomem -n __gomem_first -l json -d 'JSON on standard output'
complete -c gomem -n __gomem_first -l color -x -a 'auto always never' -d 'colour'
complete -c gomem -n __gomem_first -l config -r -F -d 'settings file'
complete -c gomem -n __gomem_first -l debug -d 'stack traces of failures'
${[...verbs].flatMap(([name, of]) => of.map((verb) => verbLine(name, verb, commands))).join("\n")}
${commands.flatMap((one) => commandLines(one, verbs.get(one.name) ?? [])).join("\n")}
`;
}

function verbLine(name: string, verb: string, commands: readonly DescribedCommand[]): string {
	const about = commands.find((one) => one.name === `${name} ${verb}`)?.summary ?? "";
	return `complete -c gomem -n ${quote(`__gomem_group ${name}`)} -a ${quote(verb)} -d ${quote(about)}`;
}

function commandLines(command: DescribedCommand, verbs: readonly string[]): readonly string[] {
	const at = quote(`__gomem_at ${command.name} -- ${verbs.join(" ")}`.trimEnd());
	const positional = command.arguments.map((one) =>
		one.choices === undefined
			? `complete -c gomem -n ${at} -F -a '(gomem __complete 2>/dev/null)'`
			: `complete -c gomem -n ${at} -a ${quote(one.choices.join(" "))} -d ${quote(one.name)}`,
	);
	return [...command.flags.map((flag) => flagLine(flag, at)), ...new Set(positional)];
}

function flagLine(flag: DescribedFlag, at: string): string {
	const short = flag.short === undefined ? "" : ` -s ${flag.short.slice(1)}`;
	const value =
		flag.value === undefined || flag.bare
			? ""
			: flag.choices !== undefined
				? ` -x -a ${quote(flag.choices.join(" "))}`
				: isFile(flag)
					? " -r -F"
					: " -x";
	return `complete -c gomem -n ${at}${short} -l ${flag.long.slice(2)}${value} -d ${quote(flag.about)}`;
}

function quote(text: string): string {
	return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
