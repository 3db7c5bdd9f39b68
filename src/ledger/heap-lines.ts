import type { Residency } from "../formats/procfs/residency.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import { type HeapArena, PAGE_IDLE, PAGE_RESERVED, PAGE_SCAVENGED } from "../goruntime/heap-pages.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { SPAN_IN_USE } from "../goruntime/spans.ts";
import { spreadSpan } from "./span-bytes.ts";
import { StackLines } from "./stack-lines.ts";
import type { Tally } from "./tally.ts";

const HUGE = 2 * 2 ** 20;

/** Spreads the resident bytes of the heap's arenas over the lines of the heap and of stacks. */
export class HeapLines {
	readonly #runtime: RuntimeState;
	readonly #residency: Residency;
	readonly #tally: Tally;
	readonly #stacks: StackLines;
	readonly #hugeMappings: readonly SmapsEntry[];
	/** bytes of huge pages that may still be found, per mapping: smaps says how many there are, not where */
	readonly #hugeLeft: Float64Array;
	readonly #pageBytes: number;

	constructor(runtime: RuntimeState, residency: Residency, mappings: readonly SmapsEntry[], tally: Tally) {
		this.#runtime = runtime;
		this.#residency = residency;
		this.#tally = tally;
		this.#pageBytes = runtime.pages.pageBytes;
		this.#stacks = new StackLines(runtime, residency, tally);
		this.#hugeMappings = mappings.filter((m) => m.anonHugePages > 0);
		this.#hugeLeft = Float64Array.from(this.#hugeMappings, (m) => m.anonHugePages);
	}

	/** Adds the lines of one arena. Arenas come in ascending order. */
	addArena(arena: HeapArena): void {
		if (this.#residency.residentBytesIn(arena.base, arena.base + this.#runtime.pages.arenaBytes) === 0) return;
		const { owner } = arena;
		for (let page = 0; page < owner.length; ) {
			const first = page;
			const who = owner[page] ?? PAGE_RESERVED;
			while (page < owner.length && owner[page] === who) page++;
			const start = arena.base + first * this.#pageBytes;
			const end = arena.base + page * this.#pageBytes;
			if (who >= 0) this.#addSpan(who, start, end);
			else if (who === PAGE_IDLE) this.#tally.add("heap.idle", this.#residency.residentBytesIn(start, end));
			else if (who === PAGE_SCAVENGED || who === PAGE_RESERVED) this.#addReturned(start, end);
			// an unknown page stays without a line: it is what the residual is for
		}
	}

	/** A span's bytes within [start, end): the whole span, or its part in one arena. */
	#addSpan(i: number, start: number, end: number): void {
		if (this.#runtime.spans.state[i] === SPAN_IN_USE) {
			spreadSpan(this.#runtime, this.#residency, i, start, end, this.#tally);
		} else if (this.#residency.residentBytesIn(start, end) > 0) this.#stacks.addSpan(i, start, end);
	}

	/** Pages that the runtime gave back or never used are resident because a huge page holds them, or the kernel has not yet taken them. */
	#addReturned(start: number, end: number): void {
		const resident = this.#residency.residentBytesIn(start, end);
		if (resident === 0) return;
		let huge = 0;
		for (let block = start - (start % HUGE); block < end && huge < resident; block += HUGE) {
			const from = Math.max(start, block);
			const to = Math.min(end, block + HUGE);
			const bytes = this.#residency.residentBytesIn(from, to);
			if (bytes > 0 && this.#takeHuge(block)) huge += bytes;
		}
		this.#tally.add("heap.huge", huge);
		this.#tally.add("heap.scavenged", resident - huge);
	}

	/** Blocks already counted as huge, so that two free runs in one block count it once. */
	readonly #taken = new Set<number>();

	/** Whether the aligned 2 MiB at `block` are one huge page as far as can be told: all resident, in a mapping that has such. */
	#takeHuge(block: number): boolean {
		if (this.#taken.has(block)) return true;
		const m = this.#hugeMappings.findIndex((mapping) => block >= mapping.start && block + HUGE <= mapping.end);
		if (m < 0 || (this.#hugeLeft[m] ?? 0) < HUGE) return false;
		if (this.#residency.residentBytesIn(block, block + HUGE) < HUGE) return false;
		this.#hugeLeft[m] = (this.#hugeLeft[m] ?? 0) - HUGE;
		this.#taken.add(block);
		return true;
	}
}
