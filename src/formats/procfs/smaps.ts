import { decodeUtf8 } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { bytesOfKb, parseFieldLines, quoted } from "./fields.ts";
import type { Mapping } from "./mapping.ts";
import { MAX_MAPPINGS, MappingLineReader, startsWith, textBytes } from "./maps.ts";

/**
 * The counters of smaps, in bytes. One that the kernel does not print is 0 where the kernel then has no such memory
 * (LazyFree before Linux 4.12, ShmemPmdMapped and FilePmdMapped, …) and undefined where it has, uncounted.
 */
export interface SmapsCounters {
	readonly rss: number;
	/** Rss with each shared page divided by the number of its mappings */
	readonly pss: number;
	/** Linux 6.0 */
	readonly pssDirty: number | undefined;
	readonly sharedClean: number;
	readonly sharedDirty: number;
	readonly privateClean: number;
	readonly privateDirty: number;
	readonly referenced: number;
	/** pages that belong to no file, copies of a private file mapping among them */
	readonly anonymous: number;
	/** Linux 6.7 */
	readonly ksm: number | undefined;
	/** MADV_FREE was called: still in Rss, taken by the kernel when it needs memory (Go 1.12 to 1.15 by default) */
	readonly lazyFree: number;
	readonly anonHugePages: number;
	readonly shmemPmdMapped: number;
	readonly filePmdMapped: number;
	/** hugetlb pages are in neither Rss nor Pss */
	readonly sharedHugetlb: number;
	readonly privateHugetlb: number;
	readonly swap: number;
	readonly swapPss: number;
	readonly locked: number;
}

export interface SmapsEntry extends Mapping, SmapsCounters {
	/** bytes of address space */
	readonly size: number;
	/** bytes; a hugetlb mapping's own page size */
	readonly kernelPageSize: number;
	/** whether transparent huge pages may be used here; undefined before Linux 5.0 */
	readonly thpEligible: boolean | undefined;
	/** two-letter codes in the kernel's order; see VM_FLAGS. Shared between equal mappings */
	readonly vmFlags: readonly string[];
}

/** /proc/PID/smaps_rollup: the sums over all mappings, in bytes. */
export interface SmapsRollup extends SmapsCounters {
	/** Pss by kind of memory, Linux 5.4 */
	readonly pssAnon: number | undefined;
	readonly pssFile: number | undefined;
	readonly pssShmem: number | undefined;
}

/** The kernel's key of each counter (show_smap and __show_smap, fs/proc/task_mmu.c, Linux 6.18), in the order of `Row`. */
const KEYS: readonly string[] = [
	"Rss",
	"Pss",
	"Pss_Dirty",
	"Shared_Clean",
	"Shared_Dirty",
	"Private_Clean",
	"Private_Dirty",
	"Referenced",
	"Anonymous",
	"KSM",
	"LazyFree",
	"AnonHugePages",
	"ShmemPmdMapped",
	"FilePmdMapped",
	"Shared_Hugetlb",
	"Private_Hugetlb",
	"Swap",
	"SwapPss",
	"Locked",
	"KernelPageSize",
];
const INDEX: ReadonlyMap<string, number> = new Map(KEYS.map((key, index) => [key, index]));
const KERNEL_PAGE_SIZE = KEYS.length - 1;

/** One mapping's counters in bytes, by index in KEYS; NaN where the kernel printed none. */
type Row = Float64Array;

/** /proc/PID/smaps. Addresses and sizes in bytes. Counters with unknown names are skipped. Throws ParseError. */
export function parseSmaps(text: string | Uint8Array): SmapsEntry[] {
	const bytes = textBytes(text);
	const header = new MappingLineReader(bytes, "smaps");
	const counters = new CounterReader(bytes);
	const entries: SmapsEntry[] = [];
	for (let at = 0; at < bytes.length; ) {
		if (entries.length === MAX_MAPPINGS) {
			throw new ParseError({ format: "smaps", offset: at, expected: `at most ${MAX_MAPPINGS} mappings` });
		}
		const mapping = header.read(at);
		at = counters.read(header.next);
		entries.push(entryOf(mapping, counters));
	}
	return entries;
}

/** /proc/PID/smaps_rollup (Linux 4.14). Throws ParseError, also where there is no Rss line. */
export function parseSmapsRollup(text: string): SmapsRollup {
	const fields = parseFieldLines(text.slice(text.indexOf("\n") + 1), "smaps_rollup");
	const bytes = (key: string): number | undefined => bytesOfKb(fields.get(key), key, "smaps_rollup");
	if (!fields.has("Rss")) throw new ParseError({ format: "smaps_rollup", field: "Rss", actual: "nothing" });
	const row = Float64Array.from(KEYS, (key) => bytes(key) ?? Number.NaN);
	return {
		...countersOf(row),
		pssAnon: bytes("Pss_Anon"),
		pssFile: bytes("Pss_File"),
		pssShmem: bytes("Pss_Shmem"),
	};
}

const NO_FLAGS: readonly string[] = [];

/** Reads the lines `Key:   123 kB` below a mapping's line. */
class CounterReader {
	/** what the last `read` found */
	readonly row: Row = new Float64Array(KEYS.length);
	thpEligible: boolean | undefined;
	vmFlags: readonly string[] = NO_FLAGS;
	readonly #bytes: Uint8Array;
	/** The lines' starts `Key:` as the mapping before had them: the others nearly always have the same, in the same order. */
	readonly #lines: CounterLine[] = [];
	/** flags by the text of their line */
	readonly #flags = new Map<string, readonly string[]>();
	#lastFlags: Uint8Array = new Uint8Array(0);
	#last: readonly string[] = NO_FLAGS;
	#end = 0;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
	}

	/** Reads a mapping's counters; returns where the next mapping's line starts. */
	read(from: number): number {
		const bytes = this.#bytes;
		this.row.fill(Number.NaN);
		this.thpEligible = undefined;
		this.vmFlags = NO_FLAGS;
		let at = from;
		// A mapping's line starts with a lower-case hexadecimal digit, a counter's with a capital.
		for (let number = 0; at < bytes.length; number++) {
			const first = bytes[at]!; // `at` is inside
			if (first < 65 || first > 90) break;
			const line = this.#line(at, number);
			const value = at + line.prefix.length;
			if (line.index >= 0) {
				this.row[line.index] = this.#kilobytes(value, line.key);
				at = this.#end + 1;
				continue;
			}
			const newline = bytes.indexOf(10, value);
			const end = newline < 0 ? bytes.length : newline;
			if (line.key === "VmFlags") this.vmFlags = this.#vmFlags(value, end);
			else if (line.key === "THPeligible") this.thpEligible = this.#text(value, end).trim() === "1";
			at = end + 1;
		}
		return at;
	}

	#line(at: number, number: number): CounterLine {
		const bytes = this.#bytes;
		const expected = this.#lines[number];
		if (expected !== undefined && startsWith(bytes, at, expected.prefix)) return expected;
		// The longest key of Linux 6.18 has 15 letters; 64 lines per mapping are more than twice as many as it has.
		const [prefix, key] = /^([A-Z]\w{0,63}):/.exec(this.#text(at, at + 66)) ?? [];
		if (prefix === undefined || key === undefined || number >= 64) {
			throw this.#error(at, "key", "a counter's name and a colon");
		}
		const line = { prefix: bytes.subarray(at, at + prefix.length), key, index: INDEX.get(key) ?? -1 };
		this.#lines[number] = line;
		return line;
	}

	/** The bytes of `   123 kB`; leaves `#end` at the end of the line. */
	#kilobytes(from: number, field: string): number {
		const bytes = this.#bytes;
		let at = from;
		while (bytes[at] === 32) at++;
		const digits = at;
		let value = 0;
		for (let code = bytes[at]; code !== undefined && code >= 48 && code <= 57; code = bytes[++at]) {
			value = value * 10 + (code - 48);
		}
		const isKb = bytes[at] === 32 && bytes[at + 1] === 107 && bytes[at + 2] === 66;
		const end = at + 3;
		if (at === digits || at - digits > 12 || !isKb || (end !== bytes.length && bytes[end] !== 10)) {
			throw this.#error(from, field, "a number of kB");
		}
		this.#end = end;
		return value * 1024;
	}

	#vmFlags(from: number, end: number): readonly string[] {
		const last = this.#lastFlags;
		if (end - from === last.length && startsWith(this.#bytes, from, last)) return this.#last;
		const line = this.#text(from, end).trim();
		let flags = this.#flags.get(line);
		if (flags === undefined) {
			flags = line === "" ? NO_FLAGS : line.split(" ");
			// The kernel has fewer than 64 flags; a hostile text could make each line's another.
			if (flags.length > 64) throw this.#error(from, "VmFlags", "at most 64 flags");
			if (this.#flags.size < 1024) this.#flags.set(line, flags);
		}
		this.#lastFlags = this.#bytes.subarray(from, end);
		this.#last = flags;
		return flags;
	}

	#text(from: number, end: number): string {
		return decodeUtf8(this.#bytes.subarray(from, end));
	}

	#error(offset: number, field: string, expected: string): ParseError {
		const actual = quoted(this.#text(offset, offset + 24));
		return new ParseError({ format: "smaps", offset, field, expected, actual });
	}
}

interface CounterLine {
	/** `Key:` */
	readonly prefix: Uint8Array;
	readonly key: string;
	/** in KEYS; -1 for others */
	readonly index: number;
}

function countersOf(row: Row): SmapsCounters {
	return {
		rss: orZero(row[0]),
		pss: orZero(row[1]),
		pssDirty: known(row[2]),
		sharedClean: orZero(row[3]),
		sharedDirty: orZero(row[4]),
		privateClean: orZero(row[5]),
		privateDirty: orZero(row[6]),
		referenced: orZero(row[7]),
		anonymous: orZero(row[8]),
		ksm: known(row[9]),
		lazyFree: orZero(row[10]),
		anonHugePages: orZero(row[11]),
		shmemPmdMapped: orZero(row[12]),
		filePmdMapped: orZero(row[13]),
		sharedHugetlb: orZero(row[14]),
		privateHugetlb: orZero(row[15]),
		swap: orZero(row[16]),
		swapPss: orZero(row[17]),
		locked: orZero(row[18]),
	};
}

/** Written out, since a spread of the counters doubles the time of parseSmaps. */
function entryOf(mapping: Mapping, { row, thpEligible, vmFlags }: CounterReader): SmapsEntry {
	return {
		start: mapping.start,
		end: mapping.end,
		permissions: mapping.permissions,
		offset: mapping.offset,
		device: mapping.device,
		inode: mapping.inode,
		path: mapping.path,
		deleted: mapping.deleted,
		kind: mapping.kind,
		size: mapping.end - mapping.start,
		rss: orZero(row[0]),
		pss: orZero(row[1]),
		pssDirty: known(row[2]),
		sharedClean: orZero(row[3]),
		sharedDirty: orZero(row[4]),
		privateClean: orZero(row[5]),
		privateDirty: orZero(row[6]),
		referenced: orZero(row[7]),
		anonymous: orZero(row[8]),
		ksm: known(row[9]),
		lazyFree: orZero(row[10]),
		anonHugePages: orZero(row[11]),
		shmemPmdMapped: orZero(row[12]),
		filePmdMapped: orZero(row[13]),
		sharedHugetlb: orZero(row[14]),
		privateHugetlb: orZero(row[15]),
		swap: orZero(row[16]),
		swapPss: orZero(row[17]),
		locked: orZero(row[18]),
		kernelPageSize: known(row[KERNEL_PAGE_SIZE]) ?? 4096,
		thpEligible,
		vmFlags,
	};
}

/** NaN stands for a line that was not there. */
function orZero(bytes: number | undefined): number {
	return bytes === undefined || Number.isNaN(bytes) ? 0 : bytes;
}

function known(bytes: number | undefined): number | undefined {
	return bytes === undefined || Number.isNaN(bytes) ? undefined : bytes;
}
