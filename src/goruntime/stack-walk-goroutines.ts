import type { TargetMemory } from "../bytes/block-reader.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { type GoroutineLabels, type GoroutineStacks, STACK_BROKEN } from "../evidence/stacks.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import { readGoroutineLabels } from "./goroutine-labels.ts";
import { type GoroutineTable, isDead, readGoroutines, rereadGoroutines } from "./goroutines.ts";
import type { RuntimeView } from "./runtime-view.ts";
import { StackWalker } from "./stack-walk.ts";
import { callRules } from "./stack-walk-arch.ts";
import { StackSites } from "./stack-walk-sites.ts";
import { DistinctStacks } from "./stack-walk-table.ts";
import { type ProgramCode, symbolize } from "./symbols.ts";

/** How often goroutines that moved while they were read are read again. */
const ROUNDS = 3;
/** g structs lie between what else the program allocates: larger blocks read mostly that. */
const SCATTERED = { blockBytes: 16 * 1024 };

export interface StackReading {
	readonly view: RuntimeView;
	readonly code: ProgramCode;
	/** the target's memory, not recorded, in looks at its structs and as bytes of stacks: those hold the program's data */
	readonly memory: TargetMemory;
	readonly bytes: ByteSource;
	/** goroutines read before, of a target that has stood still since; without, they are read here */
	readonly goroutines?: GoroutineTable | undefined;
	/** by row of `goroutines`: 1 where it was interrupted (see placeRunning); without, none was */
	readonly interrupted?: Uint8Array | undefined;
	/** also read the labels of runtime/pprof, which are the program's data */
	readonly labels?: boolean;
}

/** Where each goroutine stands: what must be read while the target stands still, or soon. Names and sizes come later. */
export interface WalkedStacks {
	readonly goroutines: GoroutineTable;
	/** rows of goroutines that live */
	readonly rows: Uint32Array;
	/** by row of the table: its stack, or -1 */
	readonly stack: Int32Array;
	readonly distinct: DistinctStacks;
	readonly sites: StackSites;
	readonly code: ProgramCode;
	/** of `rows` */
	readonly labels?: GoroutineLabels;
}

/**
 * Reads the goroutines and walks their stacks. On a moving target each goroutine is read again after its stack: where it
 * stands as before, the stack was its own; else the walk is repeated, and one that keeps moving is as good as running.
 * Throws ParseError where the list of goroutines cannot be read.
 */
export function walkGoroutines(reading: StackReading): WalkedStacks {
	const { view, code, memory } = reading;
	const goroutines = reading.goroutines ?? readGoroutines(view, memory.look(SCATTERED));
	const sites = new StackSites(code);
	const walker = new StackWalker(sites, reading.bytes, callRules[code.layout.arch]);
	const distinct = new DistinctStacks();
	const stack = new Int32Array(goroutines.count).fill(-1);
	let rows: ArrayLike<number> & Iterable<number> = byStack(goroutines);
	for (let round = 0; rows.length > 0; round++) {
		for (const row of rows) stack[row] = walkRow(goroutines, row, walker, distinct, reading.interrupted?.[row] === 1);
		if (reading.goroutines !== undefined) break;
		// in the order of the list, in which they were allocated: by stack would read the same blocks over and over
		rows = rereadGoroutines(view, memory.look(SCATTERED), goroutines, Uint32Array.from(rows).sort());
		walker.forget();
		if (round === ROUNDS) {
			for (const row of rows) stack[row] = -1;
			break;
		}
	}
	const lives = living(goroutines);
	const labels = reading.labels === true ? readGoroutineLabels(goroutines, lives, memory.look(SCATTERED)) : undefined;
	return { goroutines, rows: lives, stack, distinct, sites, code, ...(labels === undefined ? {} : { labels }) };
}

function walkRow(
	g: GoroutineTable,
	row: number,
	walker: StackWalker,
	distinct: DistinctStacks,
	interrupted: boolean,
): number {
	const sp = g.sp[row] ?? 0;
	if (sp === 0) return -1;
	const [low, high] = [g.stackLow[row] ?? 0, g.stackHigh[row] ?? 0];
	const end = walker.walk(g.pc[row] ?? 0, sp, low, high, g.lr[row] ?? 0, interrupted);
	return end === STACK_BROKEN && walker.length === 0 ? -1 : distinct.add(walker.walked, walker.length, end);
}

/** Rows of goroutines whose place is known, by the address of their stacks: neighbours are then read at once. */
function byStack(g: GoroutineTable): Uint32Array {
	return rowsWhere(g, (i) => g.sp[i] !== 0).sort((a, b) => g.stackLow[a]! - g.stackLow[b]!); // both are rows of the table
}

function living(g: GoroutineTable): Uint32Array {
	return rowsWhere(g, (i) => !isDead(g.status[i] ?? 0));
}

function rowsWhere(g: GoroutineTable, wanted: (row: number) => boolean): Uint32Array {
	const rows = new Uint32Array(g.count);
	let count = 0;
	for (let i = 0; i < g.count; i++) if (wanted(i)) rows[count++] = i;
	return rows.slice(0, count);
}

/** Names the places, and counts what is resident: needs no memory of the target. */
export function stacksEvidence(
	walked: WalkedStacks,
	nanotime: number,
	residency: Residency | undefined,
): GoroutineStacks {
	const { goroutines: g, rows, sites, code } = walked;
	const { layout } = code;
	const take = <T extends Float64Array | Uint8Array | Int32Array>(column: T): T => {
		const out = new (column.constructor as new (length: number) => T)(rows.length);
		for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]!]!; // rows are rows of the table
		return out;
	};
	const siteOf = (column: Float64Array) => Int32Array.from(rows, (row) => sites.at(column[row] ?? 0, false));
	const createdAt = siteOf(g.createdAt);
	const start = siteOf(g.startPc);
	const [residentUsed, residentSlack] = residentOf(g, rows, residency);
	const places = sites.pcs;
	return {
		nanotime,
		count: rows.length,
		goid: take(g.goid),
		status: take(g.status),
		waitReason: take(g.waitReason),
		waitSince: take(g.waitSince),
		parent: take(g.parent),
		createdAt,
		start,
		stackLow: take(g.stackLow),
		stackHigh: take(g.stackHigh),
		sp: take(g.sp),
		residentUsed,
		residentSlack,
		stack: take(walked.stack),
		stacks: walked.distinct.table(),
		sites: places,
		symbols: symbolize(code, places),
		states: layout.constants.goroutineStatusNames,
		waitReasons: layout.constants.waitReasons,
		torn: g.torn,
		...(walked.labels === undefined ? {} : { labels: walked.labels }),
	};
}

function residentOf(
	g: GoroutineTable,
	rows: Uint32Array,
	residency: Residency | undefined,
): [Float64Array, Float64Array] {
	const used = new Float64Array(rows.length);
	const slack = new Float64Array(rows.length);
	if (residency === undefined) return [used, slack];
	rows.forEach((row, i) => {
		const low = g.stackLow[row] ?? 0;
		const high = g.stackHigh[row] ?? 0;
		const sp = Math.min(high, Math.max(low, g.sp[row] ?? 0));
		used[i] = residency.residentBytesIn(sp, high);
		slack[i] = residency.residentBytesIn(low, sp);
	});
	return [used, slack];
}
