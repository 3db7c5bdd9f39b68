import type { MemoryReader } from "../bytes/block-reader.ts";
import { ParseError } from "../bytes/parse-error.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { ElfImage } from "../formats/elf/read.ts";
import { locatePclntab } from "../formats/pclntab/locate.ts";
import { openPclntab, type Pclntab } from "../formats/pclntab/pclntab.ts";
import type { Layout } from "./layouts/layout.ts";
import { followModules, type ModuleData } from "./module-data.ts";

/** The functions of one module: a plugin, or a shared library of Go. */
export interface CodeModule {
	readonly pclntab: Pclntab;
	readonly module: ModuleData;
}

/** The file that an address of the process is mapped from, and its load address minus its link address. */
export type ModuleFile = (address: number) => { readonly elf: ElfFile; readonly bias: number } | undefined;

/** Opens the tables of the modules behind the first; one whose file cannot be read, or is not what is loaded, is left out. */
export function openFurtherModules(
	look: MemoryReader,
	first: ModuleData,
	layout: Layout,
	goMinor: number,
	fileAt: ModuleFile,
): CodeModule[] {
	const modules: CodeModule[] = [];
	for (const module of followModules(look, first, layout.struct("moduledata"))) {
		const file = fileAt(module.pclntab);
		const pclntab = file === undefined ? undefined : openModule(module, file, goMinor);
		if (pclntab !== undefined) modules.push({ pclntab, module });
	}
	return modules;
}

function openModule(
	module: ModuleData,
	{ elf, bias }: { readonly elf: ElfFile; readonly bias: number },
	goMinor: number,
): Pclntab | undefined {
	try {
		const location = locatePclntab(elf);
		if (location === undefined || location.address + bias !== module.pclntab) return undefined;
		return openPclntab(elf.source, location, {
			text: module.text,
			gofunc: module.gofunc,
			rodata: new ElfImage(elf),
			bias,
			goMinor,
		});
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return undefined;
	}
}
