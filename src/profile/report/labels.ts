import { baseName } from "../go-format.ts";
import { cumOf, flatOf, type Graph } from "../graph/graph.ts";
import type { TrimmedGraph } from "../graph/trim.ts";
import { label, percentage, scale } from "../measurement.ts";
import { divided, formatValue, type Prepared } from "../prepare.ts";

/**
 * The unit of a report's figures: the one asked for, or for "minimum" the one that suits the smallest figure, unless the
 * largest is more than a hundred times as large and of another unit (google/pprof internal/report, selectOutputUnit).
 */
export function outputUnit(prepared: Prepared, graph: Graph): string {
	const { unit } = prepared.options;
	if (unit !== "minimum" || graph.nodes.length === 0) return unit;
	let least = 0;
	for (const node of graph.nodes) {
		const size = Math.abs(flatOf(graph, node)) || Math.abs(cumOf(graph, node));
		if (size > 0 && (least === 0 || size < least)) least = size;
	}
	const smallest = divided(prepared, least === 0 ? prepared.total : least);
	const largest = divided(prepared, prepared.total);
	const suits = (value: number): string => scale(value, prepared.sampleUnit, "minimum").unit;
	let chosen = suits(smallest);
	if (chosen !== suits(largest) && smallest * 100 < largest && prepared.format !== "callgrind") {
		chosen = suits(100 * smallest);
	}
	return chosen === "" ? prepared.sampleUnit : chosen;
}

/** What a profile says of itself: binary, build, comments, type, time, duration (internal/report, ProfileLabels). */
export function profileLabels(prepared: Prepared, unit: string): readonly string[] {
	const { profile } = prepared;
	const labels: string[] = [];
	if (profile.mappings.count > 0) {
		const file = profile.strings.text(profile.mappings.filename[0]!);
		const buildId = profile.strings.text(profile.mappings.buildId[0]!);
		if (file !== "") labels.push(`File: ${baseName(file)}`);
		if (buildId !== "") labels.push(`Build ID: ${buildId}`);
	}
	labels.push(...profile.comments.filter((comment) => !comment.startsWith("#")));
	if (prepared.sampleType !== "") labels.push(`Type: ${prepared.sampleType}`);
	if (profile.docUrl !== "") labels.push(`Doc: ${profile.docUrl}`);
	if (profile.timeNanos !== 0n) labels.push(`Time: ${timeText(prepared)}`);
	if (profile.durationNanos !== 0n) labels.push(durationText(prepared, unit));
	return labels;
}

function timeText(prepared: Prepared): string {
	const nanos = prepared.profile.timeNanos;
	const milliseconds = Number((nanos - (((nanos % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n);
	const zone = prepared.zoneAt?.(milliseconds) ?? { name: "UTC", minutes: 0 };
	const local = new Date(milliseconds + zone.minutes * 60_000);
	const text = local.toISOString().replace(/^\+0*(?=\d{4})/, "");
	return `${text.slice(0, text.indexOf("T"))} ${text.slice(text.indexOf("T") + 1, text.indexOf("."))} ${zone.name}`;
}

function durationText(prepared: Prepared, unit: string): string {
	const nanos = Number(prepared.profile.durationNanos);
	const total = scale(prepared.total, prepared.sampleUnit, "nanoseconds");
	const isTime = total.unit === "ns" && total.value !== 0;
	const ratio = isTime ? `(${percentage(Math.trunc(total.value), nanos)})` : "";
	const figures = formatValue(prepared, prepared.total, unit);
	return `Duration: ${label(nanos, "nanoseconds")}, Total samples = ${figures} ${ratio}`;
}

/** The lines above a report of nodes (internal/report, reportLabels). `full`: with those of the profile, for pictures. */
export function reportLabels(
	prepared: Prepared,
	trimmed: TrimmedGraph,
	unit: string,
	full: boolean,
): readonly string[] {
	const { options, total } = prepared;
	const { graph } = trimmed;
	const labels: string[] = [];
	if (full || !options.compact_labels) labels.push(...profileLabels(prepared, unit));
	if (prepared.filters.length > 0) labels.push("Active filters:", ...prepared.filters.map(shortened));
	let shown = 0;
	for (const node of graph.nodes) shown += flatOf(graph, node);
	const text = (value: number): string => formatValue(prepared, value, unit);
	const part = percentage(shown, total).trim();
	labels.push(`Showing nodes accounting for ${text(shown)}, ${part} of ${text(total)} total`);
	if (total !== 0) {
		const cutoff = (fraction: number): string => text(Math.abs(Math.trunc(total * fraction)));
		const { droppedNodes, nodesBefore } = trimmed;
		const droppedEdges = full ? trimmed.droppedEdges : 0;
		if (droppedNodes > 0) {
			const s = droppedNodes > 1 ? "s" : "";
			labels.push(`Dropped ${droppedNodes} node${s} (cum <= ${cutoff(options.nodefraction)})`);
		}
		if (droppedEdges > 0) {
			const s = droppedEdges > 1 ? "s" : "";
			labels.push(`Dropped ${droppedEdges} edge${s} (freq <= ${cutoff(options.edgefraction)})`);
		}
		const count = graph.nodes.length;
		if (count > 0 && count < nodesBefore) labels.push(`Showing top ${count} nodes out of ${nodesBefore}`);
	}
	if (full) labels.push("\nSee https://git.io/JfYMW for how to read the graph");
	return labels;
}

/** A filter, cut after 80 bytes. */
function shortened(filter: string): string {
	const bytes = new TextEncoder().encode(filter);
	const text = bytes.length > 80 ? `${new TextDecoder().decode(bytes.subarray(0, 80))}…` : filter;
	return `   ${text}`;
}
