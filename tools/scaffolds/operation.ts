/** The files of a new operation: it says how long its text is, until it says something better. */
export function operationFiles(name: string): Readonly<Record<string, string>> {
	return {
		[`src/api/${name}.ts`]: `import { Type } from "typebox";
import { Count, defineOperation } from "./operation.ts";

export const operation = defineOperation({
	name: "${name.replace("-", " ")}",
	summary: "One line about ${name}",
	group: "gomem itself",
	kind: "query",
	effect: "read",
	target: "none",
	input: Type.Object({
		text: Type.String({ description: "the text to measure", default: "gomem" }),
	}),
	result: Type.Object({
		text: Type.String(),
		characters: Count({ description: "Unicode code points of the text" }),
	}),
	examples: [{ command: "gomem ${name.replace("-", " ")} --text abc", says: "how long abc is" }],
	async run(_ctx, input) {
		return { text: input.text, characters: [...input.text].length };
	},
});
`,
		[`src/api/${name}.test.ts`]: `import assert from "node:assert/strict";
import { test } from "node:test";
import { documentOf } from "../../testing/operations.ts";
import { operation } from "./${name}.ts";

test("${name}: the result, with its schema", async () => {
	assert.deepEqual(await documentOf(operation, { text: "a😀" }), {
		schema: "gomem.${name}/1",
		text: "a😀",
		characters: 2,
	});
});

test("${name}: an unknown input is refused", async () => {
	await assert.rejects(documentOf(operation, { txet: "a" }), { code: "invalid-input" });
});
`,
	};
}
