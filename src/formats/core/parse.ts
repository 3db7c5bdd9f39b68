import type { ByteSource } from "../../bytes/byte-source.ts";
import { decodeUtf8, word } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { EM_AARCH64, EM_X86_64, ET_CORE, PN_XNUM, PT_LOAD, PT_NOTE } from "../elf/constants.ts";
import type { ElfFile, ElfSegment } from "../elf/model.ts";
import { parseElf } from "../elf/parse.ts";
import { tryReadAt } from "../elf/read.ts";
import { NT_AUXV, NT_FILE, NT_PRPSINFO, NT_PRSTATUS, PAGE, PRPSINFO, PRSTATUS, REGISTERS } from "./constants.ts";
import { parseMappedFiles } from "./mapped-files.ts";
import type { CoreFile, CoreMaker, CoreMappedFile, CoreProcess, CoreSegment, CoreThread } from "./model.ts";
import { type CoreNote, eachCoreNote } from "./notes.ts";

const FORMAT = "core";
const MAX_THREADS = 1 << 17;
/** The kernel gives a thread's note 336 bytes (amd64) or 392 (arm64). */
const MAX_THREAD_NOTE = 4096;
const MAX_AUXV = 1 << 16;
/** The kernel's own limit is 4 MiB, by sysctl 16 MiB (core_file_note_size_limit, Linux 6.10). */
const MAX_FILE_NOTE = 64 << 20;
const MAX_PROBLEMS = 16;

/**
 * Reads headers and notes of an ELF64 little-endian core, made by the kernel, by gdb's gcore or by qemu's user mode. Memory
 * is not read, so the size of the file does not matter. What is cut off or cannot be believed is in `problems` and
 * `cutBytes`. Throws ParseError where it is no core, or its program headers cannot be read.
 */
export function parseCore(source: ByteSource): CoreFile {
	const elf = parseElf(source);
	if (elf.type !== ET_CORE) {
		throw new ParseError({
			format: FORMAT,
			offset: 16,
			field: "e_type",
			expected: "ET_CORE (4)",
			actual: `${elf.type}`,
		});
	}
	const arch = elf.machine === EM_X86_64 ? "amd64" : elf.machine === EM_AARCH64 ? "arm64" : undefined;
	const problems: string[] = [];
	if (lostHeaders(elf)) problems.push("the file ends before its count of segments: there may be more than 65,535");
	const segments = segmentsOf(elf, problems);
	const notes = new NoteReader(arch, problems);
	for (const segment of elf.segments) if (segment.type === PT_NOTE) notes.read(source, segment);
	return {
		arch,
		maker: makerOf(notes.order),
		segments,
		threads: notes.threads,
		process: notes.process,
		auxv: notes.auxv,
		files: notes.files,
		cutBytes: segments.reduce((n, s) => n + s.dumped - s.present, 0),
		problems: problems.slice(0, MAX_PROBLEMS),
		source,
	};
}

/** The real count of 65,535 segments and more is in the first section header, at the file's end (fill_extnum_info). */
function lostHeaders(elf: ElfFile): boolean {
	const header = tryReadAt(elf.source, 0, 64);
	if (header === undefined) return false;
	const view = new DataView(header.buffer);
	return view.getUint16(56, true) === PN_XNUM && tryReadAt(elf.source, word(view, 40), 64) === undefined;
}

function segmentsOf(elf: ElfFile, problems: string[]): CoreSegment[] {
	const loads = elf.segments.filter((s) => s.type === PT_LOAD && s.memsz > 0).sort((a, b) => a.vaddr - b.vaddr);
	const segments: CoreSegment[] = [];
	let reached = 0;
	let refused = 0;
	for (const load of loads) {
		const end = load.vaddr + Math.ceil(load.memsz / PAGE) * PAGE;
		// vsyscall, at the top of the address space, is the kernel's
		if (load.vaddr > Number.MAX_SAFE_INTEGER) continue;
		if (!Number.isSafeInteger(end) || load.vaddr % PAGE !== 0 || load.vaddr < reached) {
			refused++;
			continue;
		}
		reached = end;
		segments.push(segmentOf(elf, load, end));
	}
	if (refused > 0) problems.push(`${refused} segments overlap others or stand at impossible addresses`);
	return segments;
}

function segmentOf(elf: ElfFile, load: ElfSegment, end: number): CoreSegment {
	const { size } = elf.source;
	const dumped = Math.min(load.filesz, end - load.vaddr);
	const left = size === undefined ? dumped : Math.max(0, size - load.offset);
	return {
		start: load.vaddr,
		end,
		offset: load.offset,
		dumped,
		present: Number.isSafeInteger(load.offset + dumped) ? Math.min(dumped, left) : 0,
		flags: load.flags,
	};
}

/** Linux begins with the thread that was dumped for, then the process, its signal, auxv and files; gdb with the process. */
function makerOf(order: readonly number[]): CoreMaker {
	const [first, second] = order;
	if (first === NT_PRPSINFO && second === NT_PRSTATUS) return "gdb";
	return first === NT_PRSTATUS && second === NT_PRPSINFO && order.includes(NT_FILE) ? "kernel" : "other";
}

/** What the notes tell, taken as they come. */
class NoteReader {
	readonly threads: CoreThread[] = [];
	readonly order: number[] = [];
	process: CoreProcess | undefined;
	auxv: Uint8Array | undefined;
	files: readonly CoreMappedFile[] = [];
	readonly #arch: "amd64" | "arm64" | undefined;
	readonly #problems: string[];

	constructor(arch: "amd64" | "arm64" | undefined, problems: string[]) {
		this.#arch = arch;
		this.#problems = problems;
	}

	read(source: ByteSource, segment: ElfSegment): void {
		const problem = eachCoreNote(source, segment.offset, segment.filesz, (note) => this.#take(note));
		if (problem !== undefined) this.#problems.push(problem);
	}

	#take(note: CoreNote): void {
		if (note.name !== "CORE") return;
		if (this.order.length < 16) this.order.push(note.type);
		if (note.type === NT_PRSTATUS) this.#thread(note);
		else if (note.type === NT_PRPSINFO) this.process ??= processOf(note.content(MAX_THREAD_NOTE));
		else if (note.type === NT_AUXV) this.auxv ??= note.content(MAX_AUXV);
		else if (note.type === NT_FILE && this.files.length === 0) this.#files(note);
	}

	#thread(note: CoreNote): void {
		if (this.threads.length >= MAX_THREADS) return;
		const bytes = note.content(MAX_THREAD_NOTE);
		if (bytes === undefined || bytes.length < PRSTATUS.registers) return;
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		const spec = this.#arch === undefined ? undefined : REGISTERS[this.#arch];
		const fits = spec !== undefined && bytes.length >= PRSTATUS.registers + spec.words * 8;
		const register = (nth: number) => word(view, PRSTATUS.registers + nth * 8);
		this.threads.push({
			tid: view.getInt32(PRSTATUS.pid, true),
			signal: view.getInt16(PRSTATUS.cursig, true),
			registers: fits
				? {
						pc: register(spec.pc),
						sp: register(spec.sp),
						...(spec.lr === undefined ? {} : { lr: register(spec.lr) }),
					}
				: undefined,
		});
	}

	#files(note: CoreNote): void {
		const bytes = note.content(MAX_FILE_NOTE);
		if (bytes === undefined) {
			this.#problems.push("the list of mapped files is cut off, or too long");
			return;
		}
		try {
			this.files = parseMappedFiles(bytes);
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			this.#problems.push(`the list of mapped files cannot be read: ${error.message}`);
		}
	}
}

function processOf(bytes: Uint8Array | undefined): CoreProcess | undefined {
	if (bytes === undefined || bytes.length < PRPSINFO.size) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const name = bytes.subarray(PRPSINFO.name, PRPSINFO.name + PRPSINFO.nameBytes);
	const end = name.indexOf(0);
	const state = bytes[PRPSINFO.state] ?? 0;
	return {
		pid: view.getInt32(PRPSINFO.pid, true),
		ppid: view.getInt32(PRPSINFO.ppid, true),
		uid: view.getUint32(PRPSINFO.uid, true),
		gid: view.getUint32(PRPSINFO.gid, true),
		name: decodeUtf8(end < 0 ? name : name.subarray(0, end)),
		state: state >= 65 && state <= 90 ? String.fromCharCode(state) : "?",
	};
}
