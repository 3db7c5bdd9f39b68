import { NodeTable } from "./graph/node-table.ts";
import { type ContextTree, contextTree, contextValues } from "./graph/tree-graph.ts";
import { sampleWeights } from "./graph/weights.ts";
import { divided, type Prepared } from "./prepare.ts";

/**
 * Folded stacks, as flamegraph.pl and its like read them: frames from the root, separated by semicolons, and what the stack
 * weighs after `divide_by`, a line for each stack. Of a profile prepared as `stacks`; stacks that weigh nothing are left out.
 */
export function* foldedStacks(prepared: Prepared): Generator<string> {
	const { profile, value } = prepared;
	const table = new NodeTable(profile);
	const tree = contextTree(profile.samples, table, sampleWeights(value, undefined).skip);
	const { flat } = contextValues(tree, value.numbers);
	for (let at = 0; at < tree.count; at++) {
		const weight = divided(prepared, flat[at]!); // a sum for each context
		if (weight !== 0) yield `${stackText(tree, table, at)} ${weight}\n`;
	}
}

function stackText(tree: ContextTree, table: NodeTable, leaf: number): string {
	const names: string[] = [];
	for (let at = leaf; at >= 0; at = tree.parent[at]!) {
		const node = tree.info[at]!;
		// A semicolon or a line break in a name would be read as more frames or another stack.
		names.push((table.functionName(node) || table.name(node)).replace(/[;\r\n]/g, ","));
	}
	return names.reverse().join(";");
}
