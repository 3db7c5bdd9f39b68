import { reportOperation } from "./profile-artifact-operation.ts";

export const operation = reportOperation("folded", {
	summary: "Folded stacks of a profile, for flamegraph.pl and its like",
	examples: [
		{ command: "gomem profile folded 4242 --alloc_space", says: "a line for each stack: frames;by;frames weight" },
	],
});
