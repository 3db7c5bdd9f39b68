import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult, profileReport } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile traces",
	summary: "Every stack of a profile, with its weight and labels",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [{ command: "gomem profile traces 4242 --focus json", says: "the stacks that allocate in json" }],
	async run(ctx, input) {
		return profileReport(ctx, await openProfile(ctx, input), input, "traces");
	},
});
