import { word } from "../../bytes/cursor.ts";
import type { Abbreviation } from "./abbrev.ts";
import { OP_ADDR, OP_ADDRX, OP_GNU_ADDR_INDEX, OP_PLUS_UCONST, SLOT, SLOTS } from "./constants.ts";
import { FORM_CLASS, formsFor, WIDTH } from "./forms.ts";
import { nameIn } from "./names.ts";
import type { DwarfSections } from "./sections.ts";
import { type Unit, unitError } from "./units.ts";

/**
 * Reads the entries of a unit one after another, without an object each: `next` gives the shape of the entry at hand, and
 * then `read` takes its attributes into `values`, or `skip` passes it.
 */
export class EntryReader {
	/** by SLOT; NaN where the entry has no such attribute, or one whose form cannot stand there */
	readonly values = new Float64Array(SLOTS);
	/** offset in .debug_info */
	at = 0;
	#end = 0;
	#unit: Unit | undefined;
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	readonly #strOffsets: DataView;
	readonly #addr: DataView;

	constructor(sections: DwarfSections) {
		this.#bytes = sections.info;
		this.#view = viewOf(sections.info);
		this.#strOffsets = viewOf(sections.strOffsets);
		this.#addr = viewOf(sections.addr);
	}

	enter(unit: Unit): void {
		this.#unit = unit;
		this.at = unit.entries;
		this.#end = unit.end;
	}

	/** True once the unit's bytes are used up. */
	get done(): boolean {
		return this.at >= this.#end;
	}

	/** The shape of the next entry; undefined for the null entry that ends a list of children. */
	next(): Abbreviation | undefined {
		const start = this.at;
		const code = this.#uleb();
		if (this.at > this.#end) throw unitError(start, "entry", "an abbreviation code", "the end of the unit");
		if (code === 0) return undefined;
		const found = this.#unit?.table[code];
		if (found === undefined) throw unitError(start, "abbreviation code", "one of the unit's table", String(code));
		return found;
	}

	/** Passes the attributes of an entry. */
	skip(shape: Abbreviation): void {
		const steps = shape.skip;
		for (let i = 0; i < steps.length; i++) {
			const step = steps[i]!; // i < length
			if (step > 0) this.at += step;
			else this.#skipWidth(step);
		}
		this.#checkEnd();
	}

	/** Takes the attributes of an entry into `values`. */
	read(shape: Abbreviation): void {
		const { slot, form, width, implicit } = shape;
		this.values.fill(Number.NaN);
		for (let i = 0; i < slot.length; i++) {
			const into = slot[i]!; // the columns of an abbreviation have one length
			if (into < 0) this.#skipWidth(width[i]!);
			else this.values[into] = this.#value(into, form[i]!, width[i]!, implicit[i]!);
		}
		this.#checkEnd();
	}

	/** Passes the children of an entry that has some, and theirs. */
	skipChildren(): void {
		for (let depth = 1; depth > 0; ) {
			const shape = this.next();
			if (shape === undefined) depth--;
			else {
				this.skip(shape);
				if (shape.children) depth++;
			}
		}
	}

	#checkEnd(): void {
		if (this.at > this.#end) throw unitError(this.at, "entry", "its end within the unit", "the end of the unit");
	}

	#skipWidth(width: number): void {
		const bytes = this.#bytes;
		switch (width) {
			case WIDTH.uleb:
			case WIDTH.sleb:
				while (this.at < this.#end && bytes[this.at]! >= 0x80) this.at++;
				this.at++;
				return;
			case WIDTH.cstring: {
				// names of parameters are short, where a loop is faster than the call of indexOf
				const near = Math.min(this.at + SHORT, this.#end);
				let end = this.at;
				while (end < near && bytes[end] !== 0) end++;
				if (bytes[end] !== 0) end = bytes.indexOf(0, end);
				this.at = end < 0 ? this.#end + 1 : end + 1;
				return;
			}
			case WIDTH.indirect:
				this.#skipWidth(this.#indirect().width);
				return;
			default: {
				// reading the length moves on, too
				const length = width >= 0 ? width : this.#blockLength(width);
				this.at += length;
			}
		}
	}

	/** The length of a block, whose first byte `at` then is. */
	#blockLength(width: number): number {
		switch (width) {
			case WIDTH.block1:
				return this.#fixed(1);
			case WIDTH.block2:
				return this.#fixed(2);
			case WIDTH.block4:
				return this.#fixed(4);
			default:
				return this.#uleb();
		}
	}

	#indirect(): { of: number; width: number } {
		const unit = this.#unit;
		const code = this.#uleb();
		const form = unit === undefined ? undefined : formsFor(sizesOf(unit)).get(code);
		if (form === undefined || form.of === FORM_CLASS.indirect || form.of === FORM_CLASS.implicit) {
			throw unitError(this.at, "indirect form", "a form", `0x${code.toString(16)}`);
		}
		return form;
	}

	#value(slot: number, form: number, width: number, implicit: number): number {
		switch (form) {
			case FORM_CLASS.constant:
			case FORM_CLASS.address:
			case FORM_CLASS.offset:
			case FORM_CLASS.refAddr:
				return this.#unsigned(width);
			case FORM_CLASS.signed:
				return this.#sleb();
			case FORM_CLASS.string: {
				const start = this.at;
				this.#skipWidth(WIDTH.cstring);
				return slot === SLOT.name || slot === SLOT.producer ? nameIn.info(start) : Number.NaN;
			}
			case FORM_CLASS.strp:
				return nameIn.str(this.#unsigned(width));
			case FORM_CLASS.lineStrp:
				return nameIn.lineStr(this.#unsigned(width));
			case FORM_CLASS.strx:
				return this.#stringAt(this.#unsigned(width));
			case FORM_CLASS.addrx:
				return this.#addressAt(this.#unsigned(width));
			case FORM_CLASS.reference:
				return this.#unsigned(width) + (this.#unit?.start ?? 0);
			case FORM_CLASS.block:
				return this.#block(width);
			case FORM_CLASS.implicit:
				return implicit;
			case FORM_CLASS.present:
				return 1;
			case FORM_CLASS.indirect: {
				const actual = this.#indirect();
				return this.#value(slot, actual.of, actual.width, 0);
			}
			default:
				this.#skipWidth(width);
				return Number.NaN;
		}
	}

	#unsigned(width: number): number {
		return width === WIDTH.uleb ? this.#uleb() : this.#fixed(width);
	}

	/** An expression that is one operation with one operand, which the locations of globals and members are. */
	#block(width: number): number {
		const length = this.#blockLength(width);
		const start = this.at;
		const end = start + length;
		if (!(end <= this.#end)) throw unitError(start, "block", "its end within the unit", `${length} bytes`);
		let value = Number.NaN;
		if (length > 1) {
			const op = this.#bytes[this.at++];
			if (op === OP_ADDR && length === 9) value = this.#fixed(8);
			else if (op === OP_PLUS_UCONST) value = this.#uleb();
			else if (op === OP_ADDRX || op === OP_GNU_ADDR_INDEX) value = this.#addressAt(this.#uleb());
			// more operations follow: a computed place, not a fixed one
			if (this.at !== end) value = Number.NaN;
		}
		this.at = end;
		return value;
	}

	/** DWARF 5, section 7.27: .debug_addr from DW_AT_addr_base on is an array of addresses. */
	#addressAt(index: number): number {
		const at = (this.#unit?.addrBase ?? Number.NaN) + index * 8;
		return at + 8 <= this.#addr.byteLength ? word(this.#addr, at) : Number.NaN;
	}

	/** Section 7.26: .debug_str_offsets from DW_AT_str_offsets_base on is an array of offsets in .debug_str. */
	#stringAt(index: number): number {
		const size = this.#unit?.offsetSize ?? 4;
		const at = (this.#unit?.strOffsetsBase ?? Number.NaN) + index * size;
		if (!(at + size <= this.#strOffsets.byteLength)) return Number.NaN;
		return nameIn.str(size === 4 ? this.#strOffsets.getUint32(at, true) : word(this.#strOffsets, at));
	}

	#fixed(width: number): number {
		const at = this.at;
		if (at + width > this.#end) throw unitError(at, "attribute", `${width} bytes`, "the end of the unit");
		this.at = at + width;
		switch (width) {
			case 1:
				return this.#bytes[at]!; // at + width <= end <= length
			case 2:
				return this.#view.getUint16(at, true);
			case 3:
				return this.#view.getUint16(at, true) + this.#bytes[at + 2]! * 65536;
			case 4:
				return this.#view.getUint32(at, true);
			case 8:
				return word(this.#view, at);
			default:
				return Number.NaN;
		}
	}

	/** What is beyond 2^53 is not exact; gomem has no use for such a value. */
	#uleb(): number {
		const bytes = this.#bytes;
		let byte = bytes[this.at++] ?? 0;
		if (byte < 0x80) return byte;
		let value = byte & 0x7f;
		let scale = 128;
		for (let i = 1; i < 10 && byte >= 0x80; i++) {
			byte = bytes[this.at++] ?? 0;
			value += (byte & 0x7f) * scale;
			scale *= 128;
		}
		if (byte >= 0x80) throw unitError(this.at, "LEB128", "at most 10 bytes", "more");
		return value;
	}

	#sleb(): number {
		const bytes = this.#bytes;
		let value = 0;
		let scale = 1;
		for (let i = 0; i < 10; i++) {
			const byte = bytes[this.at++] ?? 0;
			value += (byte & 0x7f) * scale;
			scale *= 128;
			if (byte < 0x80) return (byte & 0x40) !== 0 ? value - scale : value;
		}
		throw unitError(this.at, "LEB128", "at most 10 bytes", "more");
	}
}

const SHORT = 16;

export function sizesOf(unit: { readonly offsetSize: 4 | 8; readonly version: number }): {
	offsetSize: 4 | 8;
	refAddrSize: 4 | 8;
} {
	// DWARF 2 took an address there (section 7.5.4 of version 3 notes the change); addresses are of 8 bytes here
	return { offsetSize: unit.offsetSize, refAddrSize: unit.version < 3 ? 8 : unit.offsetSize };
}

function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
