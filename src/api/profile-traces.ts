import { reportOperation } from "./profile-artifact-operation.ts";

export const operation = reportOperation("traces", {
	summary: "Every stack of a profile, with its weight and labels",
	examples: [{ command: "gomem profile traces 4242 --focus json", says: "the stacks that allocate in json" }],
});
