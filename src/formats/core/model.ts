import type { ByteSource } from "../../bytes/byte-source.ts";

/** Memory that a PT_LOAD header of a core describes. Addresses and sizes in bytes. */
export interface CoreSegment {
	readonly start: number;
	/** one past the last byte */
	readonly end: number;
	/** where its bytes stand in the file */
	readonly offset: number;
	/** bytes from `start` on that the header says are in the file; what follows was left out of the dump */
	readonly dumped: number;
	/** bytes from `start` on that are there: fewer than `dumped` where the file ends early */
	readonly present: number;
	/** PF_R | PF_W | PF_X */
	readonly flags: number;
}

export interface CoreThread {
	/** as the maker of the core numbers it: the kernel in the process's pid namespace, gdb in its own */
	readonly tid: number;
	/** 0 where it was not interrupted by one */
	readonly signal: number;
	/** undefined where the note is shorter than the machine's registers; `lr` is the link register of machines that have one */
	readonly registers: { readonly pc: number; readonly sp: number; readonly lr?: number } | undefined;
}

/** NT_PRPSINFO */
export interface CoreProcess {
	readonly pid: number;
	readonly ppid: number;
	readonly uid: number;
	readonly gid: number;
	/** the command's name, at most 15 bytes */
	readonly name: string;
	/** R, S, D, T, Z … */
	readonly state: string;
}

/** A file that was mapped, of NT_FILE. */
export interface CoreMappedFile {
	readonly start: number;
	readonly end: number;
	/** bytes into the file */
	readonly offset: number;
	/** without ` (deleted)` */
	readonly path: string;
	readonly deleted: boolean;
}

/**
 * Who wrote it, by the order of its notes: fill_note_info of Linux (thread, process, signal, auxv, files), gdb's gcore
 * (process first; its p_flags say that everything may be read), or another.
 */
export type CoreMaker = "kernel" | "gdb" | "other";

/** An ELF64 core: headers and notes read, memory not. */
export interface CoreFile {
	/** undefined for machines that gomem has no layouts of */
	readonly arch: "amd64" | "arm64" | undefined;
	readonly maker: CoreMaker;
	/** ascending, without overlaps; kernel addresses (vsyscall) left out */
	readonly segments: readonly CoreSegment[];
	/** the one that was dumped for first; empty where the notes are missing */
	readonly threads: readonly CoreThread[];
	readonly process: CoreProcess | undefined;
	/** the auxiliary vector as the kernel gave it */
	readonly auxv: Uint8Array | undefined;
	/** ascending */
	readonly files: readonly CoreMappedFile[];
	/** bytes of segments that the headers promise and the file does not hold: it ends early */
	readonly cutBytes: number;
	/** what of headers and notes could not be read or believed, in words */
	readonly problems: readonly string[];
	readonly source: ByteSource;
}
