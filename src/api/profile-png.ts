import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { profileGraph } from "./profile-picture.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile png",
	summary: "The call graph of a profile as a picture in pixels",
	description: "As gomem profile svg, for where svg is not shown.",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [{ command: "gomem profile png 4242 -o heap.png", says: "for a ticket or a chat" }],
	async run(ctx, input) {
		return profileGraph(ctx, await openProfile(ctx, input), input, "png");
	},
});
