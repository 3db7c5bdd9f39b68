import { GomemError } from "../api/errors.ts";
import { operations } from "../api/registry.gen.ts";
import { errorSchema, inputSchema, resultSchema } from "../api/schema-published.ts";
import { nearest } from "./nearest.ts";
import { write } from "./output.ts";

const HELP = `Usage: gomem schema [OPERATION] [--input]

Prints the JSON Schema (draft 2020-12) of what an operation prints with --json: \`$id\` is the "schema" of its documents.
Without an operation, lists them; the operation may be "error": what any command prints when it fails.

  --input   the schema of the operation's input instead

Examples:
  gomem schema settings
  gomem schema settings --input
`;

/** `gomem schema [OPERATION]`; the operation may be one word or two, as it is typed. */
export async function schemaCommand(argv: readonly string[]): Promise<number> {
	const flags = argv.filter((word) => word.startsWith("-"));
	const id = argv.filter((word) => !word.startsWith("-")).join("-");
	if (flags.includes("--help") || flags.includes("-h")) {
		await write(HELP);
		return 0;
	}
	const unknown = flags.find((flag) => !["--input", "--json", "--debug"].includes(flag));
	if (unknown !== undefined) {
		throw new GomemError({
			code: "unknown-flag",
			message: `gomem schema has no flag ${unknown}`,
			hint: "gomem schema --help",
		});
	}
	await write(id === "" ? list() : `${JSON.stringify(await schemaOf(id, flags.includes("--input")), null, "\t")}\n`);
	return 0;
}

function list(): string {
	return [...operations.map((one) => `gomem.${one.id}/1`), "gomem.error/1"].map((line) => `${line}\n`).join("");
}

async function schemaOf(id: string, input: boolean): Promise<object> {
	if (id === "error") return errorSchema;
	const entry = operations.find((one) => one.id === id);
	if (entry !== undefined) return input ? inputSchema(await entry.load()) : resultSchema(await entry.load());
	const near = nearest(
		id,
		operations.map((one) => one.id),
	);
	throw new GomemError({
		code: "unknown-operation",
		message: `there is no operation ${id}`,
		hint: near === undefined ? "gomem schema lists them" : `did you mean gomem schema ${near}?`,
	});
}
