import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult, profileReport } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile topproto",
	summary: "The rows of top as a profile of their own",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [{ command: "gomem profile topproto 4242 -o top.pb.gz", says: "a small profile to keep" }],
	async run(ctx, input) {
		return profileReport(ctx, await openProfile(ctx, input), input, "topproto");
	},
});
