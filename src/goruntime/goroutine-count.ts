import type { MemoryReader } from "../bytes/block-reader.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { type GoroutineTable, isDead, readGoroutines } from "./goroutines.ts";
import { readPs } from "./heap-pages.ts";
import { freeInSched } from "./locate-sched.ts";
import { globalAddress, type RuntimeView, readGlobal } from "./runtime-view.ts";

/** How many goroutines there are, and by what. */
export interface GoroutineCount {
	readonly count: number;
	/**
	 * "scheduler": as runtime.NumGoroutine says, without the runtime's own. "states": all that are not dead, the runtime's
	 * own among them (some 5 to 20, more with many CPUs).
	 */
	readonly from: "scheduler" | "states";
}

/** Where goroutines have to be counted one by one: as many as are read in about 0.2 s. */
const MAX_COUNTED = 1 << 18;

/**
 * Counts goroutines without reading them, as runtime.gcount does (proc.go, Go 1.27; the same since 1.19): the length of
 * allgs, less the free ones (sched.gFree and p.gFree) and the system's (sched.ngsys). Where runtime.sched was not found,
 * their states are counted, in `known` if they were read. Undefined where there are too many to read for that. Throws
 * ParseError where allgs cannot be read.
 */
export function countGoroutines(
	view: RuntimeView,
	look: MemoryReader,
	known?: GoroutineTable,
): GoroutineCount | undefined {
	const length = look.word(globalAddress(view, "allgs") + 8);
	if (length === undefined || length >= 2 ** 32) {
		throw new ParseError({
			format: "go runtime",
			field: "runtime.allgs",
			expected: "a length",
			actual: String(length),
		});
	}
	if (view.globals.has("sched")) return { count: countByScheduler(view, look, length), from: "scheduler" };
	if (known === undefined && length > MAX_COUNTED) return undefined;
	const table = known ?? readGoroutines(view, look);
	let count = 0;
	for (let i = 0; i < table.count; i++) if (!isDead(table.status[i] ?? 0)) count++;
	return { count, from: "states" };
}

function countByScheduler(view: RuntimeView, look: MemoryReader, length: number): number {
	const sched = readGlobal(view, look, "sched", "schedt");
	const freeInP = view.layout.struct("p").has("gFree.n") ? "gFree.n" : "gFree.size";
	let count = length - sched.i32("ngsys") - freeInSched(view.layout, (path) => sched.i32(path));
	for (const p of readPs(view, look)) count -= p.i32(freeInP);
	// the counters move while they are read; one runs at least, as gcount says too
	return Math.max(1, count);
}
