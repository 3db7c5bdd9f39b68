import { ByteWriter } from "./byte-writer.ts";
import { Cursor } from "./cursor.ts";
import { ParseError } from "./parse-error.ts";

/**
 * A value of JSON that may hold typed arrays, as bytes: what a report page carries. The JSON comes first, with a
 * placeholder `{"$column": [kind, count]}` for each array; then the arrays in the order of their placeholders. Whole numbers
 * are varints of their differences (nodes of a tree are near each other) or of themselves, all else is as it is in memory.
 */
export type Column = Uint8Array | Uint32Array | Int32Array | Float64Array;

/** how the elements of a column are written */
type Kind = "u8" | "u32" | "i32" | "f64" | "whole";

/** zigzag doubles a number, and varints are below 2^53 */
const LARGEST = 2 ** 52 - 1;
const FORMAT = "packed value";
const PLACEHOLDER = "$column";

/** Throws TypeError for what is no JSON (functions, bigint) as JSON.stringify does; `undefined` properties are left out. */
export function packValue(value: unknown): Uint8Array<ArrayBuffer> {
	const columns: [kind: Kind, column: Column][] = [];
	const json = JSON.stringify(value, (_, part: unknown) => {
		if (!isColumn(part)) return part;
		const kind = kindOf(part);
		columns.push([kind, part]);
		return { [PLACEHOLDER]: [kind, part.length] };
	});
	const text = new TextEncoder().encode(json);
	const to = new ByteWriter(text.length + 4 + columns.reduce((sum, [, column]) => sum + column.length * 2, 0));
	to.u32(text.length);
	to.raw(text);
	for (const [kind, column] of columns) writeColumn(to, kind, column);
	return to.finish();
}

function isColumn(part: unknown): part is Column {
	return (
		part instanceof Uint8Array ||
		part instanceof Uint32Array ||
		part instanceof Int32Array ||
		part instanceof Float64Array
	);
}

function kindOf(column: Column): Kind {
	if (column instanceof Uint8Array) return "u8";
	if (column instanceof Uint32Array) return "u32";
	if (column instanceof Int32Array) return "i32";
	return column.every((value) => Number.isInteger(value) && Math.abs(value) <= LARGEST && !Object.is(value, -0))
		? "whole"
		: "f64";
}

function writeColumn(to: ByteWriter, kind: Kind, column: Column): void {
	if (kind === "u8") to.raw(column as Uint8Array);
	else if (kind === "f64") writeDoubles(to, column);
	else writeWhole(to, column, kind !== "whole");
}

function writeDoubles(to: ByteWriter, column: Column): void {
	const bytes = new DataView(new ArrayBuffer(column.length * 8));
	for (const [i, value] of column.entries()) bytes.setFloat64(i * 8, value, true);
	to.raw(new Uint8Array(bytes.buffer));
}

function writeWhole(to: ByteWriter, column: Column, differences: boolean): void {
	let before = 0;
	for (let i = 0; i < column.length; i++) {
		const value = column[i] ?? 0;
		to.uvarint(zigzag(differences ? value - before : value));
		before = value;
	}
}

function zigzag(value: number): number {
	return value < 0 ? -value * 2 - 1 : value * 2;
}

/**
 * What packValue made of it: `T` is believed, as only gomem's own pages are read with this. Throws ParseError for bytes that
 * are cut short or no packed value.
 */
export function unpackValue<T>(bytes: Uint8Array): T {
	if (bytes.length < 4) throw new ParseError({ format: FORMAT, expected: "4 bytes", actual: `${bytes.length}` });
	const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
	if (length > bytes.length - 4) {
		throw new ParseError({
			format: FORMAT,
			field: "length",
			expected: `at most ${bytes.length - 4}`,
			actual: `${length}`,
		});
	}
	const from = new Cursor(bytes, FORMAT);
	from.skip(4 + length, "json");
	const text = new TextDecoder().decode(bytes.subarray(4, 4 + length));
	try {
		return restored(JSON.parse(text), from) as T;
	} catch (error) {
		if (error instanceof SyntaxError) throw new ParseError({ format: FORMAT, actual: error.message }, { cause: error });
		throw error;
	}
}

/** In the order of the text, which JSON.parse keeps: a reviver would meet the innermost first. */
function restored(part: unknown, from: Cursor): unknown {
	if (Array.isArray(part)) return part.map((one) => restored(one, from));
	if (typeof part !== "object" || part === null) return part;
	const placeholder = (part as Record<string, unknown>)[PLACEHOLDER];
	if (Array.isArray(placeholder)) return readColumn(from, String(placeholder[0]), Number(placeholder[1]));
	return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, restored(value, from)]));
}

function readColumn(from: Cursor, kind: string, count: number): Column {
	// every element takes a byte at least
	if (!(Number.isInteger(count) && count >= 0 && count <= from.remaining)) {
		throw from.error("count", `at most ${from.remaining}`, `${count}`);
	}
	if (kind === "u8") return from.take(count, "column").slice();
	if (kind === "f64") return readDoubles(from, count);
	const column =
		kind === "whole" ? new Float64Array(count) : kind === "i32" ? new Int32Array(count) : new Uint32Array(count);
	let before = 0;
	for (let i = 0; i < count; i++) {
		const coded = from.uvarint("column");
		const value = coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2;
		before = kind === "whole" ? value : before + value;
		column[i] = before;
	}
	return column;
}

function readDoubles(from: Cursor, count: number): Float64Array {
	const bytes = from.take(count * 8, "column");
	const view = new DataView(bytes.buffer, bytes.byteOffset);
	return Float64Array.from({ length: count }, (_, i) => view.getFloat64(i * 8, true));
}
