import type { MemoryReader } from "../bytes/block-reader.ts";
import { G_RUNNING, type GoroutineTable } from "./goroutines.ts";
import type { Arch } from "./layouts/layout.ts";
import { type RuntimeView, readWords } from "./runtime-view.ts";

/** Where a thread stands. */
export interface ThreadPlace {
	readonly tid: number;
	readonly pc: number;
	readonly sp: number;
	/** the link register, on machines that have one */
	readonly lr?: number;
}

/** More threads than this and the list is not followed further. */
const MAX_MS = 1 << 17;
/** A signal stack of the runtime has 32 KiB (os_linux.go: mpreinit), one that C made may have more. */
const MAX_SIGNAL_STACK = 1 << 20;

interface Stack {
	readonly low: number;
	readonly high: number;
}

/**
 * Puts running goroutines where the registers of their threads say they are, in the table's own columns `sp`, `pc`
 * and `lr`, which are 0 for them elsewhere. A thread may be on its goroutine's stack; on its own, after the runtime or C was called, which
 * kept the place (systemstack, asmcgocall and mcall in g.sched, calls of the vDSO in m.vdsoSP); or in a signal handler, whose
 * frame holds the registers that were interrupted.
 *
 * @returns by row of the table: 1 where it was interrupted there, rather than having made a call
 */
export function placeRunning(
	view: RuntimeView,
	look: MemoryReader,
	goroutines: GoroutineTable,
	threads: readonly ThreadPlace[],
): Uint8Array {
	const interrupted = new Uint8Array(goroutines.count);
	const rows = new Map<number, number>();
	for (let i = 0; i < goroutines.count; i++) {
		if (goroutines.status[i] === G_RUNNING) rows.set(goroutines.address[i] ?? 0, i);
	}
	if (rows.size === 0 || threads.length === 0) return interrupted;
	const places = new ThreadPlaces(threads);
	for (const m of readMs(view, look)) {
		const row = rows.get(m.curg);
		if (row === undefined) continue;
		const stack = { low: goroutines.stackLow[row] ?? 0, high: goroutines.stackHigh[row] ?? 0 };
		const place = placeOf(look, view.layout.arch, m, stack, places.of(m, stack));
		if (place === undefined) continue;
		goroutines.sp[row] = place.sp;
		goroutines.pc[row] = place.pc;
		goroutines.lr[row] = place.lr;
		if (place.interrupted) interrupted[row] = 1;
	}
	return interrupted;
}

interface M {
	readonly procid: number;
	readonly curg: number;
	readonly g0: Stack;
	readonly gsignal: Stack;
	readonly vdsoSp: number;
	readonly vdsoPc: number;
	/** of curg.sched */
	readonly savedSp: number;
	readonly savedPc: number;
	readonly savedLr: number;
}

const M_FIELDS = ["procid", "curg", "vdsoSP", "vdsoPC", "g0", "gsignal", "alllink"] as const;

function readMs(view: RuntimeView, look: MemoryReader): M[] {
	const head = view.globals.get("allm");
	const m = view.layout.struct("m");
	const g = view.layout.struct("g");
	if (head === undefined) return [];
	const stackOf = (pointer: number): Stack => ({
		low: look.word(pointer + g.offset("stack.lo")) ?? 0,
		high: look.word(pointer + g.offset("stack.hi")) ?? 0,
	});
	const all: M[] = [];
	const seen = new Set<number>();
	for (let address = look.word(head) ?? 0; address !== 0 && !seen.has(address) && seen.size < MAX_MS; ) {
		seen.add(address);
		const own = readWords(look, m, address, M_FIELDS);
		if (own === undefined) break;
		const { procid, curg } = own;
		all.push({
			procid,
			curg,
			vdsoSp: own.vdsoSP,
			vdsoPc: own.vdsoPC,
			g0: stackOf(own.g0),
			gsignal: stackOf(own.gsignal),
			savedSp: look.word(curg + g.offset("sched.sp")) ?? 0,
			savedPc: look.word(curg + g.offset("sched.pc")) ?? 0,
			savedLr: g.has("sched.lr") ? (look.word(curg + g.offset("sched.lr")) ?? 0) : 0,
		});
		address = own.alllink;
	}
	return all;
}

class ThreadPlaces {
	readonly #byTid: ReadonlyMap<number, ThreadPlace>;
	readonly #bySp: readonly ThreadPlace[];

	constructor(threads: readonly ThreadPlace[]) {
		this.#byTid = new Map(threads.map((t) => [t.tid, t]));
		this.#bySp = [...threads].sort((a, b) => a.sp - b.sp);
	}

	/** By number; where gdb and the process number threads differently (pid namespaces), by the stack that it is on. */
	of(m: M, stack: Stack): ThreadPlace | undefined {
		const stacks = [stack, m.g0, m.gsignal];
		const named = this.#byTid.get(m.procid);
		if (named !== undefined && stacks.some((one) => isOn(named.sp, one))) return named;
		for (const one of stacks) {
			const found = this.#on(one);
			if (found !== undefined) return found;
		}
		return undefined;
	}

	/** The thread with the lowest pointer in a stack. */
	#on(stack: Stack): ThreadPlace | undefined {
		let low = 0;
		let high = this.#bySp.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((this.#bySp[middle]?.sp ?? 0) < stack.low) low = middle + 1;
			else high = middle;
		}
		const thread = this.#bySp[low];
		return thread !== undefined && isOn(thread.sp, stack) ? thread : undefined;
	}
}

interface Place {
	readonly sp: number;
	readonly pc: number;
	readonly lr: number;
	readonly interrupted: boolean;
}

function placeOf(
	look: MemoryReader,
	arch: Arch,
	m: M,
	stack: Stack,
	thread: ThreadPlace | undefined,
): Place | undefined {
	const handles = thread !== undefined && isOn(thread.sp, m.gsignal);
	const at = handles ? beforeSignal(look, arch, m.gsignal, thread.sp) : thread;
	if (at !== undefined && isOn(at.sp, stack)) return { sp: at.sp, pc: at.pc, lr: at.lr ?? 0, interrupted: true };
	// gogo clears g.sched.sp (asm_*.s), so what stands there was saved since
	if (isOn(m.savedSp, stack)) return { sp: m.savedSp, pc: m.savedPc, lr: m.savedLr, interrupted: false };
	// the caller of what called the vDSO, which has its frame (sys_linux_*.s: nanotime1)
	return isOn(m.vdsoSp, stack) ? { sp: m.vdsoSp, pc: m.vdsoPc, lr: 0, interrupted: false } : undefined;
}

function isOn(sp: number, stack: Stack): boolean {
	return sp > 0 && sp >= stack.low && sp < stack.high;
}

/** struct ucontext: uc_stack at 16 (its start, flags and size), then what differs by machine: offsets of its registers. */
const UC_STACK = 16;
const UC_STACK_SIZE = 32;
const UC_REGISTERS: Readonly<Record<Arch, { readonly sp: number; readonly pc: number; readonly lr?: number }>> = {
	// arch/x86/include/uapi/asm/sigcontext.h: r8 … r15, di, si, bp, bx, dx, ax, cx, sp, ip, from 40 on
	amd64: { sp: 40 + 15 * 8, pc: 40 + 16 * 8 },
	// arch/arm64/include/uapi/asm/ucontext.h: 128 bytes of signal masks, then from 176 on fault_address, x0 … x30 (the link register), sp, pc
	arm64: { lr: 176 + 8 + 30 * 8, sp: 176 + 8 + 31 * 8, pc: 176 + 8 + 32 * 8 },
};

/** The registers in the frame that the kernel put on a signal stack: it begins with what that stack is, which tells it. */
function beforeSignal(
	look: MemoryReader,
	arch: Arch,
	{ low, high }: Stack,
	sp: number,
): { readonly sp: number; readonly pc: number; readonly lr: number } | undefined {
	const offsets = UC_REGISTERS[arch];
	const size = high - low;
	if (size > MAX_SIGNAL_STACK) return undefined;
	for (let at = sp - (sp % 8); at + offsets.pc + 8 <= high; at += 8) {
		if (look.word(at + UC_STACK) !== low || look.word(at + UC_STACK_SIZE) !== size) continue;
		const [before, pc] = [look.word(at + offsets.sp), look.word(at + offsets.pc)];
		// a handler may be interrupted itself, as that of SIGABRT is when it raises the signal again
		if (before === undefined || pc === undefined || isOn(before, { low, high })) continue;
		return { sp: before, pc, lr: offsets.lr === undefined ? 0 : (look.word(at + offsets.lr) ?? 0) };
	}
	return undefined;
}
