import { type Static, Type } from "typebox";
import { figure } from "../profile/figure.ts";
import { divided } from "../profile/prepare.ts";
import { tagsReport, tagTables } from "../profile/report/tags.ts";
import { defineOperation, type OperationContext } from "./operation.ts";
import { profileProperties } from "./profile-input.ts";
import type { ViewInput } from "./profile-options.ts";
import { headOf, linesOf, prepareView } from "./profile-report.ts";
import { Figure, pprofText, profileHead } from "./profile-shape.ts";
import { type OpenedProfile, openProfile } from "./profile-source.ts";

const result = Type.Object({
	...profileHead,
	tags: Type.Array(
		Type.Object({
			key: Type.String(),
			total: Figure,
			values: Type.Array(Type.Object({ value: Type.String(), weight: Figure }), { description: "heaviest first" }),
		}),
	),
	pprof: pprofText,
});
export type ProfileTagsResult = Static<typeof result>;

export const operation = defineOperation({
	name: "profile tags",
	summary: "What the samples of a profile weigh by label: pprof.Do's, sizes, states",
	group: "Profiles",
	kind: "query",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result,
	examples: [{ command: "gomem profile tags cpu.pb.gz", says: "CPU by the labels of pprof.Do" }],
	async run(ctx, input) {
		return profileTags(ctx, await openProfile(ctx, input), input);
	},
});

export function profileTags(
	ctx: Pick<OperationContext, "warn">,
	opened: OpenedProfile,
	input: ViewInput & { readonly style?: string },
): ProfileTagsResult {
	const prepared = prepareView(ctx, opened, input, { format: "tags" });
	const told = (value: number): Figure => figure(divided(prepared, value));
	return {
		...headOf(opened, prepared),
		tags: tagTables(prepared).map(({ key, total, values }) => ({
			key,
			total: told(total),
			values: values.map(({ name, weight }) => ({ value: name, weight: told(weight) })),
		})),
		...(input.style === "pprof" ? { pprof: linesOf(tagsReport(prepared)) } : {}),
	};
}
