import type { Profile } from "../../formats/pprof/model.ts";
import { report } from "../../profile/report.ts";
import { GomemError } from "../errors.ts";
import type { Made } from "./flame-html.ts";
import { graphSvg } from "./graph-svg.ts";
import { htmlReport } from "./html-report.ts";
import type { ReportPage, SourceListing } from "./page-data.ts";
import { type PictureOptions, profilePage } from "./profile-page.ts";

export interface ReportHtmlOptions extends PictureOptions {
	/** functions with their lines, as `list` finds them; the page has no tab for them where there are none */
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
	const data: ReportPage = {
		...page,
		...graph,
		sources: request.sources ?? [],
		sourceUnit: prepared.sampleUnit,
	};
	const bytes = await htmlReport({ title: `${page.title} · profile`, kit: "report", data });
	return { bytes, warnings: prepared.warnings };
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
