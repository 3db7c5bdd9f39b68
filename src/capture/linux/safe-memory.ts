import { closeSync, openSync, readSync } from "node:fs";
import type { ByteSource } from "../../bytes/byte-source.ts";
import { isUnavailable, type Unavailable } from "../../evidence/bundle/unavailable.ts";
import type { Mapping, MappingKind } from "../../formats/procfs/mapping.ts";
import { explainDenied } from "./denied.ts";
import { goneProcess } from "./gone.ts";
import { hostFacts } from "./host-facts.ts";
import { type OpenMemory, openProcessMemory } from "./process-memory.ts";
import { errnoOf, isDenied, isGone } from "./system-error.ts";
import { memoryTask } from "./task-state.ts";

/** [start, end) in bytes */
export interface AddressRange {
	readonly start: number;
	readonly end: number;
}

export interface SafeMemoryOptions {
	/**
	 * Sorted ranges in which an absent page reads as zeros: private anonymous mappings, whose never-touched (or given
	 * back) pages are zero by definition. Pages of files and of shared memory have contents even while absent here: do
	 * not list them. Swapped pages are never read as zeros. Without this, a read ends at the first absent page.
	 */
	readonly zeroWhereAbsent?: readonly AddressRange[];
}

/** Pages per cached window of pagemap: 2 MiB of addresses where pages are 4 KiB, one 4 KiB read. */
const WINDOW_PAGES = 512;
/** Windows kept: 32 MiB of cache at most, the residency of 128 GiB. */
const MAX_WINDOWS = 65536;

const ABSENT = 0;
const PRESENT = 1;
const SWAPPED = 2;

/**
 * A process's memory, of which only pages that are in memory are touched: pagemap is asked first. A read ends short at
 * the first page that is absent or swapped. So reading maps no zero pages in the target, faults no file page in, and
 * brings nothing back from swap.
 *
 * Residency is cached by windows; a page that goes away between the look and the read is still touched. `invalidate`
 * forgets all windows: call it before each new pass over a moving target.
 */
export class SafeMemory implements OpenMemory {
	readonly #memory: OpenMemory;
	readonly #pagemap: number;
	readonly #pageSize: number;
	readonly #zeroRanges: readonly AddressRange[];
	readonly #windows = new Map<number, Uint8Array>();
	readonly #entries = new Uint8Array(WINDOW_PAGES * 8);
	#open = true;
	#pagemapBytes = 0;

	/** `pagemap` is an open descriptor of the same process's pagemap; close() closes both. */
	constructor(memory: OpenMemory, pagemap: number, pageSize: number, options: SafeMemoryOptions = {}) {
		this.#memory = memory;
		this.#pagemap = pagemap;
		this.#pageSize = pageSize;
		this.#zeroRanges = options.zeroWhereAbsent ?? [];
	}

	get pid(): number {
		return this.#memory.pid;
	}

	get bytesRead(): number {
		return this.#memory.bytesRead;
	}

	get calls(): number {
		return this.#memory.calls;
	}

	/** bytes of pagemap read so far */
	get pagemapBytes(): number {
		return this.#pagemapBytes;
	}

	/** The same memory without the zeros: a read ends at the first page that is not present. */
	readonly present: ByteSource = { readInto: (offset, into) => this.#read(offset, into, false) };

	readInto(offset: number, into: Uint8Array): number {
		return this.#read(offset, into, true);
	}

	#read(offset: number, into: Uint8Array, zeros: boolean): number {
		if (!this.#open) throw new Error(`memory of process ${this.pid} read after close`);
		if (!(Number.isSafeInteger(offset) && offset >= 0)) return 0;
		let done = 0;
		while (done < into.length) {
			const address = offset + done;
			const state = this.#stateOf(address);
			const end = this.#runEnd(address, offset + into.length, state);
			const part = into.subarray(done, done + (end - address));
			if (state === PRESENT) {
				const got = this.#memory.readInto(address, part);
				done += got;
				if (got < part.length) break;
			} else {
				const filled = zeros && state === ABSENT ? this.#zerosFrom(address, end) : 0;
				part.fill(0, 0, filled);
				done += filled;
				if (filled < part.length) break;
			}
		}
		return done;
	}

	/** Forgets what pagemap said. */
	invalidate(): void {
		this.#windows.clear();
	}

	close(): void {
		if (!this.#open) return;
		this.#open = false;
		closeSync(this.#pagemap);
		this.#memory.close();
	}

	/** End of the run of pages like the one at `address`, at most `limit`. */
	#runEnd(address: number, limit: number, state: number): number {
		let end = (Math.floor(address / this.#pageSize) + 1) * this.#pageSize;
		while (end < limit && this.#stateOf(end) === state) end += this.#pageSize;
		return Math.min(end, limit);
	}

	#stateOf(address: number): number {
		const page = Math.floor(address / this.#pageSize);
		const index = Math.floor(page / WINDOW_PAGES);
		// a window has WINDOW_PAGES states, and the remainder is below that
		return (this.#windows.get(index) ?? this.#loadWindow(index))[page - index * WINDOW_PAGES]!;
	}

	#loadWindow(index: number): Uint8Array {
		const states = new Uint8Array(WINDOW_PAGES);
		const entries = this.#entries;
		const got = readAt(this.#pagemap, entries, index * WINDOW_PAGES * 8);
		this.#pagemapBytes += got;
		for (let page = 0; page * 8 + 8 <= got; page++) {
			// the top byte of the entry: bit 63 present, 62 swapped (admin-guide/mm/pagemap.rst)
			const top = entries[page * 8 + 7]!;
			states[page] = top & 0x80 ? PRESENT : top & 0x40 ? SWAPPED : ABSENT;
		}
		if (this.#windows.size >= MAX_WINDOWS) this.#windows.clear();
		this.#windows.set(index, states);
		return states;
	}

	/** How many bytes from `address` on are in ranges that read as zeros; mappings that touch are taken together. */
	#zerosFrom(address: number, end: number): number {
		const ranges = this.#zeroRanges;
		let low = 0;
		let high = ranges.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (ranges[middle]!.end > address)
				high = middle; // middle < high <= length
			else low = middle + 1;
		}
		let reached = address;
		for (let i = low; i < ranges.length && reached < end; i++) {
			const range = ranges[i]!; // i < length
			if (range.start > reached) break;
			reached = range.end;
		}
		return Math.min(reached, end) - address;
	}
}

/** Opens a process's memory so that only resident pages are touched. The caller closes it. */
export function openSafeMemory(pid: number, options: SafeMemoryOptions = {}): SafeMemory | Unavailable {
	const pagemap = openPagemap(pid);
	if (typeof pagemap !== "number") return pagemap;
	const memory = openProcessMemory(pid);
	if (isUnavailable(memory)) {
		closeSync(pagemap);
		return memory;
	}
	return new SafeMemory(memory, pagemap, hostFacts().pageSize, options);
}

/**
 * The ranges of a process whose absent, not swapped pages are zero by definition, for `zeroWhereAbsent`: its private
 * anonymous mappings. Go's heap, its reservations and C's heap are among them. Shared memory and files are not.
 */
export function zeroWhereAbsent(mappings: readonly Mapping[]): readonly AddressRange[] {
	return mappings.filter((m) => !m.permissions.shared && PRIVATE_ANONYMOUS.has(m.kind));
}

const PRIVATE_ANONYMOUS: ReadonlySet<MappingKind> = new Set(["anon", "anon-named", "heap", "stack", "thread-stack"]);

/** A descriptor of /proc/PID/pagemap (PTRACE_MODE_READ), for the caller to close. */
export function openPagemap(pid: number): number | Unavailable {
	const path = `/proc/${memoryTask(pid)}/pagemap`;
	try {
		return openSync(path, "r");
	} catch (error) {
		const errno = errnoOf(error);
		if (errno !== undefined && isGone(errno)) return goneOrAbsent(pid);
		if (errno !== undefined && isDenied(errno)) return explainDenied(pid, "read");
		throw error;
	}
}

/** Reads at a position; 0 where the process is gone or the position is beyond the address space. */
export function readAt(fd: number, into: Uint8Array, position: number): number {
	let done = 0;
	while (done < into.length) {
		try {
			const got = readSync(fd, into, done, into.length - done, position + done);
			if (got === 0) break;
			done += got;
		} catch (error) {
			if (errnoOf(error) === undefined) throw error;
			break;
		}
	}
	return done;
}

function goneOrAbsent(pid: number): Unavailable {
	try {
		closeSync(openSync("/proc/self/pagemap", "r"));
		return goneProcess(pid) ?? { unavailable: `process ${pid} has ended` };
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return {
			unavailable: "this kernel has no /proc/PID/pagemap",
			wouldHelp: "a kernel built with CONFIG_PROC_PAGE_MONITOR",
		};
	}
}
