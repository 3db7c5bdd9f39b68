import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { profileProperties, regexpProperty } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";
import { profileTree, treeResult } from "./profile-tree.ts";

export const operation = defineOperation({
	name: "profile peek",
	summary: "Who calls the functions that match, and what they call",
	group: "Profiles",
	kind: "query",
	effect: "read",
	target: "none",
	input: Type.Object({ regexp: regexpProperty, ...profileProperties }),
	result: treeResult,
	examples: [{ command: "gomem profile peek 'json.*Decode' 4242", says: "whose decoding it is" }],
	async run(ctx, input) {
		return profileTree(ctx, await openProfile(ctx, input), input, input.regexp);
	},
});
