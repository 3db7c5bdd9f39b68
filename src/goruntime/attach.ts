import type { TargetMemory } from "../bytes/block-reader.ts";
import { ParseError } from "../bytes/parse-error.ts";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { LayoutUse, Program } from "../evidence/reading.ts";
import type { ProgramDwarf } from "./layouts/from-dwarf.ts";
import type { DwarfChoice } from "./layouts/from-dwarf-choice.ts";
import type { Layout } from "./layouts/layout.ts";
import { LayoutError } from "./layouts/layout-error.ts";
import { layoutOfRecord, parseLayoutRecord } from "./layouts/layout-record.ts";
import {
	chooseLayouts,
	isFromOutside,
	type LayoutChoice,
	type LayoutRecord,
	layoutsOf,
	recordToKeep,
} from "./layouts/layouts.ts";
import { scanGlobals } from "./locate.ts";
import { pickFitting } from "./pick-layout.ts";
import type { ProgramFile } from "./program.ts";
import { fits } from "./runtime-state.ts";
import type { GlobalName, Globals, RuntimeView } from "./runtime-view.ts";

export interface Attached {
	readonly view: RuntimeView;
	readonly program: Program;
	/** what the reader should know of how the layout was found: DWARF and table disagree */
	readonly problems: readonly (Unavailable & { readonly part: string })[];
}

/** Where layouts come from beside the table. */
export interface LayoutSources {
	/** layouts that the user added */
	readonly added?: readonly LayoutRecord[];
	/** The program's own DWARF, or why it cannot be had. Called only where the table does not have the release. */
	readonly dwarf?: () => Pick<ProgramDwarf, "elf" | "sections"> | Unavailable;
}

/** One layout to try, or several of which exactly one must fit. */
interface Attempt {
	readonly layouts: readonly Layout[];
	readonly certainty: LayoutUse["certainty"];
	/** where the layout is of DWARF */
	readonly dwarf?: DwarfChoice;
}

/**
 * Finds the layout and the variables of a running Go program. A release that the table has is read with the table's layout,
 * since reading DWARF takes longer than all the rest; for every other one the program's own DWARF decides, and without that
 * what the table has near it. What is found is always held against the structural checks (`fits`), whatever its source; of
 * several candidate layouts exactly one must pass, or all that pass must say the same of what is read (pick-layout.ts).
 *
 * @param bias load address minus link address
 * @returns why not, where no layout is known or none fits
 */
export async function attachRuntime(
	file: ProgramFile,
	bias: number,
	memory: TargetMemory,
	sources: LayoutSources = {},
): Promise<Attached | Unavailable> {
	const choice = await chooseLayouts(file.goVersion, file.arch, sources.added);
	let failure: Unavailable | undefined;
	let noDwarf: string | undefined;
	for await (const attempt of attempts(file, choice, sources)) {
		if (typeof attempt === "string") {
			noDwarf = attempt;
			continue;
		}
		const passing = await believed(fittingViews(file, bias, memory, attempt.layouts), attempt);
		const found = pickFitting(passing);
		if (found === undefined) {
			failure ??= notFound(file, choice.kind, passing.length);
			continue;
		}
		return await attached(file, bias, found, attempt);
	}
	if (failure === undefined) {
		failure =
			choice.kind === "unknown" ? { unavailable: choice.why, wouldHelp: choice.hint } : notFound(file, choice.kind, 0);
	}
	return noDwarf === undefined ? failure : { ...failure, unavailable: `${failure.unavailable}; ${noDwarf}` };
}

/** What to try, surest first; a text says why DWARF that is there cannot be used. */
async function* attempts(
	file: ProgramFile,
	choice: LayoutChoice,
	sources: LayoutSources,
): AsyncGenerator<Attempt | string> {
	if (choice.kind === "exact") yield { layouts: [choice.layout], certainty: "exact" };
	const dwarf = await dwarfOf(file, choice, sources);
	if (typeof dwarf === "string") yield dwarf;
	else if (dwarf !== undefined) yield { layouts: [dwarf.layout], certainty: "dwarf", dwarf };
	const rest = choice.kind === "exact" ? choice.instead : choice;
	if (rest === undefined || rest.kind === "unknown") return;
	yield { layouts: layoutsOf(rest), certainty: rest.kind === "candidates" ? "validated" : rest.kind };
}

/** A program's DWARF is read once, however many of its processes are looked at. */
const dwarfOfFile = new WeakMap<ProgramFile, DwarfChoice>();

async function dwarfOf(
	file: ProgramFile,
	choice: LayoutChoice,
	sources: LayoutSources,
): Promise<DwarfChoice | string | undefined> {
	const known = dwarfOfFile.get(file);
	if (known !== undefined) return known;
	const program = sources.dwarf?.();
	if (program === undefined) return undefined;
	if (isUnavailable(program)) return program.unavailable;
	// loaded where it is used: most processes are read without it
	const { layoutOfDwarf } = await import("./layouts/from-dwarf-choice.ts");
	const found = await layoutOfDwarf({ ...program, goVersion: file.goVersion, arch: file.arch }, choice);
	if (typeof found !== "string") dwarfOfFile.set(file, found);
	return found;
}

/** A rule that was taken over from another minor release must hold in the process. */
async function believed(passing: readonly Fitting[], { dwarf }: Attempt): Promise<readonly Fitting[]> {
	if (dwarf === undefined || dwarf.sameMinor || !dwarf.taken.includes("spanInlineMarkBitsMinSize")) return passing;
	const { inlineMarksFit } = await import("./inline-marks-check.ts");
	return passing.filter(({ view }) => inlineMarksFit(view));
}

/** A layout that fits a process, with the variables found by it. */
export interface Fitting {
	readonly view: RuntimeView;
	readonly from: "symbols" | "structure";
}

/** Those of the layouts that fit the process, each with its variables. */
export function fittingViews(
	file: ProgramFile,
	bias: number,
	memory: TargetMemory,
	layouts: readonly Layout[],
): Fitting[] {
	let passing: Fitting[] = [];
	// on a process that is just starting, or moves fast, a look may catch two counts apart: then once more
	for (let attempt = 0; attempt < ATTEMPTS && passing.length === 0; attempt++) {
		passing = layouts.flatMap((layout) => tryLayout(file, bias, memory, layout) ?? []);
	}
	return passing;
}

async function attached(file: ProgramFile, bias: number, found: Fitting, attempt: Attempt): Promise<Attached> {
	const { layout, globals } = found.view;
	const record = attempt.dwarf?.record ?? recordToKeep(layout);
	const from = attempt.dwarf === undefined ? "added" : "DWARF"; // not the path of the file it was read from
	const use: LayoutUse = {
		label: layout.label,
		certainty: attempt.certainty,
		...(record === undefined ? {} : { record: { ...record, from } }),
	};
	return {
		view: found.view,
		program: describeProgram(file, bias, globals, found.from, use),
		problems: await disagreement(attempt.dwarf),
	};
}

/** A table that says otherwise than the program itself is worth a word; a build of another minor is bound to differ. */
async function disagreement(dwarf: DwarfChoice | undefined): Promise<Attached["problems"]> {
	if (dwarf === undefined || !dwarf.sameMinor || dwarf.differences.length === 0) return [];
	const { differencesText } = await import("./layouts/from-dwarf-compare.ts");
	return [
		{
			part: "layout",
			unavailable: `the program's DWARF differs from the table's ${dwarf.against}, and is believed: ${differencesText(dwarf.differences)}`,
			wouldHelp: "`gomem layouts verify` lists the differences; nothing to do if this is a patched toolchain",
		},
	];
}

const ATTEMPTS = 3;

function tryLayout(file: ProgramFile, bias: number, memory: TargetMemory, layout: Layout): Fitting | undefined {
	try {
		return fitting(file, bias, memory, layout);
	} catch (error) {
		// a runtime that lacks what gomem reads, or (of a layout from outside) has it narrower than any release so far
		if (error instanceof LayoutError || (error instanceof RangeError && isFromOutside(layout))) return undefined;
		throw error;
	}
}

function fitting(file: ProgramFile, bias: number, memory: TargetMemory, layout: Layout): Fitting | undefined {
	if (file.symbols.has("mheap_")) {
		const globals = new Map([...file.symbols].map(([name, address]) => [name, address + bias] as const));
		const view = { memory, layout, globals };
		// a symbol table may be another build's (a separate debug file, a patched binary): then structure decides
		if (fits(view)) return { view, from: "symbols" };
	}
	const ranges = file.writable.map((r) => ({ start: r.start + bias, end: r.end + bias }));
	const view: RuntimeView = { memory, layout, globals: scanGlobals(memory, layout, ranges, file.firstAddress + bias) };
	return fits(view) ? { view, from: "structure" } : undefined;
}

function notFound(file: ProgramFile, kind: string, passing: number): Unavailable {
	if (passing > 1) {
		return {
			unavailable: `${passing} layouts of ${file.goVersion} fit this process, so none is believed`,
			wouldHelp: "a binary with DWARF, or `gomem layouts add TOOLCHAIN` for the toolchain that built it",
		};
	}
	const known = kind === "candidates" ? `no known layout near ${file.goVersion}` : `the layout of ${file.goVersion}`;
	return {
		unavailable: `${known} ${kind === "candidates" ? "fits" : "does not fit"} this process's runtime`,
		wouldHelp: "reading again in a moment if it has just started; else a binary with DWARF, or a newer gomem",
	};
}

/** The program as evidence: the file's facts and where it stands in this process. */
export function describeProgram(
	file: ProgramFile,
	bias: number,
	globals: Globals,
	globalsFrom: Program["globalsFrom"],
	layout: LayoutUse | undefined,
): Program {
	const { symbols: _symbols, writable, firstAddress: _firstAddress, ...facts } = file;
	return {
		...facts,
		bias,
		data: writable.map((r) => ({ start: r.start + bias, end: r.end + bias })),
		globals: Object.fromEntries(globals),
		globalsFrom,
		layout,
	};
}

/** The view of a recorded process: layout and variables as they were found when it was captured. */
export async function viewOfRecording(program: Program, memory: TargetMemory): Promise<RuntimeView | Unavailable> {
	const globals = new Map(Object.entries(program.globals) as [GlobalName, number][]);
	const kept = program.layout?.record;
	if (kept !== undefined) {
		try {
			return { memory, layout: layoutOfRecord(parseLayoutRecord(kept), program.layout?.label ?? ""), globals };
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			return { unavailable: `the layout in the capture cannot be read: ${error.message}` };
		}
	}
	const choice = await chooseLayouts(program.goVersion, program.arch);
	if (choice.kind === "unknown") return { unavailable: choice.why, wouldHelp: choice.hint };
	const layouts = layoutsOf(choice);
	const layout =
		layouts.find((l) => l.label === program.layout?.label) ?? (layouts.length === 1 ? layouts[0] : undefined);
	if (layout === undefined) {
		return {
			unavailable: `the layout ${program.layout?.label ?? ""} of the capture is not in this gomem`,
			wouldHelp: "the gomem that captured it",
		};
	}
	return { memory, layout, globals };
}
