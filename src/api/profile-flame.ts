import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { profileFlame } from "./profile-picture.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile flame",
	summary: "The flame graph of a profile: a page to search and zoom, or svg",
	description:
		"The page holds all sample types and needs no network; with --diff-base it shows what grew and what shrank. A name that ends in .svg gives a picture.",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object({
		...profileProperties,
		form: Type.Optional(
			Type.Enum(["html", "svg"], { description: "page or picture; by the name of -o where not said" }),
		),
		upward: Type.Boolean({ description: "of the picture: flames go up from the root", default: false }),
	}),
	result: artifactResult,
	examples: [
		{ command: "gomem profile flame 4242 -o heap.html", says: "what holds the heap, to click through" },
		{ command: "gomem profile flame now.pb.gz --diff-base before.pb.gz -o diff.html", says: "what changed" },
		{ command: "gomem profile flame cpu.pb.gz -o cpu.svg", says: "a picture" },
	],
	async run(ctx, input) {
		return profileFlame(ctx, await openProfile(ctx, input), input);
	},
});
