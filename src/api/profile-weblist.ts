import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult } from "./profile-artifact.ts";
import { profileProperties, regexpProperty } from "./profile-input.ts";
import { profilePage } from "./profile-picture.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile weblist",
	summary: "The report with the source of the functions that match",
	description: "As gomem profile html, with the source that list would print. gomem does not disassemble.",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object({ regexp: regexpProperty, ...profileProperties }),
	result: artifactResult,
	examples: [{ command: "gomem profile weblist 'cache..Put' 4242 -o put.html", says: "its lines, in a browser" }],
	async run(ctx, input) {
		return profilePage(ctx, await openProfile(ctx, input), input, input.regexp);
	},
});
