import { baseName } from "../go-format.ts";
import { edgesBy, edgeWeight } from "../graph/edges.ts";
import { cumOf, flatOf, type Graph, nameOf, rowOf } from "../graph/graph.ts";
import { sortedEdges } from "../graph/order.ts";
import { trimmedGraph } from "../graph/trim.ts";
import { percentage } from "../measurement.ts";
import { formatValue, type Prepared } from "../prepare.ts";
import { tagBoxes } from "./dot-tags.ts";
import { outputUnit, reportLabels } from "./labels.ts";
import { shortName } from "./short-name.ts";

/** The call graph for graphviz (google/pprof internal/graph/dotgraph.go, ComposeDot). */
export function* dotReport(prepared: Prepared): Generator<string> {
	const trimmed = trimmedGraph(prepared, "picture");
	const { graph, tags } = trimmed;
	const unit = outputUnit(prepared, graph);
	const labels = reportLabels(prepared, trimmed, unit, true);
	const format = (value: number): string => formatValue(prepared, value, unit);
	yield `digraph "${prepared.title === "" ? "unnamed" : prepared.title}" {\nnode [style=filled fillcolor="#f8f8f8"]\n`;
	yield legend(prepared, labels);
	const ids = new Map<number, number>();
	let largest = 0;
	for (const [i, node] of graph.nodes.entries()) {
		ids.set(node, i + 1);
		largest = Math.max(largest, Math.abs(flatOf(graph, node)));
	}
	const withBoxes = new Set<number>();
	const callers = edgesBy(graph.edges.caller, graph.edges, graph.values.flat.numbers.length);
	for (const [i, node] of graph.nodes.entries()) {
		yield nodeText(prepared, graph, node, i + 1, largest, format);
		const isLeaf = callers.start[node] === callers.start[node + 1];
		const boxes = tagBoxes(tags.get(node), `N${i + 1}`, !isLeaf, format);
		if (boxes !== "") withBoxes.add(node);
		yield boxes;
	}
	// Heavy edges first: that helps graphviz to lay them out.
	const shown = [...graph.nodes].flatMap((node) => [
		...callers.edge.subarray(callers.start[node], callers.start[node + 1]),
	]);
	for (const edge of sortedEdges(graph, Uint32Array.from(shown))) {
		yield edgeText(prepared, graph, edge, ids, withBoxes, format);
	}
	yield "}\n";
}

function legend(prepared: Prepared, labels: readonly string[]): string {
	const title = labels[0];
	if (title === undefined) return "";
	const tooltip = prepared.title === "" ? "" : ` tooltip="${prepared.title}"`;
	const text = labels.map(escaped).join("\\l");
	return `subgraph cluster_L { "${escaped(title)}" [shape=box fontsize=16 label="${text}\\l"${tooltip}] }\n`;
}

function nodeText(
	prepared: Prepared,
	graph: Graph,
	node: number,
	id: number,
	largest: number,
	format: (value: number) => string,
): string {
	const { total } = prepared;
	const flat = flatOf(graph, node);
	const cum = cumOf(graph, node);
	const part = (value: number): string => percentage(value, total).trim();
	let label = multilineName(graph, node);
	label += flat === 0 ? "0" : `${format(flat)} (${part(flat)})`;
	if (cum !== flat) label += `${flat === 0 ? " " : "\\n"}of ${format(cum)} (${part(cum)})`;
	const grown = largest !== 0 && flat !== 0 ? Math.ceil(16 * Math.sqrt(Math.abs(flat) / largest)) : 0;
	const share = cum / Math.abs(total);
	const tooltip = `${escaped(nameOf(graph, node))} (${format(cum)})`;
	return `N${id} [label="${label}" id="node${id}" fontsize=${8 + grown} shape=box tooltip="${tooltip}" color="${color(share, false)}" fillcolor="${color(share, true)}"]\n`;
}

function edgeText(
	prepared: Prepared,
	graph: Graph,
	edge: number,
	ids: ReadonlyMap<number, number>,
	withBoxes: ReadonlySet<number>,
	format: (value: number) => string,
): string {
	const { total } = prepared;
	const { edges } = graph;
	const weight = edgeWeight(edges, edge);
	const caller = edges.caller[edge]!;
	const callee = edges.callee[edge]!;
	let attributes = `label=" ${format(weight)}${edges.inlined[edge] === 1 ? "\\n (inline)" : ""}"`;
	if (total !== 0) {
		const thick = (steps: number): number => 1 + Math.min(Math.abs(Math.trunc((weight * steps) / total)), steps);
		if (thick(100) > 1) attributes += ` weight=${thick(100)}`;
		if (thick(5) > 1) attributes += ` penwidth=${thick(5)}`;
		attributes += ` color="${color(weight / Math.abs(total), false)}"`;
	}
	const arrow = edges.residual[edge] === 1 ? "..." : "->";
	const tooltip = `"${escaped(nameOf(graph, caller))} ${arrow} ${escaped(nameOf(graph, callee))} (${format(weight)})"`;
	attributes += ` tooltip=${tooltip} labeltooltip=${tooltip}`;
	if (edges.residual[edge] === 1) attributes += ' style="dotted"';
	if (withBoxes.has(caller)) attributes += " minlen=2";
	return `N${ids.get(caller) ?? 0} -> N${ids.get(callee) ?? 0} [${attributes}]\n`;
}

/**
 * A shade for a part of the total between -1 and 1: green below 0, grey at 0, red above; light for backgrounds
 * (dotgraph.go, dotColor).
 */
function color(part: number, background: boolean): string {
	const value = background ? 0.93 : 0.7;
	// A total of 0 makes the part no number; Go turns the colors that come of it into 0.
	const score = Number.isNaN(part) ? part : Math.max(-1, Math.min(1, part));
	const near = Math.abs(score) < 0.2 ? Math.abs(score) / 0.2 : 1;
	const saturation = (background ? 0.1 : 1) * near;
	const shifted = score === 0 ? 0 : Math.sign(score) * Math.abs(score) ** (1 - 0.7);
	const red = shifted < 0 ? value * (1 + saturation * shifted) : value;
	const green = shifted < 0 ? value : value * (1 - saturation * shifted);
	const hex = (shade: number): string => (Math.trunc(shade * 255) & 0xff).toString(16).padStart(2, "0");
	return `#${hex(red)}${hex(green)}${hex(value * (1 - saturation))}`;
}

/** The name with a line for each part of it. */
function multilineName(graph: Graph, node: number): string {
	const { table } = graph;
	const row = rowOf(graph, node);
	const name = escaped(shortName(table.functionName(row)))
		.replaceAll("::", "\\n")
		// the type parameters of Go are no lines of their own
		.replaceAll("[...]", "[…]")
		.replaceAll(".", "\\n");
	const file = table.file(row);
	return `${table.nameParts(row, name, file === "" ? "" : baseName(file)).join("\\n")}\\n`;
}

/** Text inside of double quotes, its lines aligned to the left. */
export function escaped(text: string): string {
	return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\l");
}
