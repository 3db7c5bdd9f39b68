/**
 * The goroutines of a process with their stacks, as evidence: which code each stands in, never what its stack holds.
 * A bundle carries it as two parts, see stacks-codec.ts.
 */
export interface GoroutineStacks {
	/** CLOCK_MONOTONIC in ns when it was read, which is runtime.nanotime on Linux; 0 where unknown */
	readonly nanotime: number;
	/** goroutines that live, the runtime's own among them; the columns have one element each */
	readonly count: number;
	readonly goid: Float64Array;
	/** g.atomicstatus without the scan bit; see `states` */
	readonly status: Uint8Array;
	/** g.waitreason, which says something only where the state is "waiting" or "leaked"; see `waitReasons` */
	readonly waitReason: Uint8Array;
	/**
	 * g.waitsince: nanotime of about when it began to wait, 0 where that is unknown. A collection that first sees it blocked
	 * writes work.tstart, which is still that of the collection before (markroot in mgcmark.go runs before gcMark in mgc.go
	 * sets it, Go 1.24 … 1.27). So the wait began between that collection and the next; for what waited before the first of
	 * all, it began earlier, and nothing is written before the second.
	 */
	readonly waitSince: Float64Array;
	/** goid of the goroutine that made it; 0 where unknown */
	readonly parent: Float64Array;
	/** index into `sites` of the go statement that made it, and of the entry of its function; -1 where unknown */
	readonly createdAt: Int32Array;
	readonly start: Int32Array;
	/** address range of the stack; the pointer within it, 0 where it is in a CPU's register */
	readonly stackLow: Float64Array;
	readonly stackHigh: Float64Array;
	readonly sp: Float64Array;
	/** resident bytes from the pointer up (all of the stack where it is unknown), and below it */
	readonly residentUsed: Float64Array;
	readonly residentSlack: Float64Array;
	/** index into `stacks`; -1 where it could not be unwound: it runs, or its struct was torn */
	readonly stack: Int32Array;
	readonly stacks: StackTable;
	/**
	 * The places in the code that occur, as addresses to look up as they are: a call's is its return address less 1, that of
	 * code that was interrupted is itself (symPC in runtime/traceback.go).
	 */
	readonly sites: Float64Array;
	/** by index of the site: its frames, innermost first; empty where no function is known there */
	readonly symbols: readonly (readonly StackFrame[])[];
	/** status → "runnable", and wait reason → "chan receive", in the words of this release's runtime */
	readonly states: readonly string[];
	readonly waitReasons: readonly string[];
	/** g structs that could not be read or contradicted themselves */
	readonly torn: number;
	/** labels of runtime/pprof; absent where they were not read. They are the program's data: no bundle has them */
	readonly labels?: GoroutineLabels;
}

/** The labels that runtime/pprof.SetGoroutineLabels gave to goroutines, by row of the goroutines. */
export interface GoroutineLabels {
	/** index into `sets`; -1 where it has none, or they could not be read */
	readonly set: Int32Array;
	/** distinct sets, each in the order of the runtime's */
	readonly sets: readonly (readonly GoroutineLabel[])[];
	/** goroutines that have labels which could not be read */
	readonly unread: number;
}

export interface GoroutineLabel {
	readonly key: string;
	readonly value: string;
}

/** Distinct stacks. Stack i is the sites from offsets[i] to offsets[i + 1], innermost first. */
export interface StackTable {
	readonly count: number;
	/** one more than there are stacks */
	readonly offsets: Uint32Array;
	readonly sites: Uint32Array;
	/** how the walk ended: STACK_COMPLETE … */
	readonly end: Uint8Array;
}

/** Walked to the function that the goroutine began with. */
export const STACK_COMPLETE = 0;
/** Deeper than the limit of frames: the outer ones are missing. */
export const STACK_CUT = 1;
/** What stands there is no stack (any more), or could not be read: the outer frames are missing. */
export const STACK_BROKEN = 2;
/** Beyond it lies a function that moves the stack pointer in ways its table does not tell; the runtime stops here, too. */
export const STACK_SWITCHED = 3;

/** A function call as the source has it. */
export interface StackFrame {
	readonly function: string;
	/** "?" where the table does not say */
	readonly file: string;
	/** 0 where the table does not say */
	readonly line: number;
	/** its code stands in that of the frame that follows */
	readonly inlined: boolean;
	/** made by the compiler (method wrappers); Go's own tracebacks leave it out */
	readonly wrapper: boolean;
	/** as in the symbol table, with type arguments, which profiles carry; absent where it is the same as `function` */
	readonly symbol?: string;
	/** line of the func keyword; absent where the table does not say (before Go 1.20) */
	readonly startLine?: number;
}
