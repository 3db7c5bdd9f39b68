import type { MemoryReader, TargetMemory } from "../bytes/block-reader.ts";
import { signedWord, word } from "../bytes/cursor.ts";
import { ParseError } from "../bytes/parse-error.ts";
import type { Layout, StructLayout } from "./layouts/layout.ts";

/** The runtime's package-level variables that gomem reads, by their name without "runtime.". */
export type GlobalName =
	| "mheap_"
	| "allgs"
	| "allp"
	| "allm"
	| "memstats"
	| "gcController"
	| "sched"
	| "work"
	| "gcphase"
	| "gcBitsArenas"
	| "persistentChunks"
	| "buckhash"
	| "mbuckets"
	| "bbuckets"
	| "xbuckets"
	| "mProfCycle"
	| "MemProfileRate"
	| "itabTable"
	| "firstmoduledata"
	// the variable `mapper` of package syscall and of golang.org/x/sys/unix, see mmap-registries.ts
	| "syscall.mapper"
	| "unix.mapper";

/** Where each variable stands in the target's address space (load bias added). A variable not found is absent. */
export type Globals = ReadonlyMap<GlobalName, number>;

/** What it takes to read a Go runtime: its memory, the shape of its structs, and where its variables are. */
export interface RuntimeView {
	readonly memory: TargetMemory;
	readonly layout: Layout;
	readonly globals: Globals;
}

/** The address of a variable that the caller cannot do without. Throws ParseError where it was not found. */
export function globalAddress(view: RuntimeView, name: GlobalName): number {
	const address = view.globals.get(name);
	if (address === undefined) {
		throw new ParseError({
			format: "go runtime",
			field: `runtime.${name}`,
			expected: "its address",
			actual: "not found",
		});
	}
	return address;
}

/** One struct read from the target, its fields taken by name. The copy does not move while the target does. */
export class StructValue {
	readonly address: number;
	readonly layout: StructLayout;
	readonly view: DataView;
	readonly #at: number;

	constructor(layout: StructLayout, address: number, view: DataView, at = 0) {
		this.layout = layout;
		this.address = address;
		this.view = view;
		this.#at = at;
	}

	/** Address of the field in the target. */
	addressOf(field: string): number {
		return this.address + this.layout.offset(field);
	}

	word(field: string): number {
		return word(this.view, this.#at + this.layout.offset(field));
	}

	signed(field: string): number {
		return signedWord(this.view, this.#at + this.layout.offset(field));
	}

	u32(field: string): number {
		return this.view.getUint32(this.#at + this.layout.offset(field), true);
	}

	i32(field: string): number {
		return this.view.getInt32(this.#at + this.layout.offset(field), true);
	}

	u8(field: string): number {
		return this.view.getUint8(this.#at + this.layout.offset(field));
	}

	f64(field: string): number {
		return this.view.getFloat64(this.#at + this.layout.offset(field), true);
	}

	/** A Go slice header in the field: data pointer, length, capacity. */
	slice(field: string): { readonly data: number; readonly length: number } {
		const at = this.#at + this.layout.offset(field);
		return { data: word(this.view, at), length: word(this.view, at + 8) };
	}

	/** The i-th word of an array of 8-byte values. */
	element(field: string, index: number): number {
		return word(this.view, this.#at + this.layout.offset(field) + index * 8);
	}

	signedElement(field: string, index: number): number {
		return signedWord(this.view, this.#at + this.layout.offset(field) + index * 8);
	}
}

/** Reads a whole struct. Throws ParseError where it is not all there. */
export function readStruct(look: MemoryReader, layout: StructLayout, address: number): StructValue {
	const bytes = look.copy(address, layout.size);
	if (bytes === undefined) {
		throw new ParseError({
			format: "go runtime",
			offset: address,
			field: layout.name,
			expected: `${layout.size} readable bytes`,
			actual: "less",
		});
	}
	return new StructValue(layout, address, new DataView(bytes.buffer));
}

/**
 * Words of a struct by their fields, and nothing else of it: for structs that hold more than the runtime's own figures, as an M
 * holds the state of a random generator. Undefined where one is not there.
 */
export function readWords<F extends string>(
	look: MemoryReader,
	layout: StructLayout,
	address: number,
	fields: readonly F[],
): Readonly<Record<F, number>> | undefined {
	const words: Partial<Record<F, number>> = {};
	for (const field of fields) {
		const value = look.word(address + layout.offset(field));
		if (value === undefined) return undefined;
		words[field] = value;
	}
	return words as Record<F, number>;
}

/** Reads the variable `name` as the struct that it is. */
export function readGlobal(view: RuntimeView, look: MemoryReader, name: GlobalName, struct: string): StructValue {
	return readStruct(look, view.layout.struct(struct), globalAddress(view, name));
}

/** Reads a slice of pointers. Throws ParseError where the length is beyond `limit` or the array is not there. */
export function readPointers(
	look: MemoryReader,
	slice: { data: number; length: number },
	limit: number,
	field: string,
): Float64Array {
	if (!(slice.length >= 0 && slice.length <= limit)) {
		throw new ParseError({
			format: "go runtime",
			offset: slice.data,
			field,
			expected: `a length up to ${limit}`,
			actual: String(slice.length),
		});
	}
	// before anything is allocated for a length that may be torn or made up
	if (slice.length > 0 && look.locate(slice.data + (slice.length - 1) * 8, 8) < 0) {
		throw new ParseError({
			format: "go runtime",
			offset: slice.data,
			field,
			expected: `an array of ${slice.length} pointers`,
			actual: "memory that cannot be read",
		});
	}
	const out = new Float64Array(slice.length);
	const step = 8192;
	for (let i = 0; i < slice.length; i += step) {
		const count = Math.min(step, slice.length - i);
		const at = look.locate(slice.data + i * 8, count * 8);
		if (at < 0) {
			throw new ParseError({
				format: "go runtime",
				offset: slice.data + i * 8,
				field,
				expected: "an array of pointers",
				actual: "memory that cannot be read",
			});
		}
		for (let j = 0; j < count; j++) out[i + j] = word(look.view, at + j * 8);
	}
	return out;
}
