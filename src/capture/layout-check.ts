import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { LayoutUse } from "../evidence/reading.ts";
import { dwarfBytes, hasDwarf } from "../formats/dwarf/sections.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { parseElf } from "../formats/elf/parse.ts";
import { attachRuntime, type Fitting, fittingViews } from "../goruntime/attach.ts";
import { type DwarfChoice, layoutOfDwarf } from "../goruntime/layouts/from-dwarf-choice.ts";
import { chooseLayouts, type Layout, type LayoutChoice, layoutsOf } from "../goruntime/layouts/layouts.ts";
import { identifyProgram, type ProgramFile } from "../goruntime/program.ts";
import { layoutSources, readProgramDwarf } from "./layout-sources.ts";
import { type FileSource, openExecutable, openFile } from "./linux/executable.ts";
import { openSafeMemory, zeroWhereAbsent } from "./linux/safe-memory.ts";
import { readMaps } from "./mappings.ts";
import { loadBias, programOf } from "./program.ts";
import { LiveMemory } from "./target-memory.ts";

/** All that is known of how a program's runtime would be read. */
export interface LayoutCheck {
	readonly path: string;
	readonly pid?: number;
	readonly file: ProgramFile;
	/** what the table, and what the user added, say of its version */
	readonly choice: LayoutChoice;
	/** what its DWARF says; why there is none to be had */
	readonly dwarf: DwarfChoice | Unavailable;
	/** .debug_* inflated, as far as they are read; 0 where there are none */
	readonly dwarfBytes: number;
	/** what a command would use; undefined where a process must decide between candidates */
	readonly use: LayoutUse | Unavailable | undefined;
	/** how each layout fits the process; empty for a file */
	readonly fits: readonly {
		readonly layout: Layout;
		readonly of: "table" | "DWARF";
		readonly found: Fitting | undefined;
	}[];
	readonly problems: readonly (Unavailable & { readonly part: string })[];
}

/** Checks a program on disk. Unavailable where it is no Go program that gomem reads. */
export async function checkProgramFile(path: string): Promise<LayoutCheck | Unavailable> {
	const file = openFile(path);
	if (isUnavailable(file)) return file;
	try {
		const elf = parseElf(file);
		const program = identifyProgram(elf);
		if (program === undefined) return { unavailable: "not a Go program: no Go version in it" };
		const { choice, dwarf, problems } = await layoutsFor(elf, program);
		return { path, file: program, choice, dwarf, ...sizeOf(elf), use: useOf(choice, dwarf), fits: [], problems };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `it cannot be read: ${error.message}` };
	} finally {
		file.close();
	}
}

/** Checks a running program: tries every layout on it. */
export async function checkProcess(pid: number): Promise<LayoutCheck | Unavailable> {
	const exe = openExecutable(pid);
	if (isUnavailable(exe)) return exe;
	try {
		const program = programOf(exe);
		return isUnavailable(program) ? program : await checkRunning(pid, exe.path, exe.file, program);
	} finally {
		exe.file.close();
	}
}

async function checkRunning(
	pid: number,
	path: string,
	source: FileSource,
	program: ProgramFile,
): Promise<LayoutCheck | Unavailable> {
	const elf = parseElf(source);
	const { choice, dwarf, problems } = await layoutsFor(elf, program, pid);
	const check = { path, pid, file: program, choice, dwarf, ...sizeOf(elf) };
	const maps = readMaps(pid);
	if (isUnavailable(maps)) return { ...check, use: maps, fits: [], problems };
	const bias = loadBias(maps, path, program);
	if (bias === undefined) {
		return { ...check, use: { unavailable: "the executable's mappings were not found" }, fits: [], problems };
	}
	const memory = openSafeMemory(pid, { zeroWhereAbsent: zeroWhereAbsent(maps) });
	if (isUnavailable(memory)) return { ...check, use: memory, fits: [], problems };
	try {
		const live = new LiveMemory(memory);
		const tried = [
			...layoutsOf(choice).map((layout) => ({ layout, of: "table" as const })),
			...(isUnavailable(dwarf) ? [] : [{ layout: dwarf.layout, of: "DWARF" as const }]),
		];
		const fits = tried.map((one) => ({ ...one, found: fittingViews(program, bias, live, [one.layout])[0] }));
		const attached = await attachRuntime(program, bias, live, layoutSources(elf, { beside: pid }));
		const use = isUnavailable(attached) ? attached : attached.program.layout;
		return { ...check, use, fits, problems };
	} finally {
		memory.close();
	}
}

async function layoutsFor(
	elf: ElfFile,
	program: ProgramFile,
	beside?: number,
): Promise<Pick<LayoutCheck, "choice" | "dwarf" | "problems">> {
	const { added = [], problems } = layoutSources(elf);
	const choice = await chooseLayouts(program.goVersion, program.arch, added);
	const { goVersion, arch } = program;
	const read = hasDwarf(elf) ? readProgramDwarf(elf, beside === undefined ? {} : { beside }) : NO_DWARF;
	if (read === undefined || isUnavailable(read)) return { choice, dwarf: read ?? NO_DWARF, problems };
	const dwarf = await layoutOfDwarf({ ...read, goVersion, arch }, choice);
	return { choice, dwarf: typeof dwarf === "string" ? { unavailable: dwarf } : dwarf, problems };
}

const NO_DWARF: Unavailable = {
	unavailable: "it has no DWARF",
	wouldHelp: "a build without -ldflags=-s -w, which need not be the one that runs: `gomem layouts add FILE`",
};

function sizeOf(elf: ElfFile): { readonly dwarfBytes: number } {
	try {
		return { dwarfBytes: dwarfBytes(elf) };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { dwarfBytes: 0 };
	}
}

/** What attachRuntime would try first, as far as the file alone decides it. */
function useOf(choice: LayoutChoice, dwarf: LayoutCheck["dwarf"]): LayoutCheck["use"] {
	if (choice.kind === "exact") return { label: choice.layout.label, certainty: "exact" };
	if (!isUnavailable(dwarf)) return { label: dwarf.layout.label, certainty: "dwarf" };
	if (choice.kind === "interpolated") return { label: choice.layout.label, certainty: "interpolated" };
	return choice.kind === "unknown" ? { unavailable: choice.why, wouldHelp: choice.hint } : undefined;
}
