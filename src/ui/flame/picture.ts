import { treeEnds, treeParents, treeSums } from "../../profile/flame-sums.ts";
import type { FlameTree } from "../../profile/flame-tree.ts";

/** A flame tree laid out for one sample type: by node. Widths and positions are in the unit of the type. */
export interface Picture {
	readonly tree: FlameTree;
	/** row of tree.values */
	readonly type: number;
	readonly unit: string;
	readonly parent: Int32Array;
	/** the first node after it that is not below it */
	readonly end: Uint32Array;
	readonly left: Float64Array;
	/** what it and all below weigh; of a difference without signs, so that what is gone is there too */
	readonly width: Float64Array;
	/** what it and all below weigh; of a difference the change, which may be below 0 */
	readonly total: Float64Array;
	/** of a difference against a base: what the base weighs */
	readonly base: Float64Array | undefined;
	/** where means are told: the totals of the type that they are by */
	readonly counts: Float64Array | undefined;
	/** where its callees end and what was left out begins, and how wide that is */
	readonly restLeft: Float64Array;
	readonly restWidth: Float64Array;
	/** depth of the deepest node */
	readonly deepest: number;
}

/** What is the same for all sample types is made once. */
export class Pictures {
	readonly tree: FlameTree;
	readonly #parent: Int32Array;
	readonly #end: Uint32Array;
	readonly #deepest: number;
	readonly #made = new Map<number, Picture>();

	constructor(tree: FlameTree) {
		this.tree = tree;
		this.#parent = treeParents(tree.depth);
		this.#end = treeEnds(tree.depth);
		this.#deepest = tree.depth.reduce((deepest, depth) => Math.max(deepest, depth), 0);
	}

	/** `type` is a row of tree.values. */
	of(type: number): Picture {
		const known = this.#made.get(type);
		if (known !== undefined) return known;
		const picture = this.#lay(type);
		this.#made.set(type, picture);
		return picture;
	}

	#lay(type: number): Picture {
		const { depth, values } = this.tree;
		const counting = countType(this.tree, type);
		const value = values[type]!; // a row
		const own = value.self.map((self, node) => self + value.rest[node]!);
		const total = treeSums(depth, own);
		const width = value.size === undefined ? total : treeSums(depth, value.size);
		const left = new Float64Array(depth.length);
		/** by node: where its next callee goes */
		const next = new Float64Array(depth.length);
		for (let node = 1; node < depth.length; node++) {
			const parent = this.#parent[node]!;
			left[node] = next[parent]!;
			next[node] = left[node]!;
			next[parent]! += width[node]!;
		}
		return {
			tree: this.tree,
			type,
			unit: value.unit,
			parent: this.#parent,
			end: this.#end,
			left,
			width,
			total,
			base: value.base && treeSums(depth, value.base),
			counts: counting === undefined ? undefined : this.of(counting).total,
			restLeft: next,
			restWidth: value.restSize ?? value.rest,
			deepest: this.#deepest,
		};
	}
}

/** The row of the sample type that means are by: the first; undefined where a type has none. */
export function countType(tree: FlameTree, type: number): number | undefined {
	return tree.mean && type > 0 ? 0 : undefined;
}

/** The nodes from the root to a node, with both. */
export function pathTo(picture: Picture, node: number): readonly number[] {
	const path = [node];
	for (let up = picture.parent[node]!; up >= 0; up = picture.parent[up]!) path.push(up);
	return path.reverse();
}

/** The node of which a point is part at a depth, at `x` in the unit of the picture; undefined where there is none. */
export function nodeAt(picture: Picture, depth: number, x: number): number | undefined {
	let node = 0;
	while (picture.tree.depth[node]! < depth) {
		const callee = calleeAt(picture, node, x);
		if (callee === undefined) return undefined;
		node = callee;
	}
	return node;
}

function calleeAt(picture: Picture, node: number, x: number): number | undefined {
	for (let at = node + 1; at < picture.end[node]!; at = picture.end[at]!) {
		if (x >= picture.left[at]! && x < picture.left[at]! + picture.width[at]!) return at;
	}
	return undefined;
}

export type Step = "caller" | "callee" | "left" | "right";

/** The node that a step leads to: the caller, the heaviest callee, the neighbour on a side; itself where there is none. */
export function stepFrom(picture: Picture, node: number, step: Step): number {
	const caller = picture.parent[node]!;
	if (step === "caller") return Math.max(caller, 0);
	if (step === "callee") return heaviestCallee(picture, node) ?? node;
	if (caller < 0) return node;
	if (step === "right") {
		let at = picture.end[node]!;
		while (at < picture.end[caller]! && picture.width[at] === 0) at = picture.end[at]!;
		return at < picture.end[caller]! ? at : node;
	}
	let before = node;
	for (let at = caller + 1; at < node; at = picture.end[at]!) if (picture.width[at]! > 0) before = at;
	return before;
}

function heaviestCallee(picture: Picture, node: number): number | undefined {
	let found: number | undefined;
	for (let at = node + 1; at < picture.end[node]!; at = picture.end[at]!) {
		if (picture.width[at]! > (found === undefined ? 0 : picture.width[found]!)) found = at;
	}
	return found;
}
