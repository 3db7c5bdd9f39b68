import { ParseError } from "../../bytes/parse-error.ts";

/** /proc/PID/status and /proc/meminfo have some sixty lines; nothing of theirs has more. */
const MAX_LINES = 4096;

/**
 * Lines of `Key: value`, as in /proc/PID/status and /proc/meminfo, without the space around the value. Lines without a
 * colon are skipped; of equal keys the first counts.
 */
export function parseFieldLines(text: string, format: string): ReadonlyMap<string, string> {
	const fields = new Map<string, string>();
	let lines = 0;
	for (let at = 0; at < text.length; ) {
		if (++lines > MAX_LINES) throw new ParseError({ format, offset: at, expected: `at most ${MAX_LINES} lines` });
		const newline = text.indexOf("\n", at);
		const end = newline < 0 ? text.length : newline;
		const colon = text.indexOf(":", at);
		if (colon >= 0 && colon < end) {
			const key = text.slice(at, colon);
			if (!fields.has(key)) fields.set(key, text.slice(colon + 1, end).trim());
		}
		at = end + 1;
	}
	return fields;
}

/** Bytes of a `123 kB` value; the kernel's kB are 1024 bytes. Undefined stays undefined. */
export function bytesOfKb(value: string | undefined, field: string, format: string): number | undefined {
	if (value === undefined) return undefined;
	const match = /^([0-9]{1,12}) kB$/.exec(value);
	if (match === null) throw new ParseError({ format, field, expected: "a number of kB", actual: quoted(value) });
	return Number(match[1]) * 1024;
}

/** A non-negative decimal number below 2^53. */
export function decimal(value: string | undefined, field: string, format: string): number {
	const number = value !== undefined && /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
	if (!Number.isSafeInteger(number)) {
		throw new ParseError({ format, field, expected: "a decimal number below 2^53", actual: quoted(value) });
	}
	return number;
}

/** A non-negative hexadecimal number, with or without 0x, below 2^53. */
export function hexadecimal(value: string | undefined, field: string, format: string): number {
	const number = value !== undefined && /^(0x)?[0-9a-f]{1,16}$/i.test(value) ? Number.parseInt(value, 16) : Number.NaN;
	if (!Number.isSafeInteger(number)) {
		throw new ParseError({ format, field, expected: "a hexadecimal number below 2^53", actual: quoted(value) });
	}
	return number;
}

/** A piece of untrusted text as an error message shows it: short and without control characters. */
export function quoted(value: string | undefined): string {
	return value === undefined ? "nothing" : JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
