import type { MemoryReader, TargetMemory } from "../bytes/block-reader.ts";
import { BoundedReader } from "./bounded-reader.ts";
import { type DataRange, DataWords, type Wanted } from "./data-words.ts";
import { GcShapes } from "./gc-shapes.ts";
import { heapConstants } from "./heap-constants.ts";
import { HeapShapes } from "./heap-shapes.ts";
import type { Layout } from "./layouts/layout.ts";
import { findSched } from "./locate-sched.ts";
import type { GlobalName, Globals } from "./runtime-view.ts";
import { SchedulerShapes } from "./scheduler-shapes.ts";

/** What the shapes of all candidates may read; a large program (tsc at 600 MiB) takes a fifth of it. */
const SEARCH_BUDGET = 2 ** 28;

/**
 * Finds the runtime's variables in a binary without symbols, by what they must look like: each candidate position in the
 * writable data is held against the structure that the runtime keeps there, and against what was found before it.
 * Nothing is taken from code, so it holds for every architecture and link mode. A variable is given only when one
 * position fits best.
 *
 * @param ranges the writable memory of the executable or library that the runtime is in
 * @param loadedAt where the first byte of its file is mapped; a library has other memory of the process close by
 * @returns the variables found; where `mheap_` is not among them, the layout does not fit this process.
 */
export function scanGlobals(
	memory: TargetMemory,
	layout: Layout,
	ranges: readonly DataRange[],
	loadedAt?: number,
): Globals {
	// candidates lie all over the address space: small blocks, so that little is read for each
	const look = new BoundedReader(memory.look({ blockBytes: 4096, maxBlocks: 8192 }), SEARCH_BUDGET);
	const present = memory.look({ blockBytes: 4096, maxBlocks: 8, presentOnly: true });
	const data = new DataWords(present, ranges, loadedAt);
	const heap = new HeapShapes(look, layout);
	const found = new Map<GlobalName, number>();
	const keep = (more: ReadonlyMap<GlobalName, number>) => {
		for (const [name, address] of more) found.set(name, address);
	};
	// keyed by the position of a word that says much: mheap_ by allspans, gcBitsArenas by its `next` list
	keep(
		data.find([
			{
				name: "mheap_",
				when: "page",
				offset: layout.struct("mheap").offset("allspans"),
				fits: (at, w) => Number(heap.isAllspans(at, w)),
			},
		]),
	);
	const mheap = found.get("mheap_");
	if (mheap === undefined) return found;
	heap.learn(mheap);
	const shapes = new SchedulerShapes(look, layout, data.image);
	const gc = new GcShapes(look, layout);
	keep(
		data.find<GlobalName>([
			{
				name: "gcController",
				when: "number",
				offset: layout.struct("gcControllerState").offset("heapInUse"),
				fits: (at, w) => heap.heapInUse(at, w),
			},
			{
				name: "memstats",
				when: "number",
				offset: layout.struct("mstats").offset("mspan_sys"),
				fits: (at, w) => heap.mspanSys(at, w),
			},
			{ name: "persistentChunks", when: "page", fits: (_, w) => heap.persistentChunks(w) },
			{
				name: "gcBitsArenas",
				when: "page",
				offset: heapConstants(layout).gcBitsArenaLists[1],
				fits: (at, w) => heap.gcBitsNext(at, w),
			},
			{ name: "allgs", when: "pointer", fits: (at, w) => shapes.allgs(at, w) },
			{ name: "allp", when: "pointer", fits: (at, w) => shapes.processors(at, w) },
			{ name: "allm", when: "pointer", fits: (_, w) => shapes.machines(w) },
			{ name: "mbuckets", when: "pointer", fits: (_, w) => shapes.buckets(w, 1) },
			{ name: "bbuckets", when: "pointer", fits: (_, w) => shapes.buckets(w, 2) },
			{ name: "xbuckets", when: "pointer", fits: (_, w) => shapes.buckets(w, 3) },
			{ name: "itabTable", when: "pointer", fits: (_, w) => Number(gc.isItabTable(w)) },
		]),
	);
	const sched = findSched(look, layout, found, ranges, present);
	if (sched !== undefined) found.set("sched", sched);
	keep(data.find(dependent(found, shapes, gc, look, layout)));
	return found;
}

/** What agrees with a variable that was found: the table of profiling buckets has the first one, `work` the time of the last GC. */
function dependent(
	found: Globals,
	shapes: SchedulerShapes,
	gc: GcShapes,
	look: MemoryReader,
	layout: Layout,
): Wanted<GlobalName>[] {
	const wanted: Wanted<GlobalName>[] = [];
	const bucket = look.word(found.get("mbuckets") ?? found.get("bbuckets") ?? found.get("xbuckets") ?? 0);
	if (bucket !== undefined && bucket !== 0)
		wanted.push({ name: "buckhash", when: "page", fits: (_, w) => Number(shapes.isBucketHash(w, bucket)) });
	const memstats = found.get("memstats");
	const lastGc = memstats === undefined ? 0 : gc.lastGcEnd(memstats);
	if (memstats !== undefined && lastGc !== 0) {
		const offset = layout.struct("workType").offset("tEnd");
		const fits = (at: number, w: number) => Number(w === lastGc && gc.isWork(at, memstats));
		wanted.push({ name: "work", when: "number", offset, fits });
	}
	return wanted;
}
