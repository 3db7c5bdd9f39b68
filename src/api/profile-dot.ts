import { reportOperation } from "./profile-artifact-operation.ts";

export const operation = reportOperation("dot", {
	summary: "The call graph of a profile for graphviz",
	examples: [
		{ command: "gomem profile dot cpu.pb.gz -o cpu.dot", says: "without needing graphviz: gomem profile svg" },
	],
});
