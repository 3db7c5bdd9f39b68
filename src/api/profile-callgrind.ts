import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult, profileReport } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile callgrind",
	summary: "The call graph of a profile for KCachegrind",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [
		{ command: "gomem profile callgrind cpu.pb.gz -o callgrind.out", says: "then: kcachegrind callgrind.out" },
	],
	async run(ctx, input) {
		return profileReport(ctx, await openProfile(ctx, input), input, "callgrind");
	},
});
