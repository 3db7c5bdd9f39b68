import { decodeUtf8 } from "../../bytes/cursor.ts";

/** What begins like this, by the first characters in Latin-1. */
const BEGINNINGS: readonly (readonly [what: string, pattern: RegExp])[] = [
	["a PNG picture", /^\x89PNG/],
	["a GIF picture", /^GIF8/],
	["a JPEG picture", /^\xff\xd8\xff/],
	["a PDF", /^%PDF/],
	["packed with xz", /^\xfd7zXZ/],
	["packed with bzip2", /^BZh\d/],
	["an execution trace, which `go tool trace` reads", /^go 1\.\d+ trace\0/],
	["HTML", /^\s*<(?:!doctype html|html)\b/i],
	["XML", /^\s*<\?xml\b/i],
	["JSON", /^\s*(?:\{\s*["}]|\[\s*["{[\]])/],
];

/** Bytes that are looked at. */
const LOOKED_AT = 4096;

/** What bytes that are no profile seem to be instead, for an error; undefined where nothing tells. */
export function contentName(bytes: Uint8Array): string | undefined {
	if (bytes.length === 0) return "empty";
	const head = bytes.subarray(0, LOOKED_AT);
	const characters = Array.from(head, (byte) => String.fromCharCode(byte)).join("");
	const found = BEGINNINGS.find(([, pattern]) => pattern.test(characters));
	if (found !== undefined) return found[0];
	// a character may be cut at the end of what is looked at
	const text = decodeUtf8(head).replace(/\ufffd{1,3}$/, "");
	return text.includes("\ufffd") || head.some(isControl) ? undefined : "plain text";
}

/** A control character that no text has: not a tab, a line feed and its like. */
function isControl(byte: number): boolean {
	return byte < 32 && (byte < 9 || byte > 13);
}
