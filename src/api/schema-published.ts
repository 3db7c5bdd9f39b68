import type { TSchema } from "typebox";
import type { Operation } from "./operation.ts";
import { viewOf } from "./schema.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** The published JSON Schema of an operation's result document (draft 2020-12), `$id` "gomem.<operation>/1". */
export function resultSchema(operation: Operation): object {
	const id = `gomem.${operation.id}/1`;
	const { properties, required, ...rest } = viewOf(operation.result);
	return {
		$schema: DIALECT,
		$id: id,
		title: `gomem ${operation.name} --json`,
		description: operation.summary,
		...rest,
		required: ["schema", ...(required ?? [])],
		properties: { schema: { const: id }, ...properties },
	};
}

/** The JSON Schema of an operation's input, `$id` "gomem.<operation>.input/1": what HTTP and MCP clients send. */
export function inputSchema(operation: Operation): object {
	return {
		$schema: DIALECT,
		$id: `gomem.${operation.id}.input/1`,
		title: `input of gomem ${operation.name}`,
		description: operation.summary,
		...(operation.input as TSchema),
	};
}

/** The schema of the document that stands for a failure, whatever the operation. */
export const errorSchema: object = {
	$schema: DIALECT,
	$id: "gomem.error/1",
	title: "a failure, with --json",
	type: "object",
	required: ["schema", "error"],
	properties: {
		schema: { const: "gomem.error/1" },
		error: {
			type: "object",
			required: ["code", "message"],
			properties: {
				code: { type: "string", description: "stable, kebab-case" },
				message: { type: "string", description: "what happened" },
				why: { type: "string", description: "why it happened" },
				hint: { type: "string", description: "what to do about it" },
			},
		},
	},
};
