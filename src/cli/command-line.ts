import { type Command, CommanderError, createCommand, type Option } from "commander";
import { GomemError } from "../api/errors.ts";
import type { Operation } from "../api/operation.ts";
import { effectWords } from "../api/operation-words.ts";
import { choicesOf, expectation, propertiesOf, type SchemaView } from "../api/schema.ts";
import { nearest } from "./nearest.ts";
import type { ColorChoice } from "./terminal.ts";

export interface GlobalFlags {
	readonly json: boolean | undefined;
	readonly color: ColorChoice | undefined;
	readonly config: string | undefined;
	readonly debug: boolean;
	/** -o: where the artifact goes, or what would be printed */
	readonly output: string | undefined;
}

export type CommandLine =
	| { readonly kind: "help"; readonly text: string }
	| { readonly kind: "run"; readonly input: Readonly<Record<string, unknown>>; readonly flags: GlobalFlags };

/** Reads the words after a command's name against flags that derive from its input schema. Throws GomemError. */
export function readCommandLine(operation: Operation, argv: readonly string[]): CommandLine {
	const command = commandFor(operation);
	let help = "";
	command.exitOverride().configureOutput({ writeOut: (text) => (help += text), writeErr: () => {} });
	command.action(() => {});
	try {
		command.parse(withBareValues(operation, argv), { from: "user" });
	} catch (error) {
		if (!(error instanceof CommanderError)) throw error;
		if (error.code === "commander.helpDisplayed") return { kind: "help", text: help };
		throw usageError(error, operation, command);
	}
	const options = command.opts<Record<string, unknown>>();
	const input: Record<string, unknown> = {};
	const positionals = propertiesOf(operation.input).filter(([, schema]) => schema.positional === true);
	for (const [index, [name, schema]] of positionals.entries()) {
		const given = command.processedArgs[index] as unknown;
		if (given !== undefined && !(schema.type === "array" && (given as unknown[]).length === 0)) input[name] = given;
	}
	for (const [name, schema] of propertiesOf(operation.input)) {
		if (schema.positional !== true && options[name] !== undefined) input[name] = options[name];
	}
	return {
		kind: "run",
		input,
		flags: {
			json: options["json"] as boolean | undefined,
			color: options["color"] as ColorChoice | undefined,
			config: options["config"] as string | undefined,
			debug: options["debug"] === true,
			output: options["output"] as string | undefined,
		},
	};
}

/** What a property is called on the command line: "--min-size", or TARGET for a positional. */
export function flagName(operation: Operation, property: string): string {
	const schema = propertiesOf(operation.input).find(([name]) => name === property)?.[1];
	return schema?.positional === true ? property.toUpperCase() : `--${kebab(property)}`;
}

/** The command with the flags that its input schema makes: for parsing, for completions, for the manual. */
export function commandFor(operation: Operation): Command {
	const command = createCommand(`gomem ${operation.name}`);
	const bareFlags = bareValues(operation);
	command.description(
		`${operation.summary}${operation.description === undefined ? "" : `\n\n${operation.description}`}`,
	);
	command.allowExcessArguments(false).configureHelp({
		helpWidth: 100,
		showGlobalOptions: false,
		optionTerm: (option) =>
			bareFlags.has(option.long ?? "") ? option.flags.replace(/ <(.*)>$/, "[=$1]") : option.flags,
	});
	for (const [name, schema] of propertiesOf(operation.input)) {
		if (schema.positional === true) addArgument(command, operation, name, schema);
		else {
			const option = optionFor(command, name, schema);
			command.addOption(schema.heading === undefined ? option : option.helpGroup(`${schema.heading}:`));
		}
	}
	if (writesFile(operation)) {
		const what = operation.kind === "artifact" ? "write to" : "write the report to";
		command.option("-o, --output <file>", `${what} this file; - is standard output`);
	}
	command.option("--json", "one JSON document on standard output (a line each when it repeats)");
	const color = command.createOption("--color <when>", "colour").choices(["auto", "always", "never"]);
	command.addOption(color);
	command.option("--config <file>", "settings from this file instead of gomem.toml");
	command.option("--debug", "stack traces of failures");
	command.helpOption("-h, --help", "this text");
	command.addHelpText("after", `\nEffect: ${effectText(operation)}\n\nExamples:\n${exampleText(operation)}`);
	return command;
}

/** Whether there is one thing to write: a stream has no end, and the prompt of `gomem profile` no result of its own. */
function writesFile({ kind, result }: Operation): boolean {
	return kind !== "stream" && (kind === "artifact" || propertiesOf(result).length > 0);
}

function addArgument(command: Command, operation: Operation, name: string, schema: SchemaView): void {
	const required = ((operation.input as SchemaView).required ?? []).includes(name);
	const word = `${name.toUpperCase()}${schema.type === "array" ? "..." : ""}`;
	command.argument(required ? `<${word}>` : `[${word}]`, schema.description ?? "");
}

function optionFor(command: Command, name: string, schema: SchemaView): Option {
	const short = schema.short === undefined ? "" : `-${schema.short}, `;
	const about = `${schema.description ?? ""}${defaultText(schema)}`;
	if (schema.type === "boolean") {
		// what is on without being asked for is turned off by --no-flag, which says what it does: the schema says what being on does
		const [no, words] = schema.default === true ? ["no-", `do not ${about}`] : ["", about];
		const option = command.createOption(`${short}--${no}${kebab(name)}`, words);
		return option.attributeName() === name ? clearDefault(option) : renamed(option, name);
	}
	const repeats = schema.type === "array";
	const item = repeats ? (schema.items ?? {}) : schema;
	const word = item.placeholder ?? (item.type === "integer" || item.type === "number" ? "number" : "value");
	const option = command.createOption(
		`${short}--${kebab(name)} <${word}>`,
		`${about}${repeats ? " (may repeat)" : ""}`,
	);
	const choices = choicesOf(item);
	if (choices !== undefined && !repeats) option.choices(choices);
	if (repeats) option.argParser((value, before: readonly string[] | undefined) => [...(before ?? []), value]);
	return option.attributeName() === name ? option : renamed(option, name);
}

/** commander sets a --no-flag to true by default; here absent means absent, and run.ts fills the default in. */
function clearDefault(option: Option): Option {
	return option.default(undefined);
}

/** Options are kept under the property's own name, also where its letters do not survive kebab and camel case. */
function renamed(option: Option, name: string): Option {
	option.attributeName = () => name;
	return option;
}

function defaultText(schema: SchemaView): string {
	if (schema.bare !== undefined) return ` (alone: ${schema.bare})`;
	if (schema.default === undefined || typeof schema.default === "boolean" || String(schema.default) === "") return "";
	return ` (default: ${String(schema.default)})`;
}

/** `--pause` becomes `--pause=500ms` where the schema says so, so that a flag alone never swallows the word after it. */
function withBareValues(operation: Operation, argv: readonly string[]): string[] {
	const bare = bareValues(operation);
	const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
	return argv.map((word, i) => (i < end && bare.has(word) ? `${word}=${bare.get(word)}` : word));
}

function bareValues(operation: Operation): ReadonlyMap<string, string> {
	const bare = new Map<string, string>();
	for (const [name, schema] of propertiesOf(operation.input)) {
		if (schema.bare !== undefined) bare.set(`--${kebab(name)}`, schema.bare);
	}
	return bare;
}

/** What it does to the world, and what its flags add to that. */
export function effectText(operation: Operation): string {
	const flags = propertiesOf(operation.input)
		.filter(([, schema]) => schema.effect !== undefined)
		.map(([name, schema]) => `; --${kebab(name)} ${effectWords[schema.effect ?? "read"]}`);
	return effectWords[operation.effect] + flags.join("");
}

function exampleText(operation: Operation): string {
	return operation.examples.map((one) => `  ${one.command}\n      ${one.says}`).join("\n");
}

function usageError(error: CommanderError, operation: Operation, command: Command): GomemError {
	const hint = `gomem ${operation.name} --help shows its flags`;
	const message = (error.message.split("\n", 1)[0] ?? "").replace(/^error: /, "");
	if (error.code === "commander.unknownOption") {
		const flag = /'([^']+)'/.exec(message)?.[1] ?? "";
		const near = nearest(
			flag.split("=", 1)[0] ?? "",
			command.options.map((one) => one.long ?? ""),
		);
		return new GomemError({
			code: "unknown-flag",
			message: `gomem ${operation.name} has no flag ${flag}`,
			hint: near === undefined ? hint : `did you mean ${near}? ${hint}`,
		});
	}
	if (error.code === "commander.missingArgument") return missingArgument(message, operation, command.args, hint);
	const choice = command.options.find((one) => one.argChoices !== undefined && message.includes(`'${one.flags}'`));
	if (error.code === "commander.invalidArgument" && choice !== undefined) {
		const given = /argument '(.*?)' is invalid/.exec(message)?.[1] ?? "";
		const why = `expected ${expectation({ enum: choice.argChoices ?? [] })}`;
		return new GomemError({ code: "invalid-input", message: `${choice.long} cannot be "${given}"`, why, hint });
	}
	return new GomemError({ code: "usage", message, hint });
}

/** All that is needed is told, and what the words that are there were taken for: it may be a later one that was meant. */
function missingArgument(message: string, operation: Operation, given: readonly string[], hint: string): GomemError {
	const required = (operation.input as SchemaView).required ?? [];
	const needed = propertiesOf(operation.input).filter(
		([name, { positional }]) => positional && required.includes(name),
	);
	const missing = needed.find(([name]) => message.includes(`'${name.toUpperCase()}'`));
	const words = needed.map(([name]) => `a ${name.toUpperCase()}`).join(" and ");
	const taken = given.map((word, i) => `"${word}" was taken for the ${needed[i]?.[0].toUpperCase()}`);
	return new GomemError({
		code: "missing-argument",
		message: `gomem ${operation.name} needs ${words || "an argument"}`,
		why: taken.join(", ") || (missing?.[1].description ?? ""),
		hint,
	});
}

function kebab(name: string): string {
	return name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
}
