import { SourceFiles } from "../capture/profile-code.ts";
import { listing } from "../profile/listing.ts";
import type { Prepared } from "../profile/prepare.ts";
import { dotReport } from "../profile/report/dot.ts";
import { topRows } from "../profile/rows.ts";
import type { SourceListing } from "./html/page-data.ts";
import type { Artifact, OperationContext } from "./operation.ts";
import { type ArtifactForm, bytesArtifact, type ProfileArtifactResult } from "./profile-artifact.ts";
import { type ViewInput, viewOf } from "./profile-options.ts";
import { prepareView, reportError } from "./profile-report.ts";
import type { OpenedProfile } from "./profile-source.ts";
import { localZone } from "./profile-zone.ts";

type Context = Pick<OperationContext, "warn" | "output">;

const html: ArtifactForm = { mediaType: "text/html; charset=utf-8", extension: "html" };
const svg: ArtifactForm = { mediaType: "image/svg+xml", extension: "svg" };
const png: ArtifactForm = { mediaType: "image/png", extension: "png" };

/** Functions whose source stands in a report where none are named. */
const SOURCES = 40;

/** The call graph, laid out. Throws GomemError where it is too large. */
export async function profileGraph(
	ctx: Context,
	opened: OpenedProfile,
	input: ViewInput,
	form: "svg" | "png",
): Promise<Artifact<ProfileArtifactResult>> {
	const prepared = prepareView(ctx, opened, input, { format: "dot" });
	const { graphSvg } = await import("./html/graph-svg.ts");
	const picture = await graphSvg([...dotReport(prepared)].join(""));
	if (form === "svg") return bytesArtifact(ctx, opened, prepared, svg, Buffer.from(picture, "utf8"));
	const { svgToPng } = await import("./html/png.ts");
	return bytesArtifact(ctx, opened, prepared, png, await svgToPng(picture));
}

/** The flame graph: a page, or a picture. */
export async function profileFlame(
	ctx: Context,
	opened: OpenedProfile,
	input: ViewInput & { readonly form?: "html" | "svg"; readonly upward?: boolean },
): Promise<Artifact<ProfileArtifactResult>> {
	const prepared = prepareView(ctx, opened, input, { format: "stacks" });
	const form = input.form ?? (ctx.output?.endsWith(".svg") === true ? "svg" : "html");
	const request = { options: viewOf(input), zoneAt: localZone };
	if (form === "svg") {
		const { flameSvg } = await import("./html/flame-svg.ts");
		const made = flameSvg(opened.profile, { ...request, flame: input.upward ?? false });
		if ("error" in made) throw reportError(made.error);
		return bytesArtifact(ctx, opened, prepared, { ...svg, extension: "flame.svg" }, Buffer.from(made.bytes, "utf8"));
	}
	const { flameHtml } = await import("./html/flame-html.ts");
	const made = await flameHtml(opened.profile, request);
	if ("error" in made) throw reportError(made.error);
	return bytesArtifact(ctx, opened, prepared, { ...html, extension: "flame.html" }, made.bytes);
}

/** One page with functions, flame graph, graph of calls and source: of the functions that match, else of the heaviest. */
export async function profilePage(
	ctx: Context,
	opened: OpenedProfile,
	input: ViewInput,
	regexp?: string,
): Promise<Artifact<ProfileArtifactResult>> {
	const prepared = prepareView(ctx, opened, input, { format: "stacks" });
	const { reportHtml } = await import("./html/report-html.ts");
	const sources = sourcesOf(opened, input, regexp);
	const made = await reportHtml(opened.profile, { options: viewOf(input), zoneAt: localZone, sources });
	if ("error" in made) throw reportError(made.error);
	return bytesArtifact(ctx, opened, prepared, html, made.bytes);
}

function sourcesOf(opened: OpenedProfile, input: ViewInput, regexp: string | undefined): readonly SourceListing[] {
	const quiet = { warn() {} };
	const wanted =
		regexp ?? heaviest(prepareView(quiet, opened, { ...input, granularity: "functions" }, { format: "text" }));
	if (wanted === "") return [];
	const prepared = prepareView(quiet, opened, input, { format: "list", regexp: wanted });
	const files = new SourceFiles({ sourcePath: input.sourcePath ?? "", trimPath: input.trimPath ?? "" });
	const listed = listing(prepared, (path) => files.read(path));
	if (!("error" in listed)) return [...listed].sort((a, b) => Math.abs(b.flat) - Math.abs(a.flat));
	if (regexp !== undefined) throw reportError(listed.error);
	return [];
}

/** A regular expression of the functions that weigh most themselves; "" where there are none. */
function heaviest(prepared: Prepared): string {
	const names = topRows(prepared)
		.rows.slice(0, SOURCES)
		.map((row) => row.function)
		.filter((name) => name !== "");
	const quoted = names.map((name) => name.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&"));
	return quoted.length === 0 ? "" : `^(?:${quoted.join("|")})$`;
}
