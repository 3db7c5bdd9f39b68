import type { ByteSource } from "../../bytes/byte-source.ts";

/** A program header: what the kernel maps. Addresses are link-time addresses; add the load bias for a running process. */
export interface ElfSegment {
	/** PT_LOAD, PT_DYNAMIC … */
	readonly type: number;
	/** PF_R | PF_W | PF_X */
	readonly flags: number;
	/** bytes from the start of the file */
	readonly offset: number;
	readonly vaddr: number;
	/** bytes in the file */
	readonly filesz: number;
	/** bytes in memory; what exceeds filesz is zero at start (.bss) */
	readonly memsz: number;
	readonly align: number;
}

/** A section header. */
export interface ElfSection {
	/** index in the section table, which symbols and links refer to */
	readonly index: number;
	/** "" where the name table could not be read */
	readonly name: string;
	/** SHT_PROGBITS, SHT_NOBITS … */
	readonly type: number;
	/** SHF_WRITE | SHF_ALLOC … */
	readonly flags: number;
	/** link-time address, 0 if not loaded */
	readonly addr: number;
	/** bytes from the start of the file */
	readonly offset: number;
	/** bytes; of the compressed form where SHF_COMPRESSED is set */
	readonly size: number;
	readonly link: number;
	readonly info: number;
	readonly align: number;
	readonly entsize: number;
}

/** An ELF64 little-endian file: headers read, contents not. */
export interface ElfFile {
	/** ET_EXEC, ET_DYN, ET_CORE … */
	readonly type: number;
	/** EM_X86_64, EM_AARCH64 … */
	readonly machine: number;
	readonly entry: number;
	readonly segments: readonly ElfSegment[];
	/** without the null section; empty where the file has no section headers or they cannot be read */
	readonly sections: readonly ElfSection[];
	/** why `sections` is empty or nameless, where the file claims to have sections */
	readonly sectionsProblem: string | undefined;
	/** PT_INTERP: the dynamic linker that the kernel starts; undefined for a static executable */
	readonly interpreter: string | undefined;
	/** the file: offset = file offset */
	readonly source: ByteSource;
}
