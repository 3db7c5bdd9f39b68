import { openSync } from "node:fs";
import { BufferSource, type ByteSource } from "../bytes/byte-source.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { CoreFile } from "../formats/core/model.ts";
import { ET_EXEC, GOARCH_OF_MACHINE, PF_W } from "../formats/elf/constants.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { readBuildIds } from "../formats/elf/notes.ts";
import { parseElf } from "../formats/elf/parse.ts";
import { loadSegments } from "../formats/elf/read.ts";
import type { AuxiliaryVector } from "../formats/procfs/auxv.ts";
import type { CoreMemory, MemoryPiece } from "./core-memory.ts";
import { FileSource } from "./linux/executable.ts";
import { errnoOf } from "./linux/system-error.ts";

/** Why a core, or the executable given with it, cannot be used. */
export interface CoreProblem extends Unavailable {
	readonly code: "core-unreadable" | "executable-unreadable" | "executable-mismatch";
}

/** The program of a core: its file, or what the core itself holds of it. */
export interface CoreProgram {
	/** as the process knew it; "" where the core does not say */
	readonly path: string;
	/** removed or replaced while the process ran */
	readonly deleted: boolean;
	/** file offsets read from the file, or from the core's memory */
	readonly elf: ElfFile;
	/** load address minus link address */
	readonly bias: number;
	/** the file that was opened; undefined where only the core is there */
	readonly file: { readonly path: string; readonly source: FileSource } | undefined;
	/** whether anything in the core says that the file is the right one */
	readonly verified: boolean;
	/** why the file that the core names was not used */
	readonly notUsed: Unavailable | undefined;
}

/** What the core says of its executable without the file. */
interface InCore {
	readonly path: string;
	readonly deleted: boolean;
	/** the file as far as it is in the core; undefined where not even its first page is */
	readonly image: { readonly elf: ElfFile; readonly bias: number } | undefined;
}

const HEADER_BYTES = 4096;
/** The linkers of Go and C make five to ten. */
const MAX_LOADED = 256;
/** Segments that are looked at for an executable's header, where the notes that name it are lost. */
const MAX_GUESSES = 1024;

/**
 * Finds the executable of a core: `given`, or the file that the core names, if it is here and is that one. What is given and
 * is another program is a problem; what is merely found and is another is left alone. Without a file, what the core holds of
 * it serves: everything but its code and symbols. Undefined where there is neither.
 */
export function findExecutable(
	core: CoreFile,
	memory: CoreMemory,
	auxv: AuxiliaryVector | undefined,
	given: string | undefined,
): CoreProgram | CoreProblem | undefined {
	const inCore = executableInCore(core, memory, auxv);
	if (given !== undefined) {
		const opened = openElf(given);
		if (isUnavailable(opened)) return { code: "executable-unreadable", ...opened };
		const fits = compare(opened.elf, inCore.image?.elf, core.arch);
		if (fits.verdict === "other") {
			opened.source.close();
			return { code: "executable-mismatch", ...otherProgram(given, fits.why) };
		}
		const bias = biasOf(opened.elf, inCore, core, memory, auxv);
		if (bias === undefined) {
			opened.source.close();
			return {
				code: "executable-mismatch",
				unavailable: `${given} is mapped nowhere in this core`,
				wouldHelp: "give the executable of the process that was dumped",
			};
		}
		const { elf, source } = opened;
		const path = inCore.path === "" ? given : inCore.path;
		const verified = fits.verdict === "same";
		return { ...inCore, path, elf, bias, file: { path: given, source }, verified, notUsed: undefined };
	}
	return foundExecutable(inCore.image === undefined ? { ...inCore, image: guessedImage(core, memory) } : inCore);
}

/** Where the notes are cut off: Go's executables lie lowest of what begins as an ELF file, libraries and the vDSO far above. */
function guessedImage(core: CoreFile, memory: CoreMemory): InCore["image"] {
	if (core.files.length > 0 || core.auxv !== undefined) return undefined;
	for (const segment of core.segments.slice(0, MAX_GUESSES)) {
		const image = segment.present < HEADER_BYTES ? undefined : imageAt(memory, segment.start);
		if (image !== undefined) return image;
	}
	return undefined;
}

/** The file that the core names, where it is here and the same; else what the core holds. */
function foundExecutable(inCore: InCore): CoreProgram | undefined {
	const { image, path } = inCore;
	if (image === undefined) return undefined;
	const alone = (notUsed: Unavailable): CoreProgram => ({
		...inCore,
		...image,
		file: undefined,
		verified: true,
		notUsed,
	});
	const help = "the executable that was dumped: --exe FILE";
	if (path === "") return alone({ unavailable: "the core does not say where its executable is", wouldHelp: help });
	const opened = openElf(path);
	if (isUnavailable(opened)) return alone({ unavailable: opened.unavailable, wouldHelp: help });
	const fits = compare(opened.elf, image.elf, undefined);
	if (fits.verdict === "same") {
		return {
			...inCore,
			...image,
			elf: opened.elf,
			file: { path, source: opened.source },
			verified: true,
			notUsed: undefined,
		};
	}
	opened.source.close();
	const why =
		fits.verdict === "other" ? otherProgram(path, fits.why).unavailable : `nothing tells whether ${path} is the one`;
	return alone({ unavailable: why, wouldHelp: help });
}

function otherProgram(path: string, why: string): Unavailable {
	return {
		unavailable: `${path} is not the program that was dumped: ${why}`,
		wouldHelp: "give the very file that ran: --exe FILE",
	};
}

/** The pieces of memory that a program cannot have changed: what its file maps without the right to write. */
export function unchangeablePieces({ elf, bias }: CoreProgram): MemoryPiece[] {
	return loadSegments(elf)
		.filter((s) => (s.flags & PF_W) === 0 && s.filesz > 0)
		.map((s) => ({
			start: s.vaddr + bias,
			end: s.vaddr + bias + Math.min(s.filesz, s.memsz),
			source: elf.source,
			offset: s.offset,
		}));
}

function openElf(path: string): { readonly elf: ElfFile; readonly source: FileSource } | Unavailable {
	let source: FileSource | undefined;
	try {
		source = new FileSource(openSync(path, "r"));
		const elf = parseElf(source);
		if (loadSegments(elf).length <= MAX_LOADED) return { elf, source };
		source.close();
		return {
			unavailable: `${path} is no executable: it has more than ${MAX_LOADED} segments`,
			wouldHelp: "the file that ran",
		};
	} catch (error) {
		source?.close();
		if (error instanceof ParseError) {
			return {
				unavailable: `${path} is no executable of Linux: ${error.message}`,
				wouldHelp: "give the file that ran",
			};
		}
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return {
			unavailable: `the executable ${path} ${errno === "ENOENT" ? "is not here" : `cannot be read (${errno})`}`,
			wouldHelp: "give the file that ran: --exe FILE",
		};
	}
}

/** The executable is what the auxiliary vector's program headers lie in, else the lowest file that is mapped. */
function executableInCore(core: CoreFile, memory: CoreMemory, auxv: AuxiliaryVector | undefined): InCore {
	const headers = auxv?.programHeaders;
	const named =
		core.files.find((f) => headers !== undefined && headers >= f.start && headers < f.end) ??
		(headers === undefined ? core.files[0] : undefined);
	const first = core.files.find((f) => f.path === named?.path && f.offset === 0);
	// without a list of files: the header is in the page of the program headers (qemu's user mode)
	const base = first?.start ?? (headers === undefined ? undefined : headers - (headers % HEADER_BYTES));
	return {
		path: named?.path ?? "",
		deleted: named?.deleted ?? false,
		image: base === undefined ? undefined : imageAt(memory, base),
	};
}

/** The executable that is loaded at an address, as far as its bytes are in memory. */
function imageAt(memory: CoreMemory, base: number): { readonly elf: ElfFile; readonly bias: number } | undefined {
	const page = new Uint8Array(HEADER_BYTES);
	if (memory.readInto(base, page) < 64) return undefined;
	try {
		const segments = loadSegments(parseElf(new BufferSource(page)));
		const [first] = segments;
		if (first === undefined || segments.length > MAX_LOADED) return undefined;
		const bias = base - (first.vaddr - first.offset);
		const pieces = segments.map((s) => ({ offset: s.offset, size: s.filesz, address: s.vaddr + bias }));
		return { elf: parseElf(new LoadedFile(memory, pieces)), bias };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return undefined;
	}
}

interface LoadedPiece {
	/** in the file */
	readonly offset: number;
	readonly size: number;
	readonly address: number;
}

/** A file read from where it is loaded: only what its segments load is there, and data as the program left it. */
class LoadedFile implements ByteSource {
	readonly #memory: ByteSource;
	readonly #pieces: readonly LoadedPiece[];

	constructor(memory: ByteSource, pieces: readonly LoadedPiece[]) {
		this.#memory = memory;
		this.#pieces = pieces;
	}

	readInto(offset: number, into: Uint8Array): number {
		const piece = this.#pieces.find((p) => offset >= p.offset && offset < p.offset + p.size);
		if (piece === undefined) return 0;
		const within = offset - piece.offset;
		return this.#memory.readInto(piece.address + within, into.subarray(0, piece.size - within));
	}
}

type Comparison = { readonly verdict: "same" | "unknown" } | { readonly verdict: "other"; readonly why: string };

/** By build ids, which both linkers write; where neither is there, by the program headers. */
function compare(file: ElfFile, image: ElfFile | undefined, arch: CoreFile["arch"]): Comparison {
	if (arch !== undefined && GOARCH_OF_MACHINE.get(file.machine) !== arch) {
		return {
			verdict: "other",
			why: `it is for ${GOARCH_OF_MACHINE.get(file.machine) ?? "another machine"}, the core is of ${arch}`,
		};
	}
	if (image === undefined) return { verdict: "unknown" };
	const [ours, cores] = [readBuildIds(file), readBuildIds(image)];
	let same = false;
	for (const [id, what] of [
		["go", "Go build id"],
		["gnu", "GNU build id"],
	] as const) {
		const [a, b] = [ours[id], cores[id]];
		if (a === undefined || b === undefined) continue;
		if (a !== b) return { verdict: "other", why: `its ${what} is ${a}, the core's is ${b}` };
		same = true;
	}
	if (same) return { verdict: "same" };
	const shape = (elf: ElfFile) => JSON.stringify([elf.machine, elf.type, elf.entry, elf.segments]);
	return shape(file) === shape(image)
		? { verdict: "same" }
		: { verdict: "other", why: "its program headers are not those in the core" };
}

/** Load address minus link address: by the header in the core, the entry point, or where the file is mapped. */
function biasOf(
	elf: ElfFile,
	inCore: InCore,
	core: CoreFile,
	memory: CoreMemory,
	auxv: AuxiliaryVector | undefined,
): number | undefined {
	if (inCore.image !== undefined) return inCore.image.bias;
	if (auxv?.entry !== undefined) {
		const bias = auxv.entry - elf.entry;
		const possible = bias >= 0 && bias % HEADER_BYTES === 0 && (bias === 0 || elf.type !== ET_EXEC);
		return possible ? bias : undefined;
	}
	const [first] = loadSegments(elf);
	if (first === undefined) return undefined;
	const link = first.vaddr - first.offset;
	const mapped = core.files.find((f) => f.path === inCore.path && f.offset === 0);
	if (mapped !== undefined) return mapped.start - link;
	// a core cut off before its notes: the same header, wherever a segment begins with it
	for (const segment of core.segments) {
		const image = segment.present >= HEADER_BYTES ? imageAt(memory, segment.start) : undefined;
		if (image !== undefined && compare(elf, image.elf, core.arch).verdict === "same") return image.bias;
	}
	return undefined;
}
