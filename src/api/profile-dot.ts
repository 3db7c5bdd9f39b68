import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult, profileReport } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile dot",
	summary: "The call graph of a profile for graphviz",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [
		{ command: "gomem profile dot cpu.pb.gz -o cpu.dot", says: "without needing graphviz: gomem profile svg" },
	],
	async run(ctx, input) {
		return profileReport(ctx, await openProfile(ctx, input), input, "dot");
	},
});
