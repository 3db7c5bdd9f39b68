import type { ByteSource } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { findInStringTable } from "../elf/string-table.ts";
import {
	CU_OFFSET,
	FUNCDATA_INL_TREE,
	layoutOf,
	NAME_OFF,
	NPCDATA,
	PCDATA_INL_TREE_INDEX,
	PCFILE,
	PCLN,
	PCSP,
	type RecordLayout,
} from "./func-record.ts";
import { FuncTable } from "./func-table.ts";
import { type PclntabHeader, readHeader } from "./header.ts";
import type { Frame, FuncInfo, PclntabOptions } from "./model.ts";
import { PagedBytes } from "./paged-bytes.ts";
import { PcCache, PcTables } from "./pc-tables.ts";
import { printName } from "./print-name.ts";

/** The longest names are those of generic functions with struct type arguments: some KiB. */
const MAX_NAME = 64 << 10;
/** The runtime has no limit; the compiler inlines some dozen levels at most. */
const MAX_INLINE_DEPTH = 512;
/** characters of names and files that are kept decoded: 4 to 8 MiB */
const MAX_CACHED_LENGTH = 4 << 20;
const NO_OFFSET = 0xffffffff;

/**
 * Opens the table of functions and lines of a Go binary (1.18 … 1.27), in a file or in memory: `source` is read from
 * `location.offset`. Reads the functab (8 bytes per function); everything else when asked for.
 *
 * Throws ParseError where it is not such a table, or where its text address is not in it and not given.
 */
export function openPclntab(
	source: ByteSource,
	location: { readonly offset: number; readonly size: number },
	options: PclntabOptions = {},
): Pclntab {
	const { offset } = location;
	// A stretch that claims more than the file has is cut to it; the header's offsets are then checked against the rest.
	const size = source.size === undefined ? location.size : Math.min(location.size, source.size - offset);
	const header = readHeader(source, offset, size);
	const text = options.text ?? (header.textStart === 0 ? undefined : header.textStart + (options.bias ?? 0));
	if (text === undefined) {
		throw new ParseError({
			format: "pclntab",
			offset: offset + 24,
			field: "textStart",
			expected: "the address of the code, here or given from moduledata.text",
			actual: "0",
		});
	}
	return new Pclntab(source, offset, size, header, text, options);
}

/**
 * Functions, names, lines and stack sizes by pc. All pcs are looked up as they are: give return addresses minus 1, since
 * they may be the first byte of the next statement or function; the innermost pc of a goroutine that is parked as it is.
 *
 * Methods throw ParseError only where the table is torn. Not for modules with several text sections (moduledata.textsectmap:
 * huge programs of external linkers on ppc64 and arm).
 */
export class Pclntab {
	readonly functionCount: number;
	readonly header: PclntabHeader;
	/** address of the first function */
	readonly text: number;
	readonly #source: ByteSource;
	readonly #offset: number;
	readonly #bytes: PagedBytes;
	readonly #tables: PcTables;
	readonly #layout: RecordLayout;
	readonly #options: PclntabOptions;
	readonly #table: FuncTable;
	readonly #goMinor: number;
	readonly #spDeltas = new PcCache();
	readonly #strings = new Map<number, string>();
	#cachedLength = 0;
	readonly #inlined: Uint8Array;
	readonly #inlinedView: DataView;

	/** Use openPclntab. */
	constructor(
		source: ByteSource,
		offset: number,
		size: number,
		header: PclntabHeader,
		text: number,
		options: PclntabOptions,
	) {
		this.functionCount = header.functionCount;
		this.header = header;
		this.text = text;
		this.#source = source;
		this.#offset = offset;
		this.#bytes = new PagedBytes(source, offset, size, "pclntab");
		this.#tables = new PcTables(this.#bytes, header.tables, header.quantum);
		this.#layout = layoutOf(header.magic);
		this.#options = options;
		this.#table = new FuncTable(source, offset, this.#bytes, header, this.#layout.size);
		this.#goMinor = options.goMinor ?? Number.POSITIVE_INFINITY;
		this.#inlined = new Uint8Array(this.#layout.inlined.size);
		this.#inlinedView = new DataView(this.#inlined.buffer);
	}

	/** Address behind the last function. */
	get textEnd(): number {
		return this.text + this.#table.entry(this.functionCount);
	}

	/** Index of the function that holds a pc, or -1. */
	find(pc: number): number {
		return this.#table.find(pc - this.text);
	}

	entry(i: number): number {
		return this.text + this.#table.entry(i);
	}

	/** Entry of the function that follows. */
	end(i: number): number {
		return this.entry(i + 1);
	}

	/** Name as Go prints it: type arguments as "[...]". */
	name(i: number): string {
		return printName(this.symbolName(i), this.#goMinor);
	}

	/** Name as in the symbol table, with type arguments (Go 1.21 and later). */
	symbolName(i: number): string {
		return this.#nameAt(this.#table.u32(i, NAME_OFF));
	}

	func(i: number): FuncInfo {
		const layout = this.#layout;
		return {
			index: i,
			entry: this.entry(i),
			end: this.end(i),
			name: this.name(i),
			startLine: layout.startLine === undefined ? undefined : this.#table.u32(i, layout.startLine) | 0,
			funcID: this.#table.u8(i, layout.funcID),
			flag: this.#table.u8(i, layout.flag),
			cuOffset: this.#table.u32(i, CU_OFFSET),
			pcsp: this.#table.u32(i, PCSP),
			pcfile: this.#table.u32(i, PCFILE),
			pcln: this.#table.u32(i, PCLN),
			npcdata: this.#table.u32(i, NPCDATA),
			nfuncdata: this.#table.u8(i, layout.nfuncdata),
		};
	}

	/** FuncID and flags of a function, without the rest of its record. */
	funcID(i: number): number {
		return this.#table.u8(i, this.#layout.funcID);
	}

	flag(i: number): number {
		return this.#table.u8(i, this.#layout.flag);
	}

	/**
	 * Functions by their symbol names (as symbolName has them): name → index. A function that was inlined everywhere is absent.
	 * One pass over the names, one over the records, nothing decoded: some 10 ms for 60,000 functions.
	 */
	findByName(names: ReadonlySet<string>): Map<string, number> {
		const found = new Map<string, number>();
		const { names: table } = this.header;
		const offsets = findInStringTable(this.#source, this.#offset + table.offset, table.size, names);
		const wanted = new Set(offsets.values()).size;
		for (let i = 0; i < this.functionCount && found.size < wanted; i++) {
			const name = offsets.get(this.#table.u32(i, NAME_OFF));
			if (name !== undefined && !found.has(name)) found.set(name, i);
		}
		return found;
	}

	/** Bytes that a function has below the return address or its caller's frame, at a pc (runtime.funcspdelta); -1 where unknown. Cached by pc. */
	spDelta(pc: number): number {
		const offset = pc - this.text;
		const cache = this.#spDeltas;
		if (!(offset >= 0 && offset < NO_OFFSET)) return -1;
		if (cache.find(offset)) return cache.value;
		const i = this.#table.find(offset);
		const value = i < 0 ? -1 : this.#tables.value(this.#table.u32(i, PCSP), offset - this.#table.entry(i));
		cache.add(offset, value);
		return value;
	}

	/** Line at a pc, of the innermost inlined call; 0 where unknown. */
	line(pc: number): number {
		const i = this.find(pc);
		return i < 0 ? 0 : Math.max(0, this.#valueAt(i, PCLN, pc));
	}

	/** Path of the source file at a pc, of the innermost inlined call; "?" where unknown. */
	file(pc: number): string {
		const i = this.find(pc);
		return i < 0 ? "?" : this.#file(i, pc);
	}

	/** Value of a function's PCDATA table at a pc; -1 where it has none. */
	pcdata(i: number, table: number, pc: number): number {
		if (table >= this.#table.u32(i, NPCDATA)) return -1;
		return this.#valueAt(i, this.#layout.size + table * 4, pc);
	}

	/** Address of a function's FUNCDATA, in the address space of `text`; undefined where it has none or gofunc is unknown. */
	funcdata(i: number, n: number): number | undefined {
		const { gofunc } = this.#options;
		if (gofunc === undefined || n >= this.#table.u8(i, this.#layout.nfuncdata)) return undefined;
		const offset = this.#table.u32(i, this.#layout.size + this.#table.u32(i, NPCDATA) * 4 + n * 4);
		return offset === NO_OFFSET ? undefined : gofunc + offset;
	}

	/**
	 * The logical frames at a pc, innermost first: inlined calls, then the function itself. Empty where no function holds
	 * the pc. Nothing is cached but strings: ask once per distinct pc.
	 * Without `gofunc` and `rodata` there is one frame, the function itself, at the line of the innermost call.
	 */
	frames(pc: number): Frame[] {
		const i = this.find(pc);
		if (i < 0) return [];
		const frames: Frame[] = [];
		const at = this.#inlinedFrames(i, pc, frames);
		const { startLine } = this.#layout;
		const symbol = this.symbolName(i);
		frames.push({
			function: printName(symbol, this.#goMinor),
			symbol,
			pc: at,
			file: this.#file(i, at),
			line: Math.max(0, this.#valueAt(i, PCLN, at)),
			inlined: false,
			funcID: this.funcID(i),
			startLine: startLine === undefined ? undefined : this.#table.u32(i, startLine) | 0,
		});
		return frames;
	}

	/** Adds the inlined calls at a pc of function i; returns the pc of the outermost of them in the function's own code. */
	#inlinedFrames(i: number, pc: number, frames: Frame[]): number {
		const tree = this.funcdata(i, FUNCDATA_INL_TREE);
		const { rodata, bias = 0 } = this.#options;
		if (tree === undefined || rodata === undefined) return pc;
		const { size, name, funcID, startLine, parentPc } = this.#layout.inlined;
		const view = this.#inlinedView;
		let at = pc;
		for (;;) {
			const index = this.pcdata(i, PCDATA_INL_TREE_INDEX, at);
			if (index < 0) return at;
			const address = tree + index * size;
			if (rodata.readInto(address - bias, this.#inlined) !== size || frames.length >= MAX_INLINE_DEPTH) {
				throw new ParseError({ format: "pclntab", offset: address, field: "inline tree", expected: "an inlined call" });
			}
			const symbol = this.#nameAt(view.getUint32(name, true));
			frames.push({
				function: printName(symbol, this.#goMinor),
				symbol,
				pc: at,
				file: this.#file(i, at),
				line: Math.max(0, this.#valueAt(i, PCLN, at)),
				inlined: true,
				funcID: view.getUint8(funcID),
				startLine: startLine === undefined ? undefined : view.getInt32(startLine, true),
			});
			// The virtual pc of the call in the caller's code (runtime/symtabinl.go, inlineUnwinder.next).
			at = this.entry(i) + view.getInt32(parentPc, true);
		}
	}

	/** Value of the pc-value table that a field of the record names. */
	#valueAt(i: number, field: number, pc: number): number {
		return this.#tables.value(this.#table.u32(i, field), pc - this.entry(i));
	}

	/** pcfile gives an index, from the function's place in cutab on; that gives an offset in filetab (runtime.funcfile). */
	#file(i: number, pc: number): string {
		const index = this.#valueAt(i, PCFILE, pc);
		const { compilationUnits, files } = this.header;
		const at = (this.#table.u32(i, CU_OFFSET) + index) * 4;
		if (index < 0 || at + 4 > compilationUnits.size) return "?";
		const offset = this.#bytes.u32(compilationUnits.offset + at);
		return offset >= files.size ? "?" : this.#string(files.offset + offset, "file name");
	}

	#nameAt(offset: number): string {
		const { names } = this.header;
		if (offset >= names.size) throw this.#bytes.error(names.offset, "nameOff", `below ${names.size}`, String(offset));
		return this.#string(names.offset + offset, "function name");
	}

	#string(at: number, field: string): string {
		let text = this.#strings.get(at);
		if (text !== undefined) return text;
		text = this.#bytes.cstring(at, MAX_NAME, field);
		this.#cachedLength += text.length;
		if (this.#cachedLength > MAX_CACHED_LENGTH) {
			this.#strings.clear();
			this.#cachedLength = text.length;
		}
		this.#strings.set(at, text);
		return text;
	}
}
