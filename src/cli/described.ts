import type { Option } from "commander";
import type { Operation } from "../api/operation.ts";
import { choicesOf, propertiesOf, type SchemaView } from "../api/schema.ts";
import { commandFor, effectText } from "./command-line.ts";
import type { CommandEntry, OwnCommand } from "./words.ts";

/** A flag, as completions and the manual tell it. */
export interface DescribedFlag {
	/** "--every", "--no-swap" */
	readonly long: string;
	/** "-o" */
	readonly short?: string;
	/** the word for its value; absent where it takes none */
	readonly value?: string;
	/** it may stand alone too, and its value only after = */
	readonly bare: boolean;
	readonly choices?: readonly string[];
	readonly repeats: boolean;
	readonly about: string;
}

export interface DescribedArgument {
	/** in capitals */
	readonly name: string;
	readonly required: boolean;
	readonly repeats: boolean;
	/** a TARGET or another file, not one of a few words */
	readonly target: boolean;
	readonly choices?: readonly string[];
	readonly about: string;
}

/** A command of gomem with all that its schema says of it. */
export interface DescribedCommand {
	/** "why", "tune predict" */
	readonly name: string;
	readonly group: string;
	readonly summary: string;
	readonly description?: string;
	readonly arguments: readonly DescribedArgument[];
	readonly flags: readonly DescribedFlag[];
	/** "reads only; --pause pauses the target for a moment"; absent for commands that touch nothing */
	readonly effect?: string;
	readonly examples: Operation["examples"];
}

/** Describes every command, in the order given. Loads all operations. */
export function describeCommands(entries: readonly CommandEntry[]): Promise<readonly DescribedCommand[]> {
	return Promise.all(
		entries.map(async (entry) =>
			"target" in entry ? describeOperation(entry.group, await entry.load()) : describeOwn(entry),
		),
	);
}

function describeOperation(group: string, operation: Operation): DescribedCommand {
	const properties = new Map(propertiesOf(operation.input));
	const command = commandFor(operation);
	const positionals = [...properties].filter(([, schema]) => schema.positional === true);
	const required = (operation.input as SchemaView).required ?? [];
	return {
		name: operation.name,
		group,
		summary: operation.summary,
		...(operation.description === undefined ? {} : { description: operation.description }),
		arguments: positionals.map(([name, schema]) => ({
			name: name.toUpperCase(),
			required: required.includes(name),
			repeats: schema.type === "array",
			target: choicesIn(schema).choices === undefined,
			...choicesIn(schema),
			about: schema.description ?? "",
		})),
		flags: [...command.options.map((option) => describeFlag(option, properties.get(option.attributeName()))), HELP],
		effect: effectText(operation),
		examples: operation.examples,
	};
}

const HELP: DescribedFlag = { long: "--help", short: "-h", bare: false, repeats: false, about: "its help" };

function describeFlag(option: Option, schema: SchemaView | undefined): DescribedFlag {
	const value = /[<[](.*?)[>\]]$/.exec(option.flags)?.[1];
	const item = schema?.type === "array" ? schema.items : schema;
	const choices = option.argChoices ?? (item === undefined ? undefined : choicesOf(item));
	return {
		long: option.long ?? "",
		...(option.short === undefined ? {} : { short: option.short }),
		...(value === undefined ? {} : { value }),
		bare: schema?.bare !== undefined,
		...(choices === undefined || value === undefined ? {} : { choices }),
		repeats: schema?.type === "array",
		about: option.description,
	};
}

function choicesIn(schema: SchemaView): { readonly choices?: readonly string[] } {
	const choices = choicesOf(schema.type === "array" ? (schema.items ?? {}) : schema);
	return choices === undefined ? {} : { choices };
}

async function describeOwn(own: OwnCommand): Promise<DescribedCommand> {
	const choices = await own.choices?.();
	const usage = own.usage.split(" ", 1)[0] ?? "";
	return {
		name: own.name,
		group: own.group,
		summary: own.summary,
		...(own.description === undefined ? {} : { description: own.description }),
		arguments:
			choices === undefined
				? []
				: [
						{
							name: /^\[?[A-Z]+\]?$/.test(usage) ? usage.replace(/[[\]]/g, "") : "WHICH",
							required: !usage.startsWith("["),
							repeats: false,
							target: false,
							choices,
							about: `one of ${choices.join(", ")}`,
						},
					],
		flags: [...(own.flags ?? []).map(({ flag, about }) => ({ long: flag, bare: false, repeats: false, about })), HELP],
		examples: [],
	};
}

/** Verbs of each first word: "tune" → ["predict"] for "tune predict"; the word itself may be a command, too. */
export function verbsOf(commands: readonly Pick<DescribedCommand, "name">[]): ReadonlyMap<string, readonly string[]> {
	const verbs = new Map<string, string[]>();
	for (const { name } of commands) {
		const [first = "", verb] = name.split(" ");
		if (verb !== undefined) verbs.set(first, [...(verbs.get(first) ?? []), verb]);
	}
	return verbs;
}
