/** Sums over a tree whose nodes come in the order of a walk that goes down first: `depth` tells its form. */

/** By node: what `own` of it and of all below it add up to. */
export function treeSums(depth: Uint32Array, own: Float64Array): Float64Array {
	const sums = own.slice();
	/** by depth, the last node seen there */
	const open: number[] = [];
	const close = (until: number): void => {
		while (open.length > until) {
			const done = open.pop()!; // longer than `until`, so not empty
			const caller = open.at(-1);
			if (caller !== undefined) sums[caller]! += sums[done]!;
		}
	};
	for (let node = 0; node < depth.length; node++) {
		close(depth[node]!);
		open.push(node);
	}
	close(0);
	return sums;
}

/** By node: the first one after it that is not below it. */
export function treeEnds(depth: Uint32Array): Uint32Array {
	const ends = new Uint32Array(depth.length).fill(depth.length);
	const open: number[] = [];
	for (let node = 0; node < depth.length; node++) {
		while (open.length > depth[node]!) ends[open.pop()!] = node; // not empty
		open.push(node);
	}
	return ends;
}

/** By node its caller, -1 of the root. */
export function treeParents(depth: Uint32Array): Int32Array {
	const parents = new Int32Array(depth.length);
	const open: number[] = [];
	for (let node = 0; node < depth.length; node++) {
		open.length = depth[node]!;
		parents[node] = open.at(-1) ?? -1;
		open.push(node);
	}
	return parents;
}
