import { padLeft } from "../go-format.ts";
import { type EdgeLists, type Edges, edgesBy } from "../graph/edges.ts";
import { cumOf, flatOf, nameOf } from "../graph/graph.ts";
import { sortedEdges } from "../graph/order.ts";
import { trimmedGraph } from "../graph/trim.ts";
import { percentage } from "../measurement.ts";
import { formatValue, type Prepared } from "../prepare.ts";
import { outputUnit, reportLabels } from "./labels.ts";

/** pprof's `top` (internal/report, printText). */
export function* textReport(prepared: Prepared): Generator<string> {
	const trimmed = trimmedGraph(prepared, "inlining");
	const { graph } = trimmed;
	const unit = outputUnit(prepared, graph);
	const incoming = edgesBy(graph.edges.callee, graph.edges, graph.values.flat.numbers.length);
	yield `${reportLabels(prepared, trimmed, unit, false).join("\n")}\n`;
	yield `${padLeft("flat", 10)} ${padLeft("flat", 5)}% ${padLeft("sum", 5)}% ${padLeft("cum", 10)} ${padLeft("cum", 5)}%\n`;
	let sum = 0;
	for (const node of graph.nodes) {
		const flat = flatOf(graph, node);
		const cum = cumOf(graph, node);
		sum += flat;
		yield `${padLeft(formatValue(prepared, flat, unit), 10)} ${percentage(flat, prepared.total)} ${percentage(sum, prepared.total)} ${padLeft(formatValue(prepared, cum, unit), 10)} ${percentage(cum, prepared.total)}  ${nameOf(graph, node)}${inlineMark(graph.edges, incoming, node)}\n`;
	}
}

/** Whether the calls of a node are inlined: all, some, none. */
function inlineMark(edges: Edges, incoming: EdgeLists, node: number): string {
	let inlined = false;
	let called = false;
	for (let i = incoming.start[node]!; i < incoming.start[node + 1]!; i++) {
		if (edges.inlined[incoming.edge[i]!] === 1) inlined = true;
		else called = true;
	}
	if (!inlined) return "";
	return called ? " (partial-inline)" : " (inline)";
}

const RULE = "----------------------------------------------------------+-------------\n";

/**
 * pprof's `tree`, and `peek` where there is a pattern: each node between its callers and callees (printTree). Returns how
 * many nodes it shows.
 */
export function* treeReport(prepared: Prepared): Generator<string, number> {
	const trimmed = trimmedGraph(prepared, "edges");
	const { graph } = trimmed;
	const { edges } = graph;
	const unit = outputUnit(prepared, graph);
	const nodes = graph.values.flat.numbers.length;
	const incoming = edgesBy(edges.callee, edges, nodes);
	const outgoing = edgesBy(edges.caller, edges, nodes);
	const text = (value: number): string => formatValue(prepared, value, unit);
	const edgeLines = function* (lists: EdgeLists, node: number, end: Uint32Array): Generator<string> {
		const rows = lists.edge.subarray(lists.start[node], lists.start[node + 1]);
		for (const edge of sortedEdges(graph, rows)) {
			// not the mean, where there is one: pprof prints the sums of edges
			const weight = edges.weight.numbers[edge]!;
			const inline = edges.inlined[edge] === 1 ? " (inline)" : "";
			yield `${padLeft(text(weight), 50)} ${percentage(weight, cumOf(graph, node))} |   ${nameOf(graph, end[edge]!)}${inline}\n`;
		}
	};
	yield `${reportLabels(prepared, trimmed, unit, false).join("\n")}\n`;
	yield `${RULE}      flat  flat%   sum%        cum   cum%   calls calls% + context 	 	 \n`;
	let sum = 0;
	let shown = 0;
	for (const node of graph.nodes) {
		const name = nameOf(graph, node);
		if (prepared.pattern?.matches(name) === false) continue;
		shown++;
		const flat = flatOf(graph, node);
		const cum = cumOf(graph, node);
		sum += flat;
		yield RULE;
		yield* edgeLines(incoming, node, edges.caller);
		yield `${padLeft(text(flat), 10)} ${percentage(flat, prepared.total)} ${percentage(sum, prepared.total)} ${padLeft(text(cum), 10)} ${percentage(cum, prepared.total)}                | ${name}\n`;
		yield* edgeLines(outgoing, node, edges.callee);
	}
	if (graph.nodes.length > 0) yield RULE;
	return shown;
}
