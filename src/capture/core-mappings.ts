import type { CoreFile, CoreMappedFile, CoreSegment } from "../formats/core/model.ts";
import { PF_R, PF_W, PF_X } from "../formats/elf/constants.ts";
import type { ElfSegment } from "../formats/elf/model.ts";
import { loadSegments } from "../formats/elf/read.ts";
import type { AuxiliaryVector } from "../formats/procfs/auxv.ts";
import { type MappingKind, mappingKind, permissionsOf } from "../formats/procfs/mapping.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import { uncounted } from "../formats/procfs/smaps-uncounted.ts";
import type { CoreProgram } from "./core-executable.ts";

/** The mappings of a core as smaps would list them, and what of them is not in the file. */
export interface CoreMappings {
	/** `rss` is what the core holds; the other counters of smaps are not known, and 0 */
	readonly mappings: readonly SmapsEntry[];
	readonly fileBytesLeftOut: number;
	/** of writable memory without a file */
	readonly anonymousBytesLeftOut: number;
}

/** What the mappings of a core are made of. */
export interface MappingSources {
	readonly core: CoreFile;
	readonly auxv: AuxiliaryVector | undefined;
	readonly program: CoreProgram | undefined;
	readonly residency: Residency | undefined;
}

interface Draft {
	readonly start: number;
	readonly end: number;
	flags: number;
	/** bytes from the start on that the dump wanted to hold */
	readonly dumped: number;
	readonly file: CoreMappedFile | undefined;
	path: string;
}

/** Puts segments and the list of mapped files together, names what has no file, and counts what is there. */
export function coreMappings(sources: MappingSources): CoreMappings {
	const { core, program, residency } = sources;
	const files = core.files.length > 0 ? core.files : executableRanges(program);
	const drafts = [...core.segments.map((s) => ofSegment(s, files)), ...withoutSegment(core, files, program)];
	drafts.sort((a, b) => a.start - b.start);
	nameSpecial(drafts, sources);
	const inodes = new Map<string, number>();
	let fileBytesLeftOut = 0;
	let anonymousBytesLeftOut = 0;
	const mappings = drafts.map((draft) => {
		const left = draft.end - draft.start - draft.dumped;
		const entry = entryOf(draft, core, inodes, residency);
		if (draft.file !== undefined) fileBytesLeftOut += left;
		else if ((draft.flags & PF_W) !== 0) anonymousBytesLeftOut += left;
		return entry;
	});
	return { mappings, fileBytesLeftOut, anonymousBytesLeftOut };
}

function ofSegment(s: CoreSegment, files: readonly CoreMappedFile[]): Draft {
	const file = fileAt(files, s.start);
	return { start: s.start, end: s.end, flags: s.flags, dumped: s.dumped, file, path: file?.path ?? "" };
}

/** The file that holds an address; ascending, so the last that starts at or below it. */
function fileAt(files: readonly CoreMappedFile[], address: number): CoreMappedFile | undefined {
	let low = 0;
	let high = files.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((files[middle]?.start ?? 0) <= address) low = middle + 1;
		else high = middle;
	}
	const file = files[low - 1];
	return file !== undefined && address < file.end ? file : undefined;
}

/** gdb writes no header for what it does not dump; the list of files has it all the same. */
function withoutSegment(core: CoreFile, files: readonly CoreMappedFile[], program: CoreProgram | undefined): Draft[] {
	const starts = new Set(core.segments.map((s) => s.start));
	const covers = new Set(core.segments.map((s) => fileAt(files, s.start)));
	const ofProgram = program === undefined ? [] : loadSegments(program.elf);
	return files
		.filter((f) => !starts.has(f.start) && !covers.has(f))
		.map((file) => {
			const flags = flagsInProgram(file.start - (program?.bias ?? 0), ofProgram);
			const own = program !== undefined && file.path === program.path;
			return { start: file.start, end: file.end, flags: own ? flags : PF_R, dumped: 0, file, path: file.path };
		});
}

function flagsInProgram(address: number, segments: readonly ElfSegment[]): number {
	const found = segments.find((s) => address < s.vaddr + s.memsz && address >= s.vaddr - (s.vaddr % 4096));
	return found?.flags ?? PF_R;
}

/** Without a list of files (qemu's user mode), the executable's segments say where it is. */
function executableRanges(program: CoreProgram | undefined): CoreMappedFile[] {
	if (program === undefined) return [];
	const { path } = program;
	if (path === "") return [];
	return loadSegments(program.elf)
		.filter((s) => s.filesz > 0)
		.map((s) => {
			const start = s.vaddr - (s.vaddr % 4096) + program.bias;
			const end = Math.ceil((s.vaddr + s.filesz) / 4096) * 4096 + program.bias;
			return { start, end, offset: s.offset - (s.vaddr % 4096), path, deleted: false };
		})
		.sort((a, b) => a.start - b.start);
}

/** The kernel may place the C heap this far above the program (arch_randomize_brk: SZ_1G on amd64 and arm64), and glibc start it. */
const MAX_BRK_GAP = 2 ** 30 + 2 ** 25;

/** The names that maps gives and a core does not: by the auxiliary vector, and the C heap by where it must be. */
function nameSpecial(drafts: readonly Draft[], { auxv, program }: MappingSources): void {
	const unnamed = (address: number | undefined) =>
		address === undefined
			? undefined
			: drafts.find((d) => d.file === undefined && address >= d.start && address < d.end);
	const stack = unnamed(auxv?.execFileName ?? auxv?.random);
	if (stack !== undefined) stack.path = "[stack]";
	const vdso = unnamed(auxv?.vdso);
	if (vdso !== undefined) {
		vdso.path = "[vdso]";
		for (let i = drafts.indexOf(vdso); i > 0; i--) {
			const below = drafts[i - 1];
			// its data lie right below it; they are never dumped (VM_DONTDUMP)
			if (below === undefined || below.end !== drafts[i]?.start || below.file !== undefined) break;
			if (below.dumped > 0 || below.flags !== PF_R) break;
			below.path = "[vvar]";
		}
	}
	const heap = program === undefined ? undefined : brkHeap(drafts, program);
	if (heap !== undefined) heap.path = "[heap]";
}

/** The first writable memory without a file behind the program's own data, where nothing of a file comes in between. */
function brkHeap(drafts: readonly Draft[], program: CoreProgram): Draft | undefined {
	const end = loadSegments(program.elf).reduce((top, s) => Math.max(top, s.vaddr + s.memsz), 0) + program.bias;
	const next = drafts.find((d) => d.start >= end && d.flags !== 0);
	if (next === undefined || next.file !== undefined || next.path !== "" || next.start - end > MAX_BRK_GAP)
		return undefined;
	return (next.flags & PF_W) !== 0 && (next.flags & PF_X) === 0 ? next : undefined;
}

/** Kinds that are shared by what they are; whether a file is mapped shared, a core does not say. */
const SHARED: ReadonlySet<MappingKind> = new Set(["shmem", "anon-shmem", "hugetlb"]);

function entryOf(
	draft: Draft,
	core: CoreFile,
	inodes: Map<string, number>,
	residency: Residency | undefined,
): SmapsEntry {
	const { start, end, path, file } = draft;
	const rss = residency?.residentBytesIn(start, end) ?? 0;
	const kind = mappingKind(path);
	// gdb gives every segment the right to be read (gcore.c: gcore_create_callback): memory that nobody may touch is all zero
	const reserved = core.maker === "gdb" && kind === "anon" && draft.flags === PF_R && rss === 0;
	const flags = reserved ? 0 : draft.flags;
	const bits = ((flags & PF_R) !== 0 ? 1 : 0) | ((flags & PF_W) !== 0 ? 2 : 0) | ((flags & PF_X) !== 0 ? 4 : 0);
	if (file !== undefined && !inodes.has(path)) inodes.set(path, inodes.size + 1);
	const mapping = {
		start,
		end,
		permissions: permissionsOf(bits | (SHARED.has(kind) ? 8 : 0)),
		offset: file === undefined ? 0 : file.offset + (start - file.start),
		device: "00:00",
		// no inode of a file system: it tells the files of this core apart
		inode: file === undefined ? 0 : (inodes.get(path) ?? 0),
		path,
		deleted: file?.deleted ?? false,
		kind,
	};
	return { ...uncounted(mapping), kernelPageSize: 4096, rss };
}
