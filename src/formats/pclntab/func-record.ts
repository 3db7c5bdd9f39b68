import { MAGIC_GO118 } from "./header.ts";

/**
 * Where the fields of runtime._func and of an inline tree entry are, in bytes from the start of the record
 * (runtime/runtime2.go and runtime/symtabinl.go of the releases named).
 */
export interface RecordLayout {
	readonly size: number;
	/** undefined where the record has none (before Go 1.20) */
	readonly startLine: number | undefined;
	readonly funcID: number;
	readonly flag: number;
	readonly nfuncdata: number;
	readonly inlined: {
		readonly size: number;
		readonly funcID: number;
		readonly name: number;
		readonly parentPc: number;
		readonly startLine: number | undefined;
	};
}

/** Fields that have not moved since Go 1.18. */
export const NAME_OFF = 4;
export const PCSP = 16;
export const PCFILE = 20;
export const PCLN = 24;
export const NPCDATA = 28;
export const CU_OFFSET = 32;

/** Go 1.18, 1.19 */
const GO118: RecordLayout = {
	size: 40,
	startLine: undefined,
	funcID: 36,
	flag: 37,
	nfuncdata: 39,
	inlined: { size: 20, funcID: 2, name: 12, parentPc: 16, startLine: undefined },
};

/** Go 1.20 … 1.27 */
const GO120: RecordLayout = {
	size: 44,
	startLine: 36,
	funcID: 40,
	flag: 41,
	nfuncdata: 43,
	inlined: { size: 16, funcID: 0, name: 4, parentPc: 8, startLine: 12 },
};

export function layoutOf(magic: number): RecordLayout {
	return magic === MAGIC_GO118 ? GO118 : GO120;
}

/** abi.FuncFlag (internal/abi/symtab.go, Go 1.27) */
export const FUNC_FLAG_TOP_FRAME = 1;
export const FUNC_FLAG_SP_WRITE = 2;
export const FUNC_FLAG_ASM = 4;

/** Indices of the per-function tables (internal/abi/symtab.go). */
export const PCDATA_INL_TREE_INDEX = 2;
export const FUNCDATA_INL_TREE = 3;

/**
 * The funcID of compiler-made wrappers (abi.FuncIDWrapper), which tracebacks and pprof hide. It is the last one of the list
 * and moves when one is added: 22 since runtime.corostart (1.22), 23 since runCleanups (1.25).
 */
export function wrapperFuncID(goMinor: number): number {
	if (goMinor <= 21) return 21;
	return goMinor <= 24 ? 22 : 23;
}
