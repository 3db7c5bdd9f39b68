import { decodeUtf8 } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { quoted } from "./fields.ts";
import { type Mapping, type MappingKind, mappingKind, permissionsOf } from "./mapping.ts";

/** vm.max_map_count is 65,530 by default and some databases raise it to 2^20; more than this is no process of ours. */
export const MAX_MAPPINGS = 1 << 22;

/**
 * /proc/PID/maps. Addresses in bytes, ascending and without overlap, as the kernel promises even when the process changes
 * its mappings during the read (Documentation/filesystems/proc.rst). Throws ParseError.
 */
export function parseMaps(text: string | Uint8Array): Mapping[] {
	const bytes = textBytes(text);
	const reader = new MappingLineReader(bytes, "maps");
	const mappings: Mapping[] = [];
	for (let at = 0; at < bytes.length; at = reader.next) {
		if (mappings.length === MAX_MAPPINGS) {
			throw new ParseError({ format: "maps", offset: at, expected: `at most ${MAX_MAPPINGS} mappings` });
		}
		mappings.push(reader.read(at));
	}
	return mappings;
}

const encoder = new TextEncoder();

/** The text as bytes: reading them one by one is six times as fast as charCodeAt on a string of megabytes. */
export function textBytes(text: string | Uint8Array): Uint8Array {
	return typeof text === "string" ? encoder.encode(text) : text;
}

/**
 * Reads the line `start-end rwxp offset major:minor inode   path`, which maps and smaps share (show_map_vma in
 * fs/proc/task_mmu.c). The path is escaped for newlines only: a path with a literal `\012` in it reads as a newline.
 */
export class MappingLineReader {
	readonly #bytes: Uint8Array;
	readonly #format: string;
	/** where the next line starts */
	next = 0;
	#at = 0;
	#previousEnd = 0;
	// Neighbours mostly share these: the last ones are kept, so that equal columns share one string.
	#device = "00:00";
	#deviceBytes: Uint8Array = encoder.encode("00:00 ");
	#pathBytes: Uint8Array = new Uint8Array(0);
	#path = "";
	#deleted = false;
	#kind: MappingKind = "anon";

	constructor(bytes: Uint8Array, format: string) {
		this.#bytes = bytes;
		this.#format = format;
	}

	/** The mapping whose line starts at a position of the bytes. */
	read(lineStart: number): Mapping {
		const newline = this.#bytes.indexOf(10, lineStart);
		const lineEnd = newline < 0 ? this.#bytes.length : newline;
		this.#at = lineStart;
		const start = this.#hex("start");
		this.#expect(45, "-");
		const end = this.#hex("end");
		this.#expect(32, "a space");
		if (!(end > start) || start < this.#previousEnd) throw this.#error("address", "ascending, not overlapping ranges");
		this.#previousEnd = end;
		const permissions = permissionsOf(this.#permissionBits());
		this.#expect(32, "a space");
		const offset = this.#hex("offset");
		this.#expect(32, "a space");
		const device = this.#deviceColumn();
		this.#expect(32, "a space");
		const inode = this.#inode();
		this.#pathColumn(lineEnd);
		this.next = lineEnd + 1;
		return {
			start,
			end,
			permissions,
			offset,
			device,
			inode,
			path: this.#path,
			deleted: this.#deleted,
			kind: this.#kind,
		};
	}

	/** Up to 16 hexadecimal digits. Page-aligned values keep all their bits in a double. */
	#hex(field: string): number {
		const bytes = this.#bytes;
		const from = this.#at;
		let high = 0;
		let low = 0;
		let at = from;
		for (; ; at++) {
			const digit = hexDigit(bytes[at]);
			if (digit < 0) break;
			high = high * 16 + (low >>> 28);
			low = (low << 4) | digit;
		}
		if (at === from || at - from > 16) throw this.#error(field, "1 to 16 hexadecimal digits");
		this.#at = at;
		return high * 2 ** 32 + (low >>> 0);
	}

	#permissionBits(): number {
		const bytes = this.#bytes;
		let bits = 0;
		const at = this.#at;
		for (let i = 0; i < 3; i++) {
			const code = bytes[at + i];
			if (code === "rwx".charCodeAt(i)) bits |= 1 << i;
			else if (code !== 45) throw this.#error("permissions", "rwxp");
		}
		const sharing = bytes[at + 3];
		// show_map_vma writes VM_MAYSHARE as s, everything else as p.
		if (sharing === 115) bits |= 8;
		else if (sharing !== 112) throw this.#error("permissions", "rwxp");
		this.#at = at + 4;
		return bits;
	}

	#deviceColumn(): string {
		const from = this.#at;
		if (!startsWith(this.#bytes, from, this.#deviceBytes)) {
			this.#hex("device");
			this.#expect(58, ":");
			this.#hex("device");
			this.#deviceBytes = this.#bytes.subarray(from, this.#at + 1);
			this.#device = decodeUtf8(this.#bytes.subarray(from, this.#at));
		}
		this.#at = from + this.#device.length;
		return this.#device;
	}

	#inode(): number | string {
		const bytes = this.#bytes;
		const from = this.#at;
		let at = from;
		let value = 0;
		for (let code = bytes[at]; code !== undefined && code >= 48 && code <= 57; code = bytes[++at]) {
			value = value * 10 + (code - 48);
		}
		if (at === from || at - from > 20) throw this.#error("inode", "a decimal number");
		this.#at = at;
		return value <= Number.MAX_SAFE_INTEGER ? value : decodeUtf8(bytes.subarray(from, at));
	}

	#pathColumn(lineEnd: number): void {
		const bytes = this.#bytes;
		let from = this.#at;
		if (from < lineEnd && bytes[from] !== 32) throw this.#error("path", "a space before it");
		while (from < lineEnd && bytes[from] === 32) from++;
		if (lineEnd - from === this.#pathBytes.length && startsWith(bytes, from, this.#pathBytes)) return;
		this.#pathBytes = bytes.subarray(from, lineEnd);
		const name = decodeUtf8(this.#pathBytes);
		this.#deleted = name.endsWith(" (deleted)");
		this.#path = (this.#deleted ? name.slice(0, -" (deleted)".length) : name).replaceAll("\\012", "\n");
		this.#kind = mappingKind(this.#path);
	}

	#expect(code: number, name: string): void {
		if (this.#bytes[this.#at] !== code) throw this.#error("separator", name);
		this.#at++;
	}

	#error(field: string, expected: string): ParseError {
		const actual = quoted(decodeUtf8(this.#bytes.subarray(this.#at, this.#at + 24)));
		return new ParseError({ format: this.#format, offset: this.#at, field, expected, actual });
	}
}

/** Whether the bytes at a position are the expected ones. */
export function startsWith(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
	for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
	return true;
}

/** 0 to 15, or -1; the kernel writes lower case. */
function hexDigit(code: number | undefined): number {
	if (code === undefined) return -1;
	if (code >= 48 && code <= 57) return code - 48;
	if (code >= 97 && code <= 102) return code - 87;
	return -1;
}
