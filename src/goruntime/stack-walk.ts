import type { ByteSource } from "../bytes/byte-source.ts";
import { word } from "../bytes/cursor.ts";
import { STACK_BROKEN, STACK_COMPLETE, STACK_CUT, STACK_SWITCHED } from "../evidence/stacks.ts";
import type { CallRule } from "./stack-walk-arch.ts";
import { SITE_INJECTED, SITE_NO_TABLE, SITE_SP_WRITE, SITE_TOP, type StackSites } from "./stack-walk-sites.ts";

/** Frames (calls with a stack frame of their own) of one stack; deeper ones are cut at the outer end. */
export const MAX_FRAMES = 2048;

/** Goroutines' stacks are walked by address, and most are small: one read serves several. */
const WINDOW = 32 * 1024;

/**
 * Walks stacks of goroutines that do not run, as the runtime's traceback does (traceback.go: unwinder, Go 1.24 … 1.27): the
 * pcsp table gives the size of each frame so far, and the machine's rule where in it the return address is. Nothing that it
 * reads is believed: every step goes up the stack, stays within it, and must arrive in a function.
 */
export class StackWalker {
	readonly #sites: StackSites;
	readonly #memory: StackWindow;
	readonly #pushed: number;
	readonly #linked: boolean;
	readonly #injected: number;
	/** places of the last walk, innermost first: the first `length` are valid */
	readonly walked = new Uint32Array(MAX_FRAMES);
	length = 0;

	/** `memory` is the target's: only stacks are read of it, and it must not record what is read. */
	constructor(sites: StackSites, memory: ByteSource, rule: CallRule) {
		this.#sites = sites;
		this.#memory = new StackWindow(memory);
		this.#pushed = rule.pushed;
		this.#linked = rule.returnAt === "start";
		this.#injected = rule.injected;
	}

	/** Forgets what was read of the target. */
	forget(): void {
		this.#memory.forget();
	}

	/**
	 * Walks from (pc, sp) up to the stack's high end into `walked`; returns how it ended, STACK_COMPLETE ….
	 *
	 * @param startLr the link register there, where the machine has one and it is known: else 0
	 * @param interrupted it stands at pc because it was interrupted there, not because it made a call
	 */
	walk(startPc: number, startSp: number, low: number, high: number, startLr = 0, interrupted = false): number {
		const sites = this.#sites;
		const memory = this.#memory;
		this.length = 0;
		let pc = startPc;
		let sp = startSp;
		let lr = this.#linked ? startLr : 0;
		let trap = interrupted;
		if (!(sp >= low && sp < high && sp % 8 === 0)) return STACK_BROKEN;
		if (pc === 0) {
			// a call of a nil function: begin in the caller (unwinder.initAt)
			pc = lr !== 0 ? lr : memory.word(sp);
			lr = 0;
			sp += this.#pushed;
			trap = false;
		}
		for (let n = 0; ; ) {
			const site = sites.at(pc, trap);
			if (site < 0) return STACK_BROKEN;
			this.walked[n++] = site;
			this.length = n;
			const flags = sites.flags[site]!; // a column of the sites
			if ((flags & SITE_TOP) !== 0) return STACK_COMPLETE;
			if ((flags & SITE_NO_TABLE) !== 0) return STACK_SWITCHED;
			// the innermost one parked before it wrote the stack pointer: it is still in its prologue, or in a system call
			// that saved what it found (unwinder.resolveInternal)
			if ((flags & SITE_SP_WRITE) !== 0 && n > 1) return STACK_SWITCHED;
			if (n === MAX_FRAMES) return STACK_CUT;
			const delta = sites.deltas[site]!; // as flags
			const end = sp + delta + this.#pushed;
			if (delta < 0 || delta % 8 !== 0 || end > high) return STACK_BROKEN;
			const from = this.#linked ? sp : end - this.#pushed;
			const to = lr !== 0 && delta === 0 ? lr : from + 8 > high ? 0 : memory.word(from);
			// the same place again: there is no way on (unwinder.next: "traceback stuck")
			if (to === pc && end === sp) return STACK_BROKEN;
			pc = to;
			sp = end;
			lr = 0;
			trap = (flags & SITE_INJECTED) !== 0;
			if (trap && this.#injected > 0) {
				// the handler kept the link register of what it interrupted; a call of a nil function stands nowhere but there
				lr = sp + 8 > high ? 0 : memory.word(sp);
				sp += this.#injected;
				if (sites.at(pc, trap) < 0) {
					pc = lr;
					lr = 0;
				}
			}
		}
	}
}

/** The words of stacks through one buffer that slides over the address space. */
class StackWindow {
	readonly #source: ByteSource;
	readonly #bytes = new Uint8Array(WINDOW);
	readonly #view = new DataView(this.#bytes.buffer);
	#start = 0;
	#end = 0;

	constructor(source: ByteSource) {
		this.#source = source;
	}

	forget(): void {
		this.#start = 0;
		this.#end = 0;
	}

	/** The word at an address; 0, which is no place in the code, where it cannot be read. */
	word(address: number): number {
		if (address < this.#start || address + 8 > this.#end) this.#slide(address);
		return address + 8 > this.#end ? 0 : word(this.#view, address - this.#start);
	}

	#slide(address: number): void {
		this.#start = address;
		this.#end = address + this.#source.readInto(address, this.#bytes);
	}
}
