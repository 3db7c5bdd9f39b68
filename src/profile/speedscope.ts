import { NodeTable } from "./graph/node-table.ts";
import { contextTree } from "./graph/tree-graph.ts";
import { divided, type Prepared } from "./prepare.ts";

/**
 * The profile as a document for speedscope (https://www.speedscope.app/file-format-schema.json), in chunks of JSON: one sampled
 * profile per sample type, the one asked for in front. Of a profile prepared as `stacks`. Samples that weigh nothing or,
 * in a difference, less than nothing are left out: speedscope has no negative weights.
 */
export function* speedscopeDocument(prepared: Prepared): Generator<string> {
	const { profile } = prepared;
	const table = new NodeTable(profile);
	const frames = Array.from({ length: table.count }, (_, node) => ({
		name: table.functionName(node) || table.name(node),
		...(table.file(node) === "" ? {} : { file: table.file(node) }),
		...(table.line(node) === 0 ? {} : { line: table.line(node) }),
	}));
	const active = Math.max(profile.samples.values.indexOf(prepared.value), 0);
	yield `{"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"gomem",`;
	yield `"name":${JSON.stringify(prepared.title === "" ? "profile" : prepared.title)},"activeProfileIndex":${active},`;
	yield `"shared":{"frames":${JSON.stringify(frames)}},"profiles":[`;
	const weigh = weighing(prepared, table);
	for (const [type, { numbers }] of profile.samples.values.entries()) {
		yield* sampledProfile(prepared, table, type, weigh(numbers));
	}
	yield "]}\n";
}

/**
 * By sample what it weighs after `divide_by`. Of equal stacks the first then has the weight of all: cut one by one, small
 * samples would be lost.
 */
function weighing(prepared: Prepared, table: NodeTable): (numbers: Float64Array) => Float64Array {
	if (prepared.options.divide_by === 1) return (numbers) => numbers;
	const { samples } = prepared.profile;
	const { leaf } = contextTree(samples, table, new Uint8Array(samples.count));
	const firsts = new Map<number, number>();
	for (const [s, context] of leaf.entries()) if (!firsts.has(context)) firsts.set(context, s);
	return (numbers) => {
		const sums = new Float64Array(numbers.length);
		for (const [s, weight] of numbers.entries()) sums[firsts.get(leaf[s]!)!]! += Math.max(weight, 0); // each has a first
		return sums.map((sum) => divided(prepared, sum));
	};
}

function* sampledProfile(prepared: Prepared, table: NodeTable, type: number, weights: Float64Array): Generator<string> {
	const { samples, sampleTypes } = prepared.profile;
	const { type: name, unit } = sampleTypes[type]!; // one per column
	let whole = 0;
	for (const weight of weights) whole += Math.max(weight, 0);
	yield `${type === 0 ? "" : ","}{"type":"sampled","name":${JSON.stringify(name)},"unit":"${unitName(unit)}",`;
	yield `"startValue":0,"endValue":${whole},"samples":[`;
	let first = true;
	for (let s = 0; s < samples.count; s++) {
		if (weights[s]! <= 0) continue;
		yield `${first ? "" : ","}[${stackOf(prepared, table, s).join()}]`;
		first = false;
	}
	yield `],"weights":[${weights.filter((weight) => weight > 0).join()}]}`;
}

/** nodes from the root */
function stackOf(prepared: Prepared, table: NodeTable, sample: number): readonly number[] {
	const { locationStart, location } = prepared.profile.samples;
	const stack: number[] = [];
	for (let at = locationStart[sample + 1]! - 1; at >= locationStart[sample]!; at--) {
		const l = location[at]!;
		for (let i = table.start[l + 1]! - 1; i >= table.start[l]!; i--) stack.push(table.node[i]!);
	}
	return stack;
}

/** the units that the format knows; "none" for counts and all others */
function unitName(unit: string): string {
	return /^(nanoseconds|microseconds|milliseconds|seconds|bytes)$/.test(unit) ? unit : "none";
}
