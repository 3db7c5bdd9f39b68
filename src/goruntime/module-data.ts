import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import type { StructLayout } from "./layouts/layout.ts";

/** What runtime.moduledata (symtab.go) says of the program's code. Addresses in the target. */
export interface ModuleData {
	readonly address: number;
	/** where its table of functions is loaded */
	readonly pclntab: number;
	/** [text, etext) is the code that the pclntab describes */
	readonly text: number;
	readonly etext: number;
	/** what the functions' FUNCDATA is counted from */
	readonly gofunc: number;
	/** the next module (a plugin, a shared library of Go); 0 where there is none, as nearly always */
	readonly next: number;
}

export interface ModuleDataSearch {
	/** moduledata's layout */
	readonly layout: StructLayout;
	/** address of the pclntab in the target, and of the function names in it */
	readonly pclntab: number;
	readonly names: number;
	/** address of runtime.firstmoduledata, where the symbol table has it */
	readonly symbol?: number | undefined;
	/** where it can be: the executable's writable segments, in the target */
	readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

const PAGE = 4096;
/** Bytes of data that are searched, as in the search for the runtime's variables. */
const MAX_DATA = 256 * 2 ** 20;
/** pcs are kept as 31-bit offsets from the start of the code; the largest known programs have a tenth of it. */
const MAX_TEXT = 2 ** 31;

/**
 * Finds the moduledata of the executable: at its symbol, else by its first two words, the addresses of the pclntab and of
 * the names in it, which stand side by side nowhere else. Undefined where it is not there, or not resident.
 */
export function findModuleData(look: MemoryReader, search: ModuleDataSearch): ModuleData | undefined {
	const { symbol, layout } = search;
	if (symbol !== undefined && isModuleData(look, symbol, search)) return readModuleData(look, symbol, layout);
	let budget = MAX_DATA;
	for (const { start, end } of search.ranges) {
		for (let page = start; page < end && budget > 0; page += PAGE - (page % PAGE)) {
			const length = Math.min(end, page + PAGE - (page % PAGE)) - page;
			budget -= length;
			for (const address of wordsEqual(look, page, length, search.pclntab)) {
				if (isModuleData(look, address, search)) return readModuleData(look, address, layout);
			}
		}
	}
	return undefined;
}

/** Addresses in a page at which the word stands. */
function wordsEqual(look: MemoryReader, page: number, length: number, wanted: number): number[] {
	const at = look.locate(page, length);
	const found: number[] = [];
	if (at < 0) return found;
	for (let i = 0; i + 8 <= length; i += 8) if (word(look.view, at + i) === wanted) found.push(page + i);
	return found;
}

function isModuleData(look: MemoryReader, address: number, { layout, pclntab, names }: ModuleDataSearch): boolean {
	return (
		look.word(address + layout.offset("pcHeader")) === pclntab &&
		look.word(address + layout.offset("funcnametab")) === names &&
		readModuleData(look, address, layout) !== undefined
	);
}

function readModuleData(look: MemoryReader, address: number, layout: StructLayout): ModuleData | undefined {
	const field = (name: string) => look.word(address + layout.offset(name));
	const pclntab = field("pcHeader");
	const text = field("text");
	const etext = field("etext");
	const gofunc = field("gofunc");
	const next = field("next");
	if (pclntab === undefined || text === undefined || etext === undefined || gofunc === undefined || next === undefined)
		return undefined;
	return text > 0 && etext > text && etext - text < MAX_TEXT
		? { address, pclntab, text, etext, gofunc, next }
		: undefined;
}

/** Go programs load some plugins, not hundreds. */
const MAX_MODULES = 256;

/** The modules behind the first, in the order in which they were loaded; as far as the list can be read and believed. */
export function followModules(look: MemoryReader, first: ModuleData, layout: StructLayout): ModuleData[] {
	const modules: ModuleData[] = [];
	const seen = new Set([first.address]);
	for (let at = first.next; at !== 0 && !seen.has(at) && modules.length < MAX_MODULES; ) {
		seen.add(at);
		const module = readModuleData(look, at, layout);
		if (module === undefined) break;
		modules.push(module);
		at = module.next;
	}
	return modules;
}
