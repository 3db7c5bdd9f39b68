import { figure } from "../profile/figure.ts";
import { divided, type Prepared, prepare, type ReportFormat } from "../profile/prepare.ts";
import { GomemError } from "./errors.ts";
import type { OperationContext } from "./operation.ts";
import { type ViewInput, viewOf } from "./profile-options.ts";
import type { ProfileHead } from "./profile-shape.ts";
import type { OpenedProfile } from "./profile-source.ts";
import { momentOf } from "./profile-take.ts";
import { localZone } from "./profile-zone.ts";

/** The form of a report, and a pattern for those that have one. */
export interface View {
	readonly format: ReportFormat;
	readonly regexp?: string;
}

/** Makes a profile ready for a report with pprof's options of an input. Throws GomemError. */
export function prepareView(
	ctx: Pick<OperationContext, "warn">,
	opened: OpenedProfile,
	input: ViewInput,
	view: View,
): Prepared {
	const prepared = prepare(opened.profile, {
		format: view.format,
		options: viewOf(input),
		zoneAt: localZone,
		...(view.regexp === undefined ? {} : { pattern: view.regexp }),
	});
	if ("error" in prepared) throw reportError(prepared.error);
	for (const warning of prepared.warnings) ctx.warn(warning);
	return prepared;
}

export function reportError(why: string): GomemError {
	const hint = HINTS.find(([pattern]) => pattern.test(why))?.[1] ?? "--help tells what each option takes";
	return new GomemError({ code: "invalid-input", message: "the report cannot be made so", why, hint });
}

const HINTS: readonly (readonly [why: RegExp, hint: string])[] = [
	[/regexp/, "regular expressions are Go's (RE2): a bracket that is meant as such is \\( or \\["],
	[/sample_index/, "--sample-index takes one of these names, or its place in the list, from 0"],
	[/no matches found/, "gomem profile top SOURCE --no-trim lists all functions"],
];

/** What every result says of its profile. */
export function headOf(opened: OpenedProfile, prepared: Prepared): ProfileHead {
	const { profile, sources } = opened;
	const time = momentOf(profile.timeNanos);
	const { unit } = prepared.options;
	return {
		title: prepared.title,
		sampleType: prepared.sampleType,
		unit: prepared.sampleUnit,
		total: figure(divided(prepared, prepared.total)),
		sampleTypes: profile.sampleTypes.map((type) => ({ ...type })),
		...(time === undefined ? {} : { time }),
		...(profile.durationNanos === 0n ? {} : { durationMs: Number(profile.durationNanos) / 1e6 }),
		comments: profile.comments.filter((comment) => !comment.startsWith("#")),
		filters: [...prepared.filters],
		sources: [...sources],
		...(opened.comparison === undefined ? {} : { comparison: opened.comparison }),
		...(unit === "minimum" || unit === "auto" ? {} : { shownUnit: unit }),
	};
}

/** Chunks of text as lines; the last one has no line break after it. */
export function linesOf(chunks: Iterable<string>): string[] {
	return [...chunks].join("").replace(/\n$/, "").split("\n");
}
