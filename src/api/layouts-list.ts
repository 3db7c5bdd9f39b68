import { layoutsInput, listLayouts } from "./layouts.ts";
import { LayoutsDocument } from "./layouts-shape.ts";
import { defineOperation } from "./operation.ts";

/** `gomem layouts` by its full name. */
export const operation = defineOperation({
	name: "layouts list",
	summary: "The same as gomem layouts",
	group: "gomem itself",
	kind: "query",
	effect: "read",
	target: "none",
	input: layoutsInput,
	result: LayoutsDocument,
	examples: [{ command: "gomem layouts list --arch arm64 --json", says: "what is known of arm64, for a script" }],
	run: async (_ctx, input) => listLayouts(input.arch),
});
