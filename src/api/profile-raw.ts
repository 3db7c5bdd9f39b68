import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult, profileReport } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile raw",
	summary: "All that a profile holds, as text",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [{ command: "gomem profile raw heap.pb.gz", says: "samples, locations and mappings" }],
	async run(ctx, input) {
		return profileReport(ctx, await openProfile(ctx, input), input, "raw");
	},
});
