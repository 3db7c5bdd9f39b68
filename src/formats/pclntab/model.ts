import type { ByteSource } from "../../bytes/byte-source.ts";

export interface PclntabOptions {
	/**
	 * Address of the first function, moduledata.text: in the address space of the pcs that will be asked for (a running
	 * process: as read from its memory). Go 1.26 and later do not have it in the table; before, the default is the table's own.
	 */
	readonly text?: number | undefined;
	/** moduledata.gofunc, in the same address space as `text`; without it inlined calls cannot be told apart */
	readonly gofunc?: number | undefined;
	/** read-only data at link-time addresses (an ElfImage of the file), for the inline trees at `gofunc` */
	readonly rodata?: ByteSource | undefined;
	/** run-time address minus link-time address; 0 for executables that are not position-independent */
	readonly bias?: number | undefined;
	/** 26 for Go 1.26: how names are printed differs by release in rare cases; default: as the newest release known prints */
	readonly goMinor?: number | undefined;
}

/** A function's record (runtime._func). Addresses are in the address space of `text`. */
export interface FuncInfo {
	readonly index: number;
	readonly entry: number;
	/** entry of the next function */
	readonly end: number;
	readonly name: string;
	/** line of the func keyword; undefined before Go 1.20 */
	readonly startLine: number | undefined;
	readonly funcID: number;
	/** FUNC_FLAG_TOP_FRAME | FUNC_FLAG_SP_WRITE | FUNC_FLAG_ASM */
	readonly flag: number;
	/** the function's first entry in the table of files per compilation unit */
	readonly cuOffset: number;
	/** offsets of the pc-value tables; 0 = none */
	readonly pcsp: number;
	readonly pcfile: number;
	readonly pcln: number;
	readonly npcdata: number;
	readonly nfuncdata: number;
}

/** A logical frame: what the source calls a function call, inlined or not. */
export interface Frame {
	/** as Go prints it */
	readonly function: string;
	/** as in the symbol table, with type arguments (Go 1.21 and later): what runtime/pprof writes into its profiles */
	readonly symbol: string;
	/** where in the code it stands: the pc that was asked for, or of the (virtual) call of the frame before it */
	readonly pc: number;
	/** "?" where the table does not say */
	readonly file: string;
	/** 0 where the table does not say */
	readonly line: number;
	/** true if the compiler put this function's code into the frame that follows */
	readonly inlined: boolean;
	/** wrapperFuncID(minor) marks compiler-made wrappers, which Go's own tracebacks hide */
	readonly funcID: number;
	/** line of the func keyword; undefined before Go 1.20 */
	readonly startLine: number | undefined;
}
