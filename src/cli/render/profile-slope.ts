import type { ProfileSlopeResult } from "../../api/profile-slope.ts";
import { count, duration, percent, rate, sparkline } from "../../figures/figures.ts";
import { FEWEST_READINGS } from "../../profile/slope.ts";
import { visibleStrings } from "../output.ts";
import { align } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { FigureText, fittingName } from "./profile-figures.ts";

type Trend = ProfileSlopeResult["whole"];
type Slope = NonNullable<Trend["held"]>;

/** Sites that are told; those that rise, or hold something, come first. */
const SITES = 15;

const SENTENCES: Readonly<Record<Trend["verdict"], string>> = {
	leak: "What is held rises through the whole series: a leak, or something that is not yet full",
	"growing cache": "What is held rises, and ever more slowly: a cache that fills",
	churn: "What is held does not rise; as much as it and more was allocated meanwhile: churn",
	stable: "What is held does not rise",
	undecided: "What is held went up, but not steadily enough to tell a rise from chance: more readings tell",
};
const TOO_FEW = "Too few readings to tell: three are the least";

const ONE_TIME = "All readings are of one and the same time: a slope needs profiles of different times";

export function render(result: ProfileSlopeResult, terminal: Terminal): string {
	const text = new FigureText({ unit: result.unit, total: result.whole.last });
	const per = (slope: Slope | undefined) => (slope === undefined ? "" : rateText(slope.perHour, result.unit));
	const span = duration(result.spanMs);
	const out = [
		`${terminal.style("bold", visibleStrings(result.sampleType))} · ${count(result.readings)} readings over ${span}, from ${result.from.replace("T", " ").replace(/\.\d+Z$/, "Z")}`,
		"",
		`  held       ${text.value(result.whole.first)} → ${text.value(result.whole.last)}   ${bounds(result.whole.held, result.unit)}   ${sparkline(result.heldAt, 40)}`,
		...(result.whole.allocated === undefined ? [] : [`  allocated  ${bounds(result.whole.allocated, result.unit)}`]),
		"",
		`${terminal.style("bold", "Verdict")}   ${sentence(result)}`,
	];
	const sites = result.sites.filter((site) => site.last !== 0 || site.first !== 0).slice(0, SITES);
	if (sites.length === 0) return out.join("\n");
	const head = ["held", "slope", "share", "allocated"].map((one) => align(one, 13, true)).join("");
	out.push("", terminal.style("dim", `${head}  site`));
	for (const site of sites) {
		const cells = [
			text.value(site.last),
			per(site.held),
			site.share === undefined || result.whole.verdict === "stable" ? "" : percent(site.share),
			per(site.allocated),
		];
		const figures = cells.map((cell) => align(cell, 13, true)).join("");
		const verdict = site.verdict === "leak" || site.verdict === "growing cache" ? `  ${site.verdict}` : "";
		const name = fittingName(site.name, terminal.rowColumns - figures.length - 2 - verdict.length);
		out.push(`${figures}  ${name}${terminal.style("yellow", verdict)}`);
	}
	return out.join("\n");
}
render.verbatim = true as const;

function sentence({ whole, spanMs, readings }: ProfileSlopeResult): string {
	if (whole.verdict === "undecided" && spanMs === 0) return ONE_TIME;
	return whole.verdict === "undecided" && readings < FEWEST_READINGS ? TOO_FEW : SENTENCES[whole.verdict];
}

function rateText(perHour: number, unit: string): string {
	if (unit === "bytes") return rate(perHour);
	const figure = Math.abs(perHour) >= 10 ? count(Math.round(perHour)) : perHour.toFixed(1);
	return `${perHour >= 0 ? "+" : ""}${figure}/h`;
}

/** The slope with its confidence interval. */
function bounds(slope: Slope | undefined, unit: string): string {
	if (slope === undefined) return "";
	const { perHour, lowPerHour, highPerHour } = slope;
	if (lowPerHour === undefined || highPerHour === undefined) return rateText(perHour, unit);
	return `${rateText(perHour, unit)} (${rateText(lowPerHour, unit)} … ${rateText(highPerHour, unit)})`;
}
