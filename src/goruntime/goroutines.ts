import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import type { StructLayout } from "./layouts/layout.ts";
import { globalAddress, type RuntimeView, readPointers, readWords } from "./runtime-view.ts";

/** g.atomicstatus without the scan bit (runtime2.go). */
export const G_IDLE = 0;
export const G_RUNNABLE = 1;
export const G_RUNNING = 2;
export const G_SYSCALL = 3;
export const G_WAITING = 4;
export const G_DEAD = 6;
export const G_COPYSTACK = 8;
export const G_PREEMPTED = 9;
export const G_LEAKED = 10;
export const G_DEAD_EXTRA = 11;
const G_SCAN = 0x1000;

/** 64 M goroutines would need 128 GiB of stack; a longer list is not believed. */
const MAX_GOROUTINES = 1 << 26;
const MAX_STACK = 2 ** 40;

/** All goroutines, dead ones too (their structs are kept, and some keep a stack). One column per field. */
export interface GoroutineTable {
	readonly count: number;
	/** address of the g struct */
	readonly address: Float64Array;
	readonly goid: Float64Array;
	readonly status: Uint8Array;
	readonly waitReason: Uint8Array;
	/** runtime nanotime of about when it began to wait; 0 where unknown (see GoroutineStacks.waitSince) */
	readonly waitSince: Float64Array;
	readonly stackLow: Float64Array;
	readonly stackHigh: Float64Array;
	/** where it stands: parked, preempted or in a system call; 0 for a running one (its registers are in the CPU) */
	readonly sp: Float64Array;
	readonly pc: Float64Array;
	/** the link register there, on machines that have one and where it was kept (gobuf.lr); else 0 */
	readonly lr: Float64Array;
	/** pc of the go statement that made it, and the entry of its function */
	readonly createdAt: Float64Array;
	readonly startPc: Float64Array;
	readonly parent: Float64Array;
	/** address of the M that runs it, 0 where none */
	readonly m: Float64Array;
	/** g.labels: address of its labels, 0 where it has none */
	readonly labels: Float64Array;
	/** structs that could not be read or contradicted themselves */
	readonly torn: number;
}

interface GOffsets {
	readonly length: number;
	readonly low: number;
	readonly high: number;
	readonly schedSp: number;
	readonly schedPc: number;
	readonly schedLr: number;
	readonly syscallSp: number;
	readonly syscallPc: number;
	readonly status: number;
	readonly goid: number;
	readonly waitSince: number;
	readonly waitReason: number;
	readonly createdAt: number;
	readonly startPc: number;
	readonly parent: number;
	readonly m: number;
	readonly labels: number;
}

function gOffsets(g: StructLayout): GOffsets {
	return {
		length: g.size,
		low: g.offset("stack.lo"),
		high: g.offset("stack.hi"),
		schedSp: g.offset("sched.sp"),
		schedPc: g.offset("sched.pc"),
		schedLr: g.has("sched.lr") ? g.offset("sched.lr") : -1,
		syscallSp: g.offset("syscallsp"),
		syscallPc: g.offset("syscallpc"),
		status: g.offset("atomicstatus"),
		goid: g.offset("goid"),
		waitSince: g.offset("waitsince"),
		waitReason: g.offset("waitreason"),
		createdAt: g.offset("gopc"),
		startPc: g.offset("startpc"),
		parent: g.has("parentGoid") ? g.offset("parentGoid") : -1,
		m: g.offset("m"),
		labels: g.has("labels") ? g.offset("labels") : -1,
	};
}

/** Reads runtime.allgs (proc.go). Throws ParseError where the list cannot be read. */
export function readGoroutines(view: RuntimeView, look: MemoryReader): GoroutineTable {
	const address = globalAddress(view, "allgs");
	const slice = { data: look.word(address) ?? 0, length: look.word(address + 8) ?? 0 };
	const pointers = readPointers(look, slice, MAX_GOROUTINES, "runtime.allgs");
	const off = gOffsets(view.layout.struct("g"));
	const t = columns(pointers.length);
	let count = 0;
	let torn = 0;
	for (const pointer of pointers) {
		const at = pointer === 0 ? -1 : look.locate(pointer, off.length);
		if (at >= 0 && fillRow(t, count, look.view, at, off)) {
			t.address[count] = pointer;
			count++;
		} else torn++;
	}
	return { ...t, count, torn };
}

/**
 * Reads the same goroutines again, in place, and returns the rows in which one has moved: another goroutine, state or
 * place, or a struct that cannot be read now.
 */
export function rereadGoroutines(
	view: RuntimeView,
	look: MemoryReader,
	t: GoroutineTable,
	rows: Iterable<number>,
): number[] {
	const off = gOffsets(view.layout.struct("g"));
	const moved: number[] = [];
	for (const i of rows) {
		const before = [t.goid[i], t.status[i], t.sp[i], t.pc[i], t.stackLow[i]];
		const at = look.locate(t.address[i] ?? 0, off.length);
		const read = at >= 0 && fillRow(t, i, look.view, at, off);
		const after = [t.goid[i], t.status[i], t.sp[i], t.pc[i], t.stackLow[i]];
		if (!read || after.some((value, k) => value !== before[k])) moved.push(i);
	}
	return moved;
}

type Columns = Omit<GoroutineTable, "count" | "torn">;

function columns(capacity: number): Columns {
	return {
		address: new Float64Array(capacity),
		goid: new Float64Array(capacity),
		status: new Uint8Array(capacity),
		waitReason: new Uint8Array(capacity),
		waitSince: new Float64Array(capacity),
		stackLow: new Float64Array(capacity),
		stackHigh: new Float64Array(capacity),
		sp: new Float64Array(capacity),
		pc: new Float64Array(capacity),
		lr: new Float64Array(capacity),
		createdAt: new Float64Array(capacity),
		startPc: new Float64Array(capacity),
		parent: new Float64Array(capacity),
		m: new Float64Array(capacity),
		labels: new Float64Array(capacity),
	};
}

/** Fills row i; false where the struct contradicts itself. */
function fillRow(t: Columns, i: number, view: DataView, at: number, off: GOffsets): boolean {
	const status = view.getUint32(at + off.status, true) & ~G_SCAN;
	const low = word(view, at + off.low);
	const high = word(view, at + off.high);
	if (status > G_DEAD_EXTRA || high < low || high - low > MAX_STACK) return false;
	const syscallSp = word(view, at + off.syscallSp);
	const inSyscall = status === G_SYSCALL && syscallSp !== 0;
	const sp = inSyscall ? syscallSp : word(view, at + off.schedSp);
	// a running goroutine's sched is what it was when it was scheduled: no place to unwind from
	const known = status !== G_RUNNING && status !== G_COPYSTACK && !isDead(status) && sp >= low && sp <= high;
	t.goid[i] = word(view, at + off.goid);
	t.status[i] = status;
	t.waitReason[i] = view.getUint8(at + off.waitReason);
	t.waitSince[i] = word(view, at + off.waitSince);
	t.stackLow[i] = low;
	t.stackHigh[i] = high;
	t.sp[i] = known ? sp : 0;
	t.pc[i] = known ? word(view, at + (inSyscall ? off.syscallPc : off.schedPc)) : 0;
	// one in a system call stands in the caller of what entered it, which has its frame (proc.go: reentersyscall)
	t.lr[i] = known && !inSyscall && off.schedLr >= 0 ? word(view, at + off.schedLr) : 0;
	t.createdAt[i] = word(view, at + off.createdAt);
	t.startPc[i] = word(view, at + off.startPc);
	t.parent[i] = off.parent < 0 ? 0 : word(view, at + off.parent);
	t.m[i] = word(view, at + off.m);
	t.labels[i] = off.labels < 0 ? 0 : word(view, at + off.labels);
	return true;
}

export function isDead(status: number): boolean {
	return status === G_DEAD || status === G_DEAD_EXTRA || status === G_IDLE;
}

/** A thread of the runtime with the stacks it holds besides those of goroutines. */
export interface MachineStack {
	/** g0 (scheduler) or gsignal (signal handler) */
	readonly kind: "g0" | "gsignal";
	readonly low: number;
	readonly high: number;
	/** the thread's id as the kernel numbers it, in the target's pid namespace */
	readonly thread: number;
}

/** More threads than this and the list is not followed further (the kernel's own default limit is far lower). */
const MAX_MS = 1 << 17;

/** The scheduler and signal stacks of every M (runtime.allm, linked by alllink). Empty where allm was not found. */
export function readMachineStacks(view: RuntimeView, look: MemoryReader): MachineStack[] {
	const head = view.globals.get("allm");
	if (head === undefined) return [];
	const m = view.layout.struct("m");
	const g = view.layout.struct("g");
	const stacks: MachineStack[] = [];
	const seen = new Set<number>();
	let address = look.word(head) ?? 0;
	while (address !== 0 && !seen.has(address) && seen.size < MAX_MS) {
		seen.add(address);
		const own = readWords(look, m, address, ["g0", "gsignal", "procid", "alllink"]);
		if (own === undefined) break;
		const { g0, gsignal, procid: thread, alllink: next } = own;
		for (const [kind, pointer] of [
			["g0", g0],
			["gsignal", gsignal],
		] as const) {
			if (pointer === 0 || look.locate(pointer, g.size) < 0) continue;
			const low = look.word(pointer + g.offset("stack.lo")) ?? 0;
			const high = look.word(pointer + g.offset("stack.hi")) ?? 0;
			if (high > low && high - low < MAX_STACK) stacks.push({ kind, low, high, thread });
		}
		address = next;
	}
	return stacks;
}
