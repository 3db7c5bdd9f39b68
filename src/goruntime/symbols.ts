import type { MemoryReader } from "../bytes/block-reader.ts";
import { ParseError } from "../bytes/parse-error.ts";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import type { StackFrame } from "../evidence/stacks.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { ElfImage } from "../formats/elf/read.ts";
import { wrapperFuncID } from "../formats/pclntab/func-record.ts";
import { readHeader } from "../formats/pclntab/header.ts";
import { locatePclntab } from "../formats/pclntab/locate.ts";
import { openPclntab, type Pclntab } from "../formats/pclntab/pclntab.ts";
import { type CodeModule, type ModuleFile, openFurtherModules } from "./code-modules.ts";
import type { Layout } from "./layouts/layout.ts";
import { findModuleData, type ModuleData } from "./module-data.ts";
import type { Globals } from "./runtime-view.ts";

/** The code of a running program: its functions and lines from the file, at the addresses where they are loaded. */
export interface ProgramCode {
	readonly pclntab: Pclntab;
	readonly module: ModuleData;
	readonly layout: Layout;
	/** plugins and the like; not those whose files cannot be read */
	readonly further?: readonly CodeModule[];
}

/** The table of the module that holds a pc; the executable's where none does. */
export function tableAt(code: ProgramCode, pc: number): Pclntab {
	for (const { pclntab, module } of code.further ?? []) if (pc >= module.text && pc < module.etext) return pclntab;
	return code.pclntab;
}

export interface ProgramCodeSource {
	/** the executable: its pclntab is read from the file, so that no page of it is touched in the target */
	readonly elf: ElfFile;
	readonly layout: Layout;
	readonly globals: Globals;
	/** load address minus link address */
	readonly bias: number;
	/** the executable's writable memory in the target */
	readonly data: readonly { readonly start: number; readonly end: number }[];
	/** a look at the target, for moduledata: Go 1.26 and later say nowhere else where the code begins */
	readonly look: MemoryReader;
	/** the files of modules that were loaded later; without, their code has no names */
	readonly fileAt?: ModuleFile | undefined;
}

/** Opens the table of functions of a running program, or says why that cannot be done. */
export function openProgramCode(source: ProgramCodeSource): ProgramCode | Unavailable {
	const { elf, layout, bias, look } = source;
	try {
		const location = locatePclntab(elf);
		if (location === undefined) return { unavailable: "the executable has no table of functions (pclntab)" };
		const header = readHeader(elf.source, location.offset, location.size);
		const address = location.address + bias;
		const module = findModuleData(look, {
			layout: layout.struct("moduledata"),
			pclntab: address,
			names: address + header.names.offset,
			symbol: source.globals.get("firstmoduledata"),
			ranges: source.data,
		});
		if (module === undefined) {
			return {
				unavailable: "runtime.moduledata was not found in the process, so its code has no names",
				wouldHelp: "reading again: its page may have been swapped out",
			};
		}
		const pclntab = openPclntab(elf.source, location, {
			text: module.text,
			gofunc: module.gofunc,
			rodata: new ElfImage(elf),
			bias,
			goMinor: minorOf(layout),
		});
		const { fileAt } = source;
		if (fileAt === undefined || module.next === 0) return { pclntab, module, layout };
		return { pclntab, module, layout, further: openFurtherModules(look, module, layout, minorOf(layout), fileAt) };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `the executable's table of functions cannot be read: ${error.message}` };
	}
}

export function minorOf(layout: Layout): number {
	return Number(layout.release.split(".")[1]);
}

/** The frames at places of the code (symPCs), innermost first; none where no function is known or its tables are torn. */
export function symbolize(code: ProgramCode, sites: Float64Array): StackFrame[][] {
	const wrapper = code.layout.constants.funcIDs["wrapper"] ?? wrapperFuncID(minorOf(code.layout));
	return Array.from(sites, (pc) => framesAt(tableAt(code, pc), pc, wrapper));
}

function framesAt(pclntab: Pclntab, pc: number, wrapper: number): StackFrame[] {
	try {
		return pclntab.frames(pc).map((f) => ({
			function: f.function,
			file: f.file,
			line: f.line,
			inlined: f.inlined,
			wrapper: f.funcID === wrapper,
			...(f.symbol === f.function ? {} : { symbol: f.symbol }),
			...(f.startLine !== undefined && f.startLine > 0 ? { startLine: f.startLine } : {}),
		}));
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return [];
	}
}
