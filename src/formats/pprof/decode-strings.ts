import { ParseError } from "../../bytes/parse-error.ts";
import { GrowingUint32 } from "./columns.ts";
import { fieldName, type Message } from "./fields.ts";
import { StringInterner } from "./strings.ts";
import { FORMAT, type Wire } from "./wire.ts";

/** Stands for an index that is in no table: files have fewer strings. */
const NO_STRING = 0xffff_ffff;

/** A figure of 64 bits as an index of a string. */
export function stringIndex({ low, high }: Pick<Wire, "low" | "high">): number {
	return high === 0 ? low : NO_STRING;
}

/** The string table as it comes, and what other messages mean by an index of it, which may come before. */
export class StringReader {
	readonly table: StringInterner;
	/** index in the table by index in the file */
	readonly #indexes = new GrowingUint32(1024);
	/** the indexes of the file are those of the table: no string came twice */
	#same = true;

	constructor() {
		this.table = new StringInterner(1024, 1 << 16);
	}

	/** profile.proto: "string_table[0] must always be ''" */
	read(wire: Wire, end: number): void {
		const row = this.#indexes.length;
		if (row === 0 && end !== wire.at) throw wire.error("Profile", 6, "an empty first string", "another");
		const index = this.table.internBytes(wire.bytes, wire.at, end);
		this.#indexes.push(index);
		this.#same &&= index === row;
		wire.at = end;
	}

	/** To be called when all have come. */
	close(): void {
		if (this.#indexes.length > 0) return;
		throw new ParseError({ format: FORMAT, field: "Profile.string_table", expected: "a first string", actual: "none" });
	}

	/** Makes indexes of the file indexes of the table, in place. Throws ParseError where the file has no such string. */
	resolve(indexes: Uint32Array, message: Message, field: number): Uint32Array {
		const { length, array } = this.#indexes;
		for (let i = 0; i < indexes.length; i++) {
			const index = indexes[i]!; // within the array
			if (index >= length) throw this.#none(index, message, field);
			if (!this.#same) indexes[i] = array[index]!; // below the length
		}
		return indexes;
	}

	/** The string of an index of the file. */
	text(index: number, message: Message, field: number): string {
		if (index >= this.#indexes.length) throw this.#none(index, message, field);
		return this.table.text(this.#indexes.array[index]!); // below the length
	}

	#none(index: number, message: Message, field: number): ParseError {
		return new ParseError({
			format: FORMAT,
			field: fieldName(message, field),
			expected: `a string index below ${this.#indexes.length}`,
			actual: index === NO_STRING ? "one of more than 32 bits" : String(index),
		});
	}
}
