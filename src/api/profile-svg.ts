import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { profileGraph } from "./profile-picture.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile svg",
	summary: "The call graph of a profile as a picture, without graphviz",
	description: "Boxes are functions, as large as their own weight; arrows are calls. Graphviz comes with gomem.",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [
		{ command: "gomem profile svg 4242 -o heap.svg", says: "who calls the allocators" },
		{ command: "gomem profile svg cpu.pb.gz --focus json -o json.svg", says: "only what goes through json" },
	],
	async run(ctx, input) {
		return profileGraph(ctx, await openProfile(ctx, input), input, "svg");
	},
});
