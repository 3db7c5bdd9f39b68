import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult, profileReport } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile folded",
	summary: "Folded stacks of a profile, for flamegraph.pl and its like",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [
		{ command: "gomem profile folded 4242 --alloc_space", says: "a line for each stack: frames;by;frames weight" },
	],
	async run(ctx, input) {
		return profileReport(ctx, await openProfile(ctx, input), input, "folded");
	},
});
