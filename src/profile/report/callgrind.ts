import { edgesBy } from "../graph/edges.ts";
import { flatOf, type Graph, rowOf } from "../graph/graph.ts";
import { sortedEdges } from "../graph/order.ts";
import { trimmedGraph } from "../graph/trim.ts";
import { scale } from "../measurement.ts";
import type { Prepared } from "../prepare.ts";
import { outputUnit } from "./labels.ts";

/** The graph in callgrind's format, for kcachegrind (internal/report, printCallgrind). */
export function* callgrindReport(prepared: Prepared): Generator<string> {
	const { graph } = trimmedGraph(prepared, "edges");
	const { table, edges } = graph;
	const unit = outputUnit(prepared, graph);
	const names = functionNames(graph);
	const outgoing = edgesBy(edges.caller, edges, graph.values.flat.numbers.length);
	const binaryIds = new Map<string, number>();
	const fileIds = new Map<string, number>();
	const functionIds = new Map<string, number>();
	const whole = (value: number): number => Math.trunc(scale(value, prepared.sampleUnit, unit).value) + 0;
	yield `positions: instr line\nevents: ${prepared.sampleType}(${unit})\n`;
	let before = -1;
	for (const node of graph.nodes) {
		const row = rowOf(graph, node);
		const name = table.functionName(row);
		const same =
			before >= 0 &&
			table.binary(before) === table.binary(row) &&
			table.file(before) === table.file(row) &&
			table.functionName(before) === name;
		let text = "";
		if (!same) {
			text += `\nob=${compressed(binaryIds, table.binary(row))}\nfl=${compressed(fileIds, table.file(row))}\nfn=${compressed(functionIds, name)}\n`;
		}
		const previous = before < 0 ? undefined : table.address(before);
		text += `${addressText(previous, table.address(row))} ${table.line(row)} ${whole(flatOf(graph, node))}\n`;
		for (const edge of sortedEdges(graph, outgoing.edge.subarray(outgoing.start[node], outgoing.start[node + 1]))) {
			const callee = edges.callee[edge]!;
			const to = rowOf(graph, callee);
			text += `cfl=${compressed(fileIds, table.file(to))}\ncfn=${compressed(functionIds, names.get(callee) ?? "")}\n`;
			text += `calls=0 ${addressText(previous, table.address(to))} ${table.line(to)}\n`;
			text += `* * ${whole(edges.weight.numbers[edge]!)}\n`;
		}
		yield text;
		before = row;
	}
}

/**
 * Callgrind makes one function of all that share file and name: those which are several here, by binary or in a call tree by
 * their callers, are numbered (internal/report, getDisambiguatedNames).
 */
function functionNames(graph: Graph): ReadonlyMap<number, string> {
	const { table, edges, info } = graph;
	const identity = (node: number): string => {
		const key = table.functionKey(rowOf(graph, node));
		return info === undefined ? key : `${edges.dead[node] === 1 ? -1 : edges.caller[node]} ${key}`;
	};
	const groups = new Map<string, Map<string, number>>();
	const groupOf = (node: number): Map<string, number> => {
		const row = rowOf(graph, node);
		const key = `${table.file(row)}\0${table.functionName(row)}`;
		let group = groups.get(key);
		if (group === undefined) {
			group = new Map();
			groups.set(key, group);
		}
		return group;
	};
	for (const node of graph.nodes) {
		const group = groupOf(node);
		if (!group.has(identity(node))) group.set(identity(node), group.size);
	}
	return new Map(
		[...graph.nodes].map((node) => {
			const group = groupOf(node);
			const name = table.functionName(rowOf(graph, node));
			return [node, group.size > 1 ? `${name} [${(group.get(identity(node)) ?? 0) + 1}/${group.size}]` : name];
		}),
	);
}

/** "(1) name" where it first comes up, "(1)" later, "" for none */
function compressed(ids: Map<string, number>, name: string): string {
	if (name === "") return "";
	const known = ids.get(name);
	if (known !== undefined) return `(${known})`;
	ids.set(name, ids.size + 1);
	return `(${ids.size}) ${name}`;
}

/** An address, or how far it is from the one before where that is shorter. */
function addressText(before: bigint | undefined, address: bigint): string {
	const absolute = `0x${address.toString(16)}`;
	if (before === undefined) return absolute;
	if (before === address) return "*";
	const distance = BigInt.asIntN(64, address - before);
	const relative = distance > 0n ? `+${distance}` : `${distance}`;
	return relative.length < absolute.length ? relative : absolute;
}
