import { type Static, Type } from "typebox";
import { treeReport } from "../profile/report/text.ts";
import { treeRows } from "../profile/rows.ts";
import { defineOperation, type OperationContext } from "./operation.ts";
import { profileProperties } from "./profile-input.ts";
import type { ViewInput } from "./profile-options.ts";
import { headOf, linesOf, prepareView, reportError } from "./profile-report.ts";
import { Figure, place, pprofText, profileHead, rowsHead, topRow } from "./profile-shape.ts";
import { type OpenedProfile, openProfile } from "./profile-source.ts";
import { plainPlace } from "./profile-top.ts";

const Edge = Type.Object({
	...place,
	weight: Figure,
	inlined: Type.Boolean(),
	residual: Type.Boolean({ description: "between the two are places that are not shown" }),
});

export const treeResult = Type.Object({
	...profileHead,
	...rowsHead,
	rows: Type.Array(Type.Object({ ...topRow, callers: Type.Array(Edge), callees: Type.Array(Edge) })),
	pprof: pprofText,
});
export type ProfileTreeResult = Static<typeof treeResult>;

export const operation = defineOperation({
	name: "profile tree",
	summary: "Each function of a profile between its callers and its callees",
	group: "Profiles",
	kind: "query",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: treeResult,
	examples: [
		{ command: "gomem profile tree 4242 --nodecount 10", says: "the ten largest, with who calls them" },
		{ command: "gomem profile tree cpu.pb.gz --cum --style pprof", says: "as go tool pprof prints it" },
	],
	async run(ctx, input) {
		return profileTree(ctx, await openProfile(ctx, input), input);
	},
});

/** Rows with their callers and callees; with a pattern those that match it. Throws GomemError. */
export function profileTree(
	ctx: Pick<OperationContext, "warn">,
	opened: OpenedProfile,
	input: ViewInput & { readonly style?: string },
	regexp?: string,
): ProfileTreeResult {
	const view = regexp === undefined ? ({ format: "tree" } as const) : ({ format: "peek", regexp } as const);
	const prepared = prepareView(ctx, opened, input, view);
	const { rows, shown, nodes, droppedNodes } = treeRows(prepared);
	if (regexp !== undefined && rows.length === 0) throw reportError(`no matches found for regexp: ${regexp}`);
	return {
		...headOf(opened, prepared),
		shown,
		nodes,
		droppedNodes,
		rows: rows.map((row) => ({
			...plainPlace(row),
			callers: row.callers.map(plainPlace),
			callees: row.callees.map(plainPlace),
		})),
		...(input.style === "pprof" ? { pprof: linesOf(treeReport(prepared)) } : {}),
	};
}
