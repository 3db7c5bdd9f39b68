import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { Program } from "../evidence/reading.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { ElfImage } from "../formats/elf/read.ts";
import type { Attached } from "./attach.ts";
import { type DataRange, MAX_ADDRESS } from "./data-words.ts";
import { type MmapRegistryName, mutexBytes } from "./mmap-registries.ts";
import type { RuntimeView } from "./runtime-view.ts";
import { openProgramCode, type ProgramCode } from "./symbols.ts";

/** The function that an mmapper's field `mmap` is, as the linker names it; vendored copies have a longer name. */
const MMAP_FUNCTIONS: ReadonlyMap<string, MmapRegistryName> = new Map([
	["syscall.mmap", "syscall.mapper"],
	["golang.org/x/sys/unix.mmap", "unix.mapper"],
	["vendor/golang.org/x/sys/unix.mmap", "unix.mapper"],
	["cmd/vendor/golang.org/x/sys/unix.mmap", "unix.mapper"],
]);

/** Bytes of data and bss that are searched, as in the search for the runtime's variables. */
const MAX_DATA = 256 * 2 ** 20;
const PAGE = 4096;

/** What was attached to, with the registries that only structure can find: a symbol table has named them already. */
export function withMmapRegistries(attached: Attached, elf: ElfFile): Attached {
	const { view, program } = attached;
	if (program.globalsFrom !== "structure") return attached;
	const found = locateMmapRegistries({ elf, view, program });
	if (found.size === 0) return attached;
	const globals = new Map([...view.globals, ...found]);
	return {
		...attached,
		view: { ...view, globals },
		program: { ...program, globals: Object.fromEntries(globals) },
	};
}

export interface MmapRegistrySource {
	readonly elf: ElfFile;
	readonly view: RuntimeView;
	readonly program: Pick<Program, "bias" | "data">;
}

/**
 * Finds the variables `mapper` of packages syscall and unix in a binary without symbols: an mmapper is a mutex, a map, and
 * two functions, the first of which the table of functions calls mmap; the variable is the word that points to it.
 * Absent where the program does not have the package, or where two positions fit.
 */
export function locateMmapRegistries(source: MmapRegistrySource): ReadonlyMap<MmapRegistryName, number> {
	const { elf, view, program } = source;
	// never-touched pages of bss hold no variable that anything was written to
	const look = view.memory.look({ blockBytes: 4096, maxBlocks: 4096, presentOnly: true });
	const found = new Map<MmapRegistryName, number>();
	const code = openProgramCode({
		elf,
		layout: view.layout,
		globals: view.globals,
		bias: program.bias,
		data: program.data,
		look,
	});
	if (isUnavailable(code)) return found;
	const names = functionNames(code);
	if (names.size === 0) return found;
	const function_ = new FunctionValues(look, new ElfImage(elf), program.bias);
	const structs = mmappersIn(look, program.data, mutexBytes(view), (pointer) => names.get(function_.entry(pointer)));
	for (const [address, name] of pointersTo(look, program.data, structs)) {
		// a copied pointer elsewhere in the data leads to the same list
		if (!found.has(name)) found.set(name, address);
	}
	return found;
}

/** The registry by the address of its package's function mmap. */
function functionNames({ pclntab }: ProgramCode): Map<number, MmapRegistryName> {
	const out = new Map<number, MmapRegistryName>();
	try {
		for (const [name, index] of pclntab.findByName(new Set(MMAP_FUNCTIONS.keys()))) {
			const registry = MMAP_FUNCTIONS.get(name);
			if (registry !== undefined) out.set(pclntab.entry(index), registry);
		}
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
	}
	return out;
}

/** Go's function values: a pointer to a word that is the function's address, in read-only data. */
class FunctionValues {
	readonly #look: MemoryReader;
	readonly #file: ElfImage;
	readonly #bias: number;
	readonly #bytes = new Uint8Array(8);

	constructor(look: MemoryReader, file: ElfImage, bias: number) {
		this.#look = look;
		this.#file = file;
		this.#bias = bias;
	}

	/** Entry of the function that a value points to; 0 where it cannot be read. */
	entry(pointer: number): number {
		const there = this.#look.word(pointer);
		if (there !== undefined) return there;
		// its page was never used in this process: the file has it, where nothing is relocated
		if (this.#bias !== 0 || this.#file.readInto(pointer, this.#bytes) !== 8) return 0;
		return word(new DataView(this.#bytes.buffer), 0);
	}
}

/** Addresses of mmappers in the data, with the registry that each is; without those of which there are several. */
function mmappersIn(
	look: MemoryReader,
	ranges: readonly DataRange[],
	mutex: number,
	registryOf: (functionValue: number) => MmapRegistryName | undefined,
): Map<number, MmapRegistryName> {
	const found = new Map<MmapRegistryName, number[]>();
	forEachPointer(look, ranges, (address, map) => {
		// the mutex before it: state in the low half (a few bits and waiters), then the semaphore
		if ((look.word(address - mutex) ?? Number.NaN) > 2 ** 51) return;
		const mmap = look.word(address + 8) ?? 0;
		const munmap = look.word(address + 16) ?? 0;
		if (!isPointer(map) || !isPointer(mmap) || !isPointer(munmap) || mmap === munmap) return;
		const name = registryOf(mmap);
		if (name !== undefined) found.set(name, [...(found.get(name) ?? []), address - mutex]);
	});
	const out = new Map<number, MmapRegistryName>();
	for (const [name, [first, ...others]] of found) if (first !== undefined && others.length === 0) out.set(first, name);
	return out;
}

function isPointer(value: number): boolean {
	return value >= PAGE && value < MAX_ADDRESS && value % 8 === 0;
}

function pointersTo(
	look: MemoryReader,
	ranges: readonly DataRange[],
	structs: ReadonlyMap<number, MmapRegistryName>,
): [address: number, name: MmapRegistryName][] {
	const out: [number, MmapRegistryName][] = [];
	if (structs.size === 0) return out;
	forEachPointer(look, ranges, (address, value) => {
		const name = structs.get(value);
		if (name !== undefined) out.push([address, name]);
	});
	return out;
}

/** Every aligned word of the data that can be a pointer. */
function forEachPointer(
	look: MemoryReader,
	ranges: readonly DataRange[],
	visit: (address: number, value: number) => void,
): void {
	let budget = MAX_DATA;
	for (const { start, end } of ranges) {
		for (let page = start - (start % PAGE); page < end && budget > 0; page += PAGE) {
			budget -= PAGE;
			const from = Math.max(start, page);
			const words = pointersOf(look, from, Math.min(end, page + PAGE) - from);
			for (let i = 0; i < words.length; i += 2) visit(words[i] ?? 0, words[i + 1] ?? 0);
		}
	}
}

/** Address and value of each pointer of a stretch: gathered first, since what is made of them reads elsewhere. */
function pointersOf(look: MemoryReader, from: number, length: number): number[] {
	const found: number[] = [];
	const at = look.locate(from, length);
	if (at < 0) return found;
	for (let i = (8 - (from % 8)) % 8; i + 8 <= length; i += 8) {
		const low = look.view.getUint32(at + i, true);
		if ((low & 7) !== 0) continue;
		const value = low + look.view.getUint32(at + i + 4, true) * 2 ** 32;
		if (isPointer(value)) found.push(from + i, value);
	}
	return found;
}
