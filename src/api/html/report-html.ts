import type { Profile } from "../../formats/pprof/model.ts";
import { divided, type Prepared } from "../../profile/prepare.ts";
import { report } from "../../profile/report.ts";
import { GomemError } from "../errors.ts";
import type { Made } from "./flame-html.ts";
import { graphSvg } from "./graph-svg.ts";
import { htmlReport } from "./html-report.ts";
import type { ReportPage, SourceListing } from "./page-data.ts";
import { type PictureOptions, profilePage } from "./profile-page.ts";

export interface ReportHtmlOptions extends PictureOptions {
	/** functions with their lines, as `list` finds them (before `divide_by`); the page has no tab for them where there are none */
	readonly sources?: readonly SourceListing[];
}

/**
 * A loaded profile as one html file: functions, flame graph, graph of calls, source. A graph that cannot be drawn is left out and
 * the page says why.
 */
export async function reportHtml(
	loaded: Profile,
	request: ReportHtmlOptions = {},
): Promise<Made<Uint8Array> | { readonly error: string }> {
	const made = profilePage(loaded, request);
	if ("error" in made) return made;
	const { page, prepared } = made;
	const graph = await callGraph(loaded, request);
	const note = meanNote(prepared);
	const data: ReportPage = {
		...page,
		...graph,
		graphNote: graph.graphSvg === "" ? graph.graphNote : note,
		sources: (request.sources ?? []).map((source) => dividedSource(prepared, source)),
		sourceUnit: prepared.sampleUnit,
		sourceNote: note,
	};
	const bytes = await htmlReport({ title: `${page.title} · profile`, kit: "report", data });
	return { bytes, warnings: prepared.warnings };
}

/** Where the page has means instead of sums. */
function meanNote({ options, profile }: Prepared): string {
	return options.mean ? `Means by ${profile.sampleTypes[0]?.type}.` : "";
}

function dividedSource(prepared: Prepared, source: SourceListing): SourceListing {
	const weights = ({ flat, cum }: { readonly flat: number; readonly cum: number }) => ({
		flat: divided(prepared, flat),
		cum: divided(prepared, cum),
	});
	return { ...source, ...weights(source), lines: source.lines.map((line) => ({ ...line, ...weights(line) })) };
}

async function callGraph(
	loaded: Profile,
	{ options = {} }: PictureOptions,
): Promise<Pick<ReportPage, "graphSvg" | "graphNote">> {
	const dot = report(loaded, { format: "dot", options });
	if ("error" in dot) return { graphSvg: "", graphNote: dot.error };
	if (dot.kind !== "text") return { graphSvg: "", graphNote: "" };
	try {
		return { graphSvg: await graphSvg([...dot.text].join("")), graphNote: "" };
	} catch (error) {
		if (!(error instanceof GomemError)) throw error;
		return { graphSvg: "", graphNote: `There is no graph: ${error.message}${error.why ? ` (${error.why})` : ""}.` };
	}
}
