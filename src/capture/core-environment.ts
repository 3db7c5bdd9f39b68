import { word } from "../bytes/cursor.ts";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import type { AuxiliaryVector } from "../formats/procfs/auxv.ts";
import { readableEnvironment } from "../formats/procfs/environ.ts";
import type { CoreMemory } from "./core-memory.ts";

/** Arguments, environment and auxiliary vector take a quarter of the stack limit at most, 6 MiB (fs/exec.c: bprm_stack_limits). */
const MAX_BLOCK = 8 * 2 ** 20;
const PAGE = 4096;

/**
 * The environment of exec, out of the first thread's stack: create_elf_tables (fs/binfmt_elf.c) puts argc, argv, envp and the
 * auxiliary vector below the strings, which end with the path that was executed. Of it only what gomem may know is decoded.
 */
export function coreEnvironment(
	memory: CoreMemory,
	auxv: { readonly bytes: Uint8Array; readonly parsed: AuxiliaryVector } | undefined,
): Readonly<Record<string, string>> | Unavailable {
	const top = auxv?.parsed.execFileName;
	if (auxv === undefined || top === undefined) return { unavailable: "the core does not say where the environment is" };
	const vector = findVector(memory, auxv.bytes, top);
	const start = vector === undefined ? undefined : firstVariable(memory, vector);
	if (start === undefined) return { unavailable: "the block of the environment is not in the core" };
	if (start === 0) return {};
	if (!(start < top && top - start <= MAX_BLOCK)) return { unavailable: "the environment is not where exec puts it" };
	const block = new Uint8Array(top - start);
	if (memory.readInto(start, block) < block.length) return { unavailable: "the environment is not all in the core" };
	return readableEnvironment(block);
}

/** Address of the auxiliary vector: below `top`, the same bytes as in the note. Searched page by page downwards. */
function findVector(memory: CoreMemory, vector: Uint8Array, top: number): number | undefined {
	const head = vector.subarray(0, Math.min(vector.length, 64));
	const size = PAGE + head.length;
	const bytes = Buffer.alloc(size);
	for (let page = top - (top % PAGE); page > top - MAX_BLOCK && page > 0; page -= PAGE) {
		const got = memory.readInto(page, bytes);
		if (got === 0) return undefined;
		const at = bytes.subarray(0, got).indexOf(head);
		if (at >= 0 && at % 8 === 0) return page + at;
	}
	return undefined;
}

/** The first pointer of envp, which ends with a NULL just below the vector and begins behind that of argv; 0 where it is empty. */
function firstVariable(memory: CoreMemory, vector: number): number | undefined {
	const look = memory.look({ blockBytes: PAGE });
	if (look.word(vector - 8) !== 0) return undefined;
	let first = 0;
	for (let at = vector - 16; at > vector - MAX_BLOCK; at -= 8) {
		const here = look.locate(at, 8);
		if (here < 0) return undefined;
		const pointer = word(look.view, here);
		if (pointer === 0) return first;
		first = pointer;
	}
	return undefined;
}
