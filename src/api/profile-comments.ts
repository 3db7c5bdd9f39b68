import { type Static, Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { profileProperties } from "./profile-input.ts";
import { headOf, prepareView } from "./profile-report.ts";
import { profileHead } from "./profile-shape.ts";
import { openProfile } from "./profile-source.ts";

const result = Type.Object({
	...profileHead,
	all: Type.Array(Type.String(), { description: "every comment, also those that reports leave out" }),
});
export type ProfileCommentsResult = Static<typeof result>;

export const operation = defineOperation({
	name: "profile comments",
	summary: "The comments that a profile carries",
	group: "Profiles",
	kind: "query",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result,
	examples: [{ command: "gomem profile comments heap.pb.gz", says: "what was written into it" }],
	async run(ctx, input) {
		const opened = await openProfile(ctx, input);
		const prepared = prepareView(ctx, opened, input, { format: "comments" });
		return { ...headOf(opened, prepared), all: [...opened.profile.comments] };
	},
});
