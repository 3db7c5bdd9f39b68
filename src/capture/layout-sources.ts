import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { dwarfBytes, hasDwarf, readDwarfSections } from "../formats/dwarf/sections.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { parseElf } from "../formats/elf/parse.ts";
import type { LayoutSources } from "../goruntime/attach.ts";
import { type AddedLayouts, readAddedLayouts } from "./added-layouts.ts";
import { inflateSection } from "./inflate-section.ts";
import { type Executable, openExecutable } from "./linux/executable.ts";
import { refuseForHeadroom } from "./linux/own-safety.ts";

/** What the index of the types takes beside the sections themselves, as a share of them. */
const INDEX_SHARE = 0.5;

export interface LayoutSourceOptions {
	/** a process in whose cgroup gomem may be: then there must be room for the DWARF */
	readonly beside?: number;
	/** bytes of DWARF that are read at most */
	readonly limit?: number;
}

/** Where the layout of a program may come from beside the table: what the user added, and its own DWARF. */
export function layoutSources(
	elf: ElfFile,
	options: LayoutSourceOptions = {},
): LayoutSources & { readonly problems: AddedLayouts["problems"] } {
	const added = readAddedLayouts();
	return {
		added: added.layouts.map(({ record }) => record),
		problems: added.problems,
		...(hasDwarf(elf) ? { dwarf: () => readProgramDwarf(elf, options) } : {}),
	};
}

/** The same for a process whose executable is not open: it is opened where its DWARF is asked for. Close it after use. */
export function processLayoutSources(pid: number, limit: number): LayoutSources & { close(): void } {
	let opened: Executable | undefined;
	return {
		added: readAddedLayouts().layouts.map(({ record }) => record),
		dwarf: () => {
			const exe = openExecutable(pid);
			if (isUnavailable(exe)) return exe;
			opened = exe;
			return readProgramDwarf(() => parseElf(exe.file), { beside: pid, limit });
		},
		close: () => opened?.file.close(),
	};
}

/** The DWARF of a program, or why it cannot be read. */
export function readProgramDwarf(
	program: ElfFile | (() => ElfFile),
	options: LayoutSourceOptions = {},
): ReturnType<NonNullable<LayoutSources["dwarf"]>> {
	try {
		const elf = typeof program === "function" ? program() : program;
		const bytes = dwarfBytes(elf);
		const { beside, limit } = options;
		const refusal: Unavailable | undefined =
			beside === undefined ? undefined : refuseForHeadroom(beside, bytes * (1 + INDEX_SHARE));
		if (refusal !== undefined) return { ...refusal, unavailable: `its DWARF is not read: ${refusal.unavailable}` };
		const sections = readDwarfSections(elf, inflateSection, limit);
		return sections === undefined ? { unavailable: "it has no DWARF" } : { elf, sections };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `its DWARF cannot be read: ${error.message}` };
	}
}
