import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { type DataRange, DataWords } from "./data-words.ts";
import type { Layout } from "./layouts/layout.ts";
import type { Globals } from "./runtime-view.ts";

/** What of the scheduler's other variables runtime.sched must agree with. */
interface Known {
	/** the highest m.id of runtime.allm */
	readonly newestM: number;
	readonly goroutines: number;
	/** addresses of the P structs */
	readonly ps: ReadonlySet<number>;
	/** the highest id among the first goroutines */
	readonly highestGoid: number;
}

/** Enough goroutines to tell ids of this process from small numbers. */
const GOROUTINES_ASKED = 256;
/** The newest stand first. */
const MS_ASKED = 64;
const MAX_PS = 1 << 16;
/** Ids of Ms are reserved before the M stands in allm (proc.go: mReserveID); a start of many threads reserves some. */
const RESERVED_MS = 64;
/** proc.go, schedinit: what debug.SetMaxThreads may change */
const DEFAULT_MAX_THREADS = 10000;

/**
 * Finds runtime.sched in a binary without symbols: by its count of Ms ever made, which is the newest M's id plus one,
 * and beside it the limit of threads, counts that no list exceeds, and the list of idle Ps. Undefined where allm, allp
 * or allgs are not known, or where no position fits, or several fit equally.
 *
 * @param data a look that leaves out what was never touched, to search with
 */
export function findSched(
	look: MemoryReader,
	layout: Layout,
	globals: Globals,
	ranges: readonly DataRange[],
	data: MemoryReader = look,
): number | undefined {
	const known = learn(look, layout, globals);
	if (known === undefined) return undefined;
	const offset = layout.struct("schedt").offset("mnext");
	const search = (within: readonly DataRange[], least: number) => {
		const fits = (at: number, value: number): number => {
			const over = value - known.newestM - 1;
			const found = over >= 0 && over <= RESERVED_MS ? rank(look, layout, at - offset, known, over) : 0;
			return found >= least ? found : 0;
		};
		return new DataWords(data, within).find([{ name: "sched", when: "number", offset, fits }]).get("sched");
	};
	return search(near(ranges, globals.get("allm") ?? 0), SURE) ?? search(ranges, 1);
}

/**
 * The linker sorts the variables of a section by size (cmd/link/internal/ld/data.go, dodataSect), so sched stands behind
 * allm with what is larger than a pointer and smaller than sched between them: in most programs less than this.
 */
const NEAR = 1 << 20;

function near(ranges: readonly DataRange[], allm: number): DataRange[] {
	return ranges
		.filter((r) => allm >= r.start && allm < r.end)
		.map((r) => ({ start: allm - (allm % 4096), end: Math.min(r.end, allm + NEAR) }));
}

/** The least rank of what has the default limit of threads: nothing else comes near it. */
const SURE = 3;

/** 0: not runtime.sched; else the more, the more it looks like it. */
function rank(look: MemoryReader, layout: Layout, address: number, known: Known, over: number): number {
	const sched = layout.struct("schedt");
	// from its start to the free goroutines: the time histograms that follow say nothing here
	const length = sched.offset("gFree") + layout.struct("schedt.gFree").size;
	const at = look.locate(address, length);
	if (at < 0) return 0;
	const view = look.view;
	const int = (field: string) => view.getInt32(at + sched.offset(field), true);
	const pointer = (field: string) => word(view, at + sched.offset(field));
	const ms = known.newestM + 1 + over;
	const isCount = (value: number, most: number) => value >= 0 && value <= most;
	if (!isCount(int("nmidle"), ms) || !isCount(int("nmidlelocked"), ms) || !isCount(int("nmsys"), ms)) return 0;
	if (!isCount(int("ngsys"), known.goroutines) || !isCount(int("npidle"), known.ps.size)) return 0;
	if (
		!isCount(
			freeInSched(layout, (path) => int(path)),
			known.goroutines,
		)
	)
		return 0;
	const goids = pointer("goidgen");
	if (goids < known.highestGoid || goids > 2 ** 48 || int("maxmcount") < 1) return 0;
	const idle = pointer("pidle");
	if (idle !== 0 && !known.ps.has(idle)) return 0;
	return 1 + Number(over === 0) + 2 * Number(int("maxmcount") === DEFAULT_MAX_THREADS);
}

/** Free goroutines in sched.gFree: two lists with a size each since Go 1.25, one count for both before. */
export function freeInSched(layout: Layout, int: (path: string) => number): number {
	if (layout.struct("schedt").has("gFree.n")) return int("gFree.n");
	return int("gFree.stack.size") + int("gFree.noStack.size");
}

function learn(look: MemoryReader, layout: Layout, globals: Globals): Known | undefined {
	const allm = globals.get("allm");
	const allp = globals.get("allp");
	const allgs = globals.get("allgs");
	if (allm === undefined || allp === undefined || allgs === undefined) return undefined;
	const newestM = highestM(look, layout, allm);
	const goroutines = look.word(allgs + 8) ?? 0;
	if (newestM < 0 || newestM > 2 ** 31 || goroutines === 0) return undefined;
	const ps = new Set<number>();
	const count = Math.min(look.word(allp + 8) ?? 0, MAX_PS);
	const array = look.word(allp) ?? 0;
	for (let i = 0; i < count; i++) ps.add(look.word(array + i * 8) ?? 0);
	ps.delete(0);
	return { newestM, goroutines, ps, highestGoid: highestGoid(look, layout, allgs, goroutines) };
}

/** Of two Ms that start at once, the one with the lower id may be linked last, and so stand first; -1 where there is none. */
function highestM(look: MemoryReader, layout: Layout, allm: number): number {
	const { id, next } = { id: layout.struct("m").offset("id"), next: layout.struct("m").offset("alllink") };
	let highest = -1;
	let m = look.word(allm) ?? 0;
	for (let i = 0; i < MS_ASKED && m !== 0; i++) {
		highest = Math.max(highest, look.word(m + id) ?? -1);
		m = look.word(m + next) ?? 0;
	}
	return highest;
}

function highestGoid(look: MemoryReader, layout: Layout, allgs: number, length: number): number {
	const array = look.word(allgs) ?? 0;
	const goid = layout.struct("g").offset("goid");
	let highest = 1;
	for (let i = 0; i < Math.min(length, GOROUTINES_ASKED); i++) {
		const id = look.word((look.word(array + i * 8) ?? 0) + goid) ?? 0;
		if (id > highest) highest = id;
	}
	return highest;
}
