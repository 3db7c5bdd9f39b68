import type { TargetMemory } from "../bytes/block-reader.ts";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import type { LayoutUse, Program } from "../evidence/reading.ts";
import type { Layout } from "./layouts/layout.ts";
import { chooseLayouts } from "./layouts/layouts.ts";
import { scanGlobals } from "./locate.ts";
import type { ProgramFile } from "./program.ts";
import { fits } from "./runtime-state.ts";
import type { GlobalName, Globals, RuntimeView } from "./runtime-view.ts";

export interface Attached {
	readonly view: RuntimeView;
	readonly program: Program;
}

/**
 * Finds the layout and the variables of a running Go program. What is found is always held against the structural
 * checks (`fits`), whatever its source; of several candidate layouts exactly one must pass.
 *
 * @param bias load address minus link address
 * @returns why not, where no layout is known or none fits
 */
export async function attachRuntime(
	file: ProgramFile,
	bias: number,
	memory: TargetMemory,
): Promise<Attached | Unavailable> {
	const choice = await chooseLayouts(file.goVersion, file.arch);
	if (choice.kind === "unknown") return { unavailable: choice.why, wouldHelp: choice.hint };
	const layouts = choice.kind === "candidates" ? choice.layouts : [choice.layout];
	let passing: { view: RuntimeView; from: "symbols" | "structure" }[] = [];
	// on a process that is just starting, or moves fast, a look may catch two counts apart: then once more
	for (let attempt = 0; attempt < ATTEMPTS && passing.length === 0; attempt++) {
		passing = layouts.flatMap((layout) => tryLayout(file, bias, memory, layout) ?? []);
	}
	const [found] = passing;
	if (found === undefined || passing.length > 1) return notFound(file, choice.kind, passing.length);
	const certainty = choice.kind === "candidates" ? "validated" : choice.kind;
	return {
		view: found.view,
		program: describeProgram(file, bias, found.view.globals, found.from, { label: found.view.layout.label, certainty }),
	};
}

const ATTEMPTS = 3;

function tryLayout(
	file: ProgramFile,
	bias: number,
	memory: TargetMemory,
	layout: Layout,
): { view: RuntimeView; from: "symbols" | "structure" } | undefined {
	if (file.symbols.has("mheap_")) {
		const globals = new Map([...file.symbols].map(([name, address]) => [name, address + bias] as const));
		const view = { memory, layout, globals };
		// a symbol table may be another build's (a separate debug file, a patched binary): then structure decides
		if (fits(view)) return { view, from: "symbols" };
	}
	const ranges = file.writable.map((r) => ({ start: r.start + bias, end: r.end + bias }));
	const view: RuntimeView = { memory, layout, globals: scanGlobals(memory, layout, ranges) };
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
	const choice = await chooseLayouts(program.goVersion, program.arch);
	if (choice.kind === "unknown") return { unavailable: choice.why, wouldHelp: choice.hint };
	const layouts = choice.kind === "candidates" ? choice.layouts : [choice.layout];
	const layout =
		layouts.find((l) => l.label === program.layout?.label) ?? (layouts.length === 1 ? layouts[0] : undefined);
	if (layout === undefined) {
		return {
			unavailable: `the layout ${program.layout?.label ?? ""} of the capture is not in this gomem`,
			wouldHelp: "the gomem that captured it",
		};
	}
	return { memory, layout, globals: new Map(Object.entries(program.globals) as [GlobalName, number][]) };
}
