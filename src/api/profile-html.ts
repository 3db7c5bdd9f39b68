import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { profilePage } from "./profile-picture.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile html",
	summary: "One html file: top, flame graph, call graph and source of a profile",
	description:
		"It needs no network and no server; attach it to a ticket. Source of the heaviest functions is in it as far as it is found here.",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [{ command: "gomem profile html 4242 -o heap.html", says: "all of it to look at later" }],
	async run(ctx, input) {
		return profilePage(ctx, await openProfile(ctx, input), input);
	},
});
