import { Cursor } from "../../bytes/cursor.ts";
import { ATTRIBUTES } from "./constants.ts";
import { FORM_CLASS, FORM_IMPLICIT_CONST, type FormSizes, formsFor, WIDTH } from "./forms.ts";

/** gcc and rustc use some thousand abbreviations at most, and no entry has more than some 25 attributes. */
const MAX_CODE = 1 << 16;
const MAX_ATTRIBUTES = 128;
/** Every unit may name an abbreviation table of its own, and hostile ones overlap: what is read in all is bounded. */
const MAX_BYTES_READ = 64 << 20;

const SLOT_OF = new Map(ATTRIBUTES.map(([code, , slot]) => [code, slot]));

/**
 * One abbreviation: the shape of many entries. Attributes are parallel arrays; `skip` is the shortest way past an entry of
 * this shape: widths as in `width`, with neighbours of fixed width added up.
 */
export interface Abbreviation {
	readonly tag: number;
	readonly children: boolean;
	/** a column of EntryReader.values, or -1: skipped */
	readonly slot: Int8Array;
	/** FORM_CLASS */
	readonly form: Uint8Array;
	/** bytes, or WIDTH */
	readonly width: Int8Array;
	/** of DW_FORM_implicit_const; 0 for others */
	readonly implicit: Float64Array;
	readonly skip: Int32Array;
}

/** By code; codes start at 1. */
export type AbbreviationTable = readonly (Abbreviation | undefined)[];

/** The abbreviation tables of .debug_abbrev (DWARF 5, section 7.5.3), each read once. */
export class Abbreviations {
	readonly #bytes: Uint8Array;
	readonly #tables = new Map<string, AbbreviationTable>();
	#read = 0;

	constructor(section: Uint8Array) {
		this.#bytes = section;
	}

	/** The table at an offset. Throws ParseError where it is malformed or a form is unknown. */
	table(offset: number, sizes: FormSizes): AbbreviationTable {
		const key = `${offset} ${sizes.offsetSize} ${sizes.refAddrSize}`;
		let table = this.#tables.get(key);
		if (table === undefined) {
			const cursor = new Cursor(this.#bytes, "dwarf .debug_abbrev");
			cursor.seek(offset, "abbreviation table");
			table = readTable(cursor, sizes, () => {
				if (this.#read + cursor.at - offset <= MAX_BYTES_READ) return;
				throw cursor.error("abbreviation tables", `at most ${MAX_BYTES_READ} bytes of them`, "more");
			});
			this.#read += cursor.at - offset;
			this.#tables.set(key, table);
		}
		return table;
	}
}

function readTable(cursor: Cursor, sizes: FormSizes, checkBudget: () => void): AbbreviationTable {
	const table: (Abbreviation | undefined)[] = [];
	for (;;) {
		const code = cursor.uvarint("abbreviation code");
		if (code === 0) return table;
		if (code > MAX_CODE) throw cursor.error("abbreviation code", `at most ${MAX_CODE}`, String(code));
		checkBudget();
		table[code] = readAbbreviation(cursor, sizes);
	}
}

function readAbbreviation(cursor: Cursor, sizes: FormSizes): Abbreviation {
	const forms = formsFor(sizes);
	const tag = cursor.uvarint("tag");
	const children = cursor.u8("children") !== 0;
	const attributes: { slot: number; form: number; width: number; implicit: number }[] = [];
	for (;;) {
		const attribute = cursor.uvarint("attribute");
		const code = cursor.uvarint("form");
		if (attribute === 0 && code === 0) break;
		const form = forms.get(code);
		if (form === undefined) throw cursor.error("form", "one of DWARF 2 to 5", `0x${code.toString(16)}`);
		if (attributes.length >= MAX_ATTRIBUTES) {
			throw cursor.error("attributes of an entry", `at most ${MAX_ATTRIBUTES}`, "more");
		}
		const implicit = code === FORM_IMPLICIT_CONST ? signedVarint(cursor) : 0;
		attributes.push({ slot: SLOT_OF.get(attribute) ?? -1, form: form.of, width: form.width, implicit });
	}
	return {
		tag,
		children,
		slot: Int8Array.from(attributes, (a) => a.slot),
		form: Uint8Array.from(attributes, (a) => a.form),
		width: Int8Array.from(attributes, (a) => a.width),
		implicit: Float64Array.from(attributes, (a) => a.implicit),
		skip: skipOf(attributes),
	};
}

function skipOf(attributes: readonly { form: number; width: number }[]): Int32Array {
	const skip: number[] = [];
	for (const { form, width } of attributes) {
		const step = form === FORM_CLASS.indirect ? WIDTH.indirect : width;
		const last = skip.at(-1);
		if (step === 0) continue;
		if (step > 0 && last !== undefined && last > 0) skip[skip.length - 1] = last + step;
		else skip.push(step);
	}
	return Int32Array.from(skip);
}

/** Signed LEB128, as near as a double holds it. */
function signedVarint(cursor: Cursor): number {
	let value = 0;
	let scale = 1;
	for (let i = 0; i < 10; i++) {
		const byte = cursor.u8("implicit constant");
		value += (byte & 0x7f) * scale;
		scale *= 128;
		if (byte < 0x80) return (byte & 0x40) !== 0 ? value - scale : value;
	}
	throw cursor.error("implicit constant", "at most 10 bytes", "more");
}
