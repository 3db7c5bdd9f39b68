import type { Samples } from "../formats/pprof/model.ts";
import { CUT, END, type FlameStacks } from "./flame-stacks.ts";

/**
 * The heaviest part of the tree of calling contexts, node by node from the root: the node with the largest share comes next,
 * and its samples are parted by what they call. So a profile of millions of contexts costs as much as the nodes that are
 * kept, and what is left out is always lighter than what is there. The share of a sample is that in the sample type where
 * it is largest, of a node the sum of its samples': what is heavy in any type is kept.
 */
export interface Expansion {
	/** nodes; 0 is the root */
	readonly count: number;
	/** by node its caller, which has a lower number; -1 of the root */
	readonly parent: Int32Array;
	/** by node its row in the table of nodes; 0 of the root */
	readonly place: Uint32Array;
	/** by node 1 where its call was inlined in every sample */
	readonly inlined: Uint8Array;
	/** by node the callees that were left out */
	readonly more: Uint32Array;
	/** by sample its innermost node that was kept, -1 where it weighs nothing */
	readonly innermost: Int32Array;
	/** by sample 1 where its stack ends at that node */
	readonly ends: Uint8Array;
}

export interface ExpandOptions {
	/** a node is kept from this share of the whole on */
	readonly least: number;
	/** nodes at most */
	readonly most: number;
}

/** Nodes that may be kept, and then are, as columns that grow together. */
class Candidates {
	count = 0;
	parent = new Int32Array(1024);
	place = new Uint32Array(1024);
	inlined = new Uint8Array(1024);
	depth = new Uint32Array(1024);
	/** their samples are order[from] to order[to - 1] */
	from = new Uint32Array(1024);
	to = new Uint32Array(1024);
	share = new Float64Array(1024);

	add(): number {
		if (this.count === this.parent.length) {
			const columns = ["parent", "place", "inlined", "depth", "from", "to", "share"] as const;
			for (const name of columns) Object.assign(this, { [name]: doubled(this[name]) });
		}
		return this.count++;
	}
}

function doubled<T extends Int32Array | Uint32Array | Uint8Array | Float64Array>(array: T): T {
	const larger = new (array.constructor as { new (length: number): T })(array.length * 2);
	larger.set(array);
	return larger;
}

/** `places`: rows of the table that the words of the stacks are of. */
export function expand(samples: Samples, stacks: FlameStacks, places: number, options: ExpandOptions): Expansion {
	return new Expander(samples, stacks, places, options).run();
}

/** Indexes are in range throughout: the profile's invariants, and columns that are as long as what numbers them. */
class Expander {
	readonly #stacks: FlameStacks;
	readonly #options: ExpandOptions;
	readonly #candidates = new Candidates();
	/** candidates not kept yet, a binary heap with the largest share first */
	readonly #heap: number[] = [];
	/** the samples that weigh anything, and their shares; those of a node stand together, in their order */
	readonly #order: Uint32Array;
	readonly #share: Float64Array;
	/** while a node is parted: the slots of its samples, and these in their new order */
	readonly #slots: Uint32Array;
	readonly #parted: { readonly order: Uint32Array; readonly share: Float64Array };
	readonly #innermost: Int32Array;
	readonly #ends: Uint8Array;
	/** callees of the node in hand, by slot; slotOf is by row of the table */
	readonly #slotOf: Int32Array;
	#slotPlace = new Uint32Array(256);
	#slotSamples = new Uint32Array(256);
	#slotInlined = new Uint8Array(256);
	#slotShare = new Float64Array(256);

	constructor(samples: Samples, stacks: FlameStacks, places: number, options: ExpandOptions) {
		this.#stacks = stacks;
		this.#options = options;
		const shares = largestShares(samples);
		this.#order = Uint32Array.from(shares.keys()).filter((s) => shares[s]! > 0);
		const { length } = this.#order;
		this.#share = Float64Array.from(this.#order, (s) => shares[s]!);
		this.#slots = new Uint32Array(length);
		this.#parted = { order: new Uint32Array(length), share: new Float64Array(length) };
		this.#innermost = new Int32Array(samples.count).fill(-1);
		this.#ends = new Uint8Array(samples.count);
		this.#slotOf = new Int32Array(places).fill(-1);
	}

	run(): Expansion {
		const kept: number[] = [];
		const more: number[] = [];
		const root = this.#candidates.add();
		this.#candidates.parent[root] = -1;
		this.#candidates.to[root] = this.#order.length;
		for (let next: number | undefined = root; next !== undefined; ) {
			const node = kept.push(next) - 1;
			more.push(this.#part(node, next));
			next = kept.length < this.#options.most ? this.#pop() : undefined;
		}
		const { parent, place, inlined, from, to } = this.#candidates;
		for (const left of this.#heap) {
			more[parent[left]!]!++;
			this.#settle(parent[left]!, from[left]!, to[left]!);
		}
		return {
			count: kept.length,
			parent: Int32Array.from(kept, (at) => parent[at]!),
			place: Uint32Array.from(kept, (at) => place[at]!),
			inlined: Uint8Array.from(kept, (at) => inlined[at]!),
			more: Uint32Array.from(more),
			innermost: this.#innermost,
			ends: this.#ends,
		};
	}

	/** Parts the samples of a node by their next frame: callees become candidates. Returns how many were too light for that. */
	#part(node: number, candidate: number): number {
		const from = this.#candidates.from[candidate]!;
		const to = this.#candidates.to[candidate]!;
		const depth = this.#candidates.depth[candidate]!;
		const { slots, staying, cut } = this.#slot(depth, from, to);
		const [order, share, parted, slotAt] = [this.#order, this.#share, this.#parted, this.#slots];
		// where the next sample of each slot goes; what ends here stands in front
		const place = new Uint32Array(slots + 1);
		place[0] = from;
		for (let slot = 0, at = from + staying; slot < slots; slot++) {
			place[slot + 1] = at;
			at += this.#slotSamples[slot]!;
		}
		if (slots + Math.sign(staying) > 1) {
			for (let i = from; i < to; i++) {
				const at = place[slotAt[i]!]!++;
				parted.order[at] = order[i]!;
				parted.share[at] = share[i]!;
			}
			order.set(parted.order.subarray(from, to), from);
			share.set(parted.share.subarray(from, to), from);
		}
		this.#settle(node, from, from + staying);
		return this.#offer(node, depth + 1, slots, from + staying) + (cut ? 1 : 0);
	}

	/** Tells the samples from one position to another which node is their innermost. */
	#settle(node: number, from: number, to: number): void {
		for (let i = from; i < to; i++) this.#innermost[this.#order[i]!] = node;
	}

	/**
	 * Numbers the callees of a node from 0 and sums them up; the slot of a sample is 1 + that number, 0 for one that stays.
	 * `cut`: stacks go on below the node that are not known further.
	 */
	#slot(depth: number, from: number, to: number): { slots: number; staying: number; cut: boolean } {
		const [order, share, slotAt, slotOf] = [this.#order, this.#share, this.#slots, this.#slotOf];
		const column = this.#stacks.column(depth);
		let slots = 0;
		let staying = 0;
		let cut = false;
		for (let i = from; i < to; i++) {
			const s = order[i]!;
			const word = column === undefined ? this.#stacks.word(s, depth) : column[s]!;
			if (word >= CUT) {
				slotAt[i] = 0;
				staying++;
				if (word === END) this.#ends[s] = 1;
				else cut = true;
				continue;
			}
			let slot = slotOf[word >>> 1]!;
			if (slot < 0) {
				slot = slots++;
				this.#openSlot(slot, word >>> 1);
			}
			slotAt[i] = slot + 1;
			this.#slotSamples[slot]!++;
			this.#slotInlined[slot]! &= word & 1;
			this.#slotShare[slot]! += share[i]!;
		}
		return { slots, staying, cut };
	}

	#openSlot(slot: number, place: number): void {
		if (slot === this.#slotPlace.length) {
			this.#slotPlace = doubled(this.#slotPlace);
			this.#slotSamples = doubled(this.#slotSamples);
			this.#slotInlined = doubled(this.#slotInlined);
			this.#slotShare = doubled(this.#slotShare);
		}
		this.#slotOf[place] = slot;
		this.#slotPlace[slot] = place;
		this.#slotSamples[slot] = 0;
		this.#slotInlined[slot] = 1;
		this.#slotShare[slot] = 0;
	}

	#offer(node: number, depth: number, slots: number, start: number): number {
		let tooLight = 0;
		for (let slot = 0, from = start; slot < slots; slot++) {
			const to = from + this.#slotSamples[slot]!;
			const share = this.#slotShare[slot]!;
			this.#slotOf[this.#slotPlace[slot]!] = -1;
			if (share >= this.#options.least) {
				const candidate = this.#candidates.add();
				this.#candidates.parent[candidate] = node;
				this.#candidates.place[candidate] = this.#slotPlace[slot]!;
				this.#candidates.depth[candidate] = depth;
				this.#candidates.inlined[candidate] = this.#slotInlined[slot]!;
				this.#candidates.from[candidate] = from;
				this.#candidates.to[candidate] = to;
				this.#candidates.share[candidate] = share;
				this.#push(candidate);
			} else {
				tooLight++;
				this.#settle(node, from, to);
			}
			from = to;
		}
		return tooLight;
	}

	/** Larger shares first; of equal ones the one that was found first, so that the tree is the same each time. */
	#before(a: number, b: number): boolean {
		const { share } = this.#candidates;
		return share[a]! > share[b]! || (share[a] === share[b] && a < b);
	}

	#push(candidate: number): void {
		let at = this.#heap.push(candidate) - 1;
		for (; at > 0; at = (at - 1) >> 1) {
			const up = this.#heap[(at - 1) >> 1]!;
			if (!this.#before(candidate, up)) break;
			this.#heap[at] = up;
		}
		this.#heap[at] = candidate;
	}

	#pop(): number | undefined {
		const first = this.#heap[0];
		const last = this.#heap.pop();
		if (last === undefined || this.#heap.length === 0) return first;
		const { length } = this.#heap;
		let at = 0;
		for (let child = 1; child < length; child = at * 2 + 1) {
			if (child + 1 < length && this.#before(this.#heap[child + 1]!, this.#heap[child]!)) child++;
			const down = this.#heap[child]!;
			if (!this.#before(down, last)) break;
			this.#heap[at] = down;
			at = child;
		}
		this.#heap[at] = last;
		return first;
	}
}

/** By sample its share of the whole in the type where that is largest; 0 where it weighs nothing. */
function largestShares(samples: Samples): Float64Array {
	const shares = new Float64Array(samples.count);
	for (const { numbers } of samples.values) {
		let whole = 0;
		for (let s = 0; s < shares.length; s++) whole += Math.abs(numbers[s]!);
		for (let s = 0; s < shares.length; s++) {
			const share = Math.abs(numbers[s]!) / whole;
			if (share > shares[s]!) shares[s] = share;
		}
	}
	return shares;
}
