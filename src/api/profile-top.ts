import { type Static, Type } from "typebox";
import { textReport } from "../profile/report/text.ts";
import { topRows } from "../profile/rows.ts";
import { defineOperation, type OperationContext } from "./operation.ts";
import { profileProperties } from "./profile-input.ts";
import type { ViewInput } from "./profile-options.ts";
import { headOf, linesOf, prepareView } from "./profile-report.ts";
import { pprofText, profileHead, rowsHead, topRow } from "./profile-shape.ts";
import { type OpenedProfile, openProfile } from "./profile-source.ts";

const result = Type.Object({
	...profileHead,
	...rowsHead,
	rows: Type.Array(Type.Object(topRow)),
	pprof: pprofText,
});
export type ProfileTopResult = Static<typeof result>;

export const operation = defineOperation({
	name: "profile top",
	summary: "Which functions hold, allocate or spend the most, from any profile",
	description:
		"The sources are pprof profiles (files, directories, URLs) or running Go processes, whose heap profile is read from " +
		"their memory: they need serve nothing. Options are pprof's, also in pprof's spelling (-sample_index=alloc_space, -cum).",
	group: "Profiles",
	kind: "query",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result,
	examples: [
		{ command: "gomem profile top 4242", says: "what the process holds by function, without asking it" },
		{
			command: "gomem profile top10 heap.pb.gz --alloc_space --cum",
			says: "ten rows of what was allocated, callers first",
		},
		{ command: "gomem profile top http://host:6060 --type cpu --seconds 10", says: "ten seconds of a server's CPU" },
		{ command: "gomem profile top now.pb.gz --diff-base before.pb.gz", says: "what changed" },
	],
	async run(ctx, input) {
		return profileTop(ctx, await openProfile(ctx, input), input);
	},
});

/** The rows of a profile that is open. Throws GomemError where the options do not fit. */
export function profileTop(
	ctx: Pick<OperationContext, "warn">,
	opened: OpenedProfile,
	input: ViewInput & { readonly style?: string },
): ProfileTopResult {
	const prepared = prepareView(ctx, opened, input, { format: "text" });
	const { rows, shown, nodes, droppedNodes } = topRows(prepared);
	return {
		...headOf(opened, prepared),
		shown,
		nodes,
		droppedNodes,
		rows: rows.map(plainPlace),
		...(input.style === "pprof" ? { pprof: linesOf(textReport(prepared)) } : {}),
	};
}

/** A place without what is unknown. */
export function plainPlace<T extends { readonly line: number | undefined; readonly address: string | undefined }>(
	row: T,
): Omit<T, "line" | "address"> & { line?: number; address?: string } {
	const { line, address, ...rest } = row;
	return { ...rest, ...(line === undefined ? {} : { line }), ...(address === undefined ? {} : { address }) };
}
