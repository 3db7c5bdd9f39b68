import { decodeUtf8 } from "../../../bytes/cursor.ts";
import { ParseError } from "../../../bytes/parse-error.ts";

/** Longer lines are in no profile; the patterns that lines are matched with take time that grows with them. */
const MAX_LINE = 1 << 20;

/** The lines of a text one by one, without their ends, as bufio.Scanner gives them. */
export class TextLines {
	readonly #text: string;
	#next = 0;
	/** the line that `scan` came to; "" after the last */
	line = "";
	/** where it starts in the text */
	start = 0;

	constructor(text: string, from = 0) {
		this.#text = text;
		this.#next = from;
	}

	/** Goes to the next line; false where there is none. */
	scan(): boolean {
		const start = this.#next;
		this.start = start;
		if (start >= this.#text.length) {
			this.line = "";
			return false;
		}
		const found = this.#text.indexOf("\n", start);
		const end = found < 0 ? this.#text.length : found;
		if (end - start > MAX_LINE) {
			throw malformed(this, `a line of at most ${MAX_LINE} characters`, `${end - start}`);
		}
		this.#next = end + 1;
		this.line = this.#text.slice(start, this.#text[end - 1] === "\r" && end > start ? end - 1 : end);
		return true;
	}
}

export const LEGACY = "legacy profile";

/** A string of V8 has less than 2^29 characters. */
const MAX_TEXT = 2 ** 28;

export function textOf(bytes: Uint8Array): string {
	if (bytes.length > MAX_TEXT) {
		throw new ParseError({ format: LEGACY, expected: `at most ${MAX_TEXT} bytes`, actual: `${bytes.length}` });
	}
	return decodeUtf8(bytes);
}

export function malformed(lines: TextLines, expected: string, actual: string = lines.line): ParseError {
	return new ParseError({
		format: LEGACY,
		offset: lines.start,
		expected,
		actual: actual.length > 80 ? `${JSON.stringify(actual.slice(0, 80))}…` : JSON.stringify(actual),
	});
}

export function isSpaceOrComment(line: string): boolean {
	const trimmed = line.trim();
	return trimmed === "" || trimmed.startsWith("#");
}

/** What stands before the mappings of the process in the texts of old. */
export function isMemoryMapHeading(line: string): boolean {
	return line.includes("--- Memory map: ---") || line.includes("MAPPED_LIBRARIES:");
}

/** A 64-bit address or figure: a number where that is exact, else a bigint. */
export type Exact = number | bigint;

/** Decimal digits, with a sign, to an exact figure; undefined where they are none of 64 bits (signed). */
export function decimal(digits: string): Exact | undefined {
	const number = Number(digits);
	if (!/^[-+]?[0-9]{1,40}$/.test(digits)) return undefined;
	if (Number.isSafeInteger(number)) return number;
	const exact = BigInt(digits);
	return exact === BigInt.asIntN(64, exact) ? exact : undefined;
}

/** Hexadecimal digits without 0x to an exact address; undefined where they are more than 64 bits. */
export function hexadecimal(digits: string): Exact | undefined {
	const number = Number.parseInt(digits, 16);
	if (Number.isSafeInteger(number)) return number;
	if (!/^[0-9a-fA-F]{1,4096}$/.test(digits)) return undefined;
	const exact = BigInt(`0x${digits}`);
	return exact === BigInt.asUintN(64, exact) ? exact : undefined;
}

/** All addresses (`0x…`) of a line. Throws ParseError where one has more than 64 bits. */
export function addressesOf(text: string, lines: TextLines): Exact[] {
	const addresses: Exact[] = [];
	for (const [found] of text.matchAll(/0x[0-9a-f]+/g)) {
		const address = hexadecimal(found.slice(2));
		if (address === undefined) throw malformed(lines, "addresses of 64 bits", found);
		addresses.push(address);
	}
	return addresses;
}

/** An address within the call before a return address: one less, modulo 2^64. */
export function beforeReturn(address: Exact): Exact {
	if (typeof address === "number" && address > 0) return address - 1;
	return exactOf(BigInt.asUintN(64, BigInt(address) - 1n));
}

export function exactOf(value: bigint): Exact {
	const number = Number(value);
	return Number.isSafeInteger(number) ? number : value;
}

/** A product as Go's int64 has it: modulo 2^64. */
export function product(a: Exact, b: Exact): Exact {
	const number = Number(a) * Number(b);
	return Number.isSafeInteger(number) ? number : exactOf(BigInt.asIntN(64, BigInt(a) * BigInt(b)));
}
