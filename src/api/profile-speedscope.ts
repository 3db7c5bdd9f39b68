import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult, profileReport } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile speedscope",
	summary: "A profile for speedscope.app, all sample types in it",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [
		{
			command: "gomem profile speedscope 4242 -o heap.speedscope.json",
			says: "open it at speedscope.app, or with npx speedscope",
		},
	],
	async run(ctx, input) {
		return profileReport(ctx, await openProfile(ctx, input), input, "speedscope");
	},
});
