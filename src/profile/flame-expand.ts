import type { Samples } from "../formats/pprof/model.ts";
import { CUT, END, type FlameStacks } from "./flame-stacks.ts";

/**
 * The heaviest part of the tree of calling contexts, node by node from the root: the node with the largest share of any
 * sample type comes next, and its samples are parted by what they call. So a profile of millions of contexts costs as much as
 * the nodes that are kept, and what is left out is always lighter than what is there.
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
	/** by node the sum of what its samples weigh without their signs, in the sample type to order by */
	readonly size: Float64Array;
	/** by sample its innermost node that was kept, -1 where it weighs nothing */
	readonly innermost: Int32Array;
	/** by sample 1 where its stack ends at that node */
	readonly ends: Uint8Array;
}

export interface ExpandOptions {
	/** a node is kept from this share of the whole on, in any sample type */
	readonly least: number;
	/** nodes at most */
	readonly most: number;
	/** row of values that `size` is of */
	readonly sampleIndex: number;
}

/** Nodes that may be kept, and then are, as columns that grow together. */
class Candidates {
	count = 0;
	parent = new Int32Array(1024);
	place = new Uint32Array(1024);
	inlined = new Uint8Array(1024);
	/** their samples are order[from] to order[to - 1] */
	from = new Uint32Array(1024);
	to = new Uint32Array(1024);
	share = new Float64Array(1024);
	size = new Float64Array(1024);

	add(): number {
		if (this.count === this.parent.length) {
			const columns = ["parent", "place", "inlined", "from", "to", "share", "size"] as const;
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
	readonly #word: Uint32Array;
	readonly #options: ExpandOptions;
	/** sample types */
	readonly #types: number;
	/** what a sample weighs without signs, and the sums of it: by sample and type */
	readonly #sizes: Float64Array;
	readonly #wholes: Float64Array;
	readonly #candidates = new Candidates();
	/** candidates not kept yet, a binary heap with the largest share first */
	readonly #heap: number[] = [];
	/** the samples that weigh anything, and where the next word of each is; those of a node stand together */
	readonly #order: Uint32Array;
	readonly #next: Uint32Array;
	/** the same, while a node is parted */
	readonly #parted: { readonly order: Uint32Array; readonly next: Uint32Array; readonly slots: Uint32Array };
	readonly #innermost: Int32Array;
	readonly #ends: Uint8Array;
	/** callees of the node in hand, by slot; slotOf is by row of the table */
	readonly #slotOf: Int32Array;
	#slotPlace = new Uint32Array(256);
	#slotSamples = new Uint32Array(256);
	#slotInlined = new Uint8Array(256);
	#slotSizes: Float64Array;

	constructor(samples: Samples, stacks: FlameStacks, places: number, options: ExpandOptions) {
		this.#word = stacks.word;
		this.#options = options;
		this.#types = samples.values.length;
		this.#sizes = new Float64Array(samples.count * this.#types);
		this.#wholes = new Float64Array(this.#types);
		for (const [type, { numbers }] of samples.values.entries()) {
			for (let s = 0; s < samples.count; s++) {
				const size = Math.abs(numbers[s]!);
				this.#sizes[s * this.#types + type] = size;
				this.#wholes[type]! += size;
			}
		}
		this.#order = weighing(samples.count, this.#sizes, this.#types);
		this.#next = this.#order.map((s) => stacks.start[s]!);
		const { length } = this.#order;
		this.#parted = { order: new Uint32Array(length), next: new Uint32Array(length), slots: new Uint32Array(length) };
		this.#innermost = new Int32Array(samples.count).fill(-1);
		this.#ends = new Uint8Array(samples.count);
		this.#slotOf = new Int32Array(places).fill(-1);
		this.#slotSizes = new Float64Array(256 * this.#types);
	}

	run(): Expansion {
		const kept: number[] = [];
		const more: number[] = [];
		const root = this.#candidates.add();
		this.#candidates.parent[root] = -1;
		this.#candidates.to[root] = this.#order.length;
		this.#candidates.size[root] = this.#wholes[this.#options.sampleIndex] ?? 0;
		for (let next: number | undefined = root; next !== undefined; ) {
			const node = kept.push(next) - 1;
			more.push(this.#part(node, this.#candidates.from[next]!, this.#candidates.to[next]!));
			next = kept.length < this.#options.most ? this.#pop() : undefined;
		}
		for (const left of this.#heap) more[this.#candidates.parent[left]!]!++;
		const { parent, place, inlined, size } = this.#candidates;
		return {
			count: kept.length,
			parent: Int32Array.from(kept, (at) => parent[at]!),
			place: Uint32Array.from(kept, (at) => place[at]!),
			inlined: Uint8Array.from(kept, (at) => inlined[at]!),
			more: Uint32Array.from(more),
			size: Float64Array.from(kept, (at) => size[at]!),
			innermost: this.#innermost,
			ends: this.#ends,
		};
	}

	/** Parts the samples of a node by their next frame: callees become candidates. Returns how many were too light for that. */
	#part(node: number, from: number, to: number): number {
		const { slots, staying, cut } = this.#slot(node, from, to);
		const { order, next, slots: slotAt } = this.#parted;
		// where the next sample of each slot goes; what ends here stands in front
		const place = new Uint32Array(slots + 1);
		place[0] = from;
		for (let slot = 0, at = from + staying; slot < slots; slot++) {
			place[slot + 1] = at;
			at += this.#slotSamples[slot]!;
		}
		for (let i = from; i < to; i++) {
			const at = place[slotAt[i]!]!++;
			order[at] = this.#order[i]!;
			next[at] = this.#next[i]! + 1;
		}
		this.#order.set(order.subarray(from, to), from);
		this.#next.set(next.subarray(from, to), from);
		return this.#offer(node, slots, from + staying) + (cut ? 1 : 0);
	}

	/**
	 * Numbers the callees of a node from 0 and sums them up; the slot of a sample is 1 + that number, 0 for one that stays.
	 * `cut`: stacks go on below the node that are not known further.
	 */
	#slot(node: number, from: number, to: number): { slots: number; staying: number; cut: boolean } {
		const types = this.#types;
		let slots = 0;
		let staying = 0;
		let cut = false;
		for (let i = from; i < to; i++) {
			const s = this.#order[i]!;
			const word = this.#word[this.#next[i]!]!;
			this.#innermost[s] = node;
			if (word >= CUT) {
				this.#parted.slots[i] = 0;
				staying++;
				if (word === END) this.#ends[s] = 1;
				else cut = true;
				continue;
			}
			const place = word >>> 1;
			let slot = this.#slotOf[place]!;
			if (slot < 0) {
				slot = slots++;
				this.#openSlot(slot, place);
			}
			this.#parted.slots[i] = slot + 1;
			this.#slotSamples[slot]!++;
			this.#slotInlined[slot]! &= word & 1;
			for (let type = 0; type < types; type++) this.#slotSizes[slot * types + type]! += this.#sizes[s * types + type]!;
		}
		return { slots, staying, cut };
	}

	#openSlot(slot: number, place: number): void {
		if (slot === this.#slotPlace.length) {
			this.#slotPlace = doubled(this.#slotPlace);
			this.#slotSamples = doubled(this.#slotSamples);
			this.#slotInlined = doubled(this.#slotInlined);
			this.#slotSizes = doubled(this.#slotSizes);
		}
		const types = this.#types;
		this.#slotOf[place] = slot;
		this.#slotPlace[slot] = place;
		this.#slotSamples[slot] = 0;
		this.#slotInlined[slot] = 1;
		this.#slotSizes.fill(0, slot * types, (slot + 1) * types);
	}

	#offer(node: number, slots: number, start: number): number {
		const types = this.#types;
		let tooLight = 0;
		for (let slot = 0, from = start; slot < slots; slot++) {
			const to = from + this.#slotSamples[slot]!;
			this.#slotOf[this.#slotPlace[slot]!] = -1;
			let share = 0;
			for (let type = 0; type < types; type++) {
				const whole = this.#wholes[type]!;
				if (whole > 0) share = Math.max(share, this.#slotSizes[slot * types + type]! / whole);
			}
			if (share >= this.#options.least) {
				const { sampleIndex } = this.#options;
				const candidate = this.#candidates.add();
				this.#candidates.parent[candidate] = node;
				this.#candidates.place[candidate] = this.#slotPlace[slot]!;
				this.#candidates.inlined[candidate] = this.#slotInlined[slot]!;
				this.#candidates.from[candidate] = from;
				this.#candidates.to[candidate] = to;
				this.#candidates.share[candidate] = share;
				this.#candidates.size[candidate] = this.#slotSizes[slot * types + sampleIndex] ?? 0;
				this.#push(candidate);
			} else tooLight++;
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

/** The samples that weigh something in some type. */
function weighing(count: number, sizes: Float64Array, types: number): Uint32Array {
	const rows = new Uint32Array(count);
	let used = 0;
	for (let s = 0; s < count; s++) {
		let weighs = false;
		for (let at = s * types; at < (s + 1) * types; at++) if (sizes[at] !== 0) weighs = true;
		if (weighs) rows[used++] = s;
	}
	return rows.slice(0, used);
}
