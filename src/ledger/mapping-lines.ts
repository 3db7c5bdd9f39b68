import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import type { Reading } from "../evidence/reading.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import { mmapRegistries } from "../goruntime/mmap-registries.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { allocatorOf, type CAllocator, isGlibcArena, isMimallocArena, namedByAllocator } from "./allocators.ts";

/** What is asked of the runtime about mappings that are not its own. */
export type OwnersRuntime = Pick<RuntimeState, "machineStacks" | "mmaps">;

/** A part of an anonymous mapping that has one owner. */
export interface OwnedRange {
	readonly id: string;
	readonly start: number;
	readonly end: number;
}

/** Decides whose a mapping is, for what is neither the runtime's heap nor its metadata. */
export class MappingOwners {
	readonly #reading: Reading;
	readonly #look: MemoryReader | undefined;
	readonly #runtime: OwnersRuntime | undefined;
	/** the allocator of C memory that is loaded, where it is not glibc's */
	readonly allocator: CAllocator | undefined;
	readonly #exeKey: string;
	readonly #hasLibc: boolean;
	readonly #libraries: ReadonlySet<string>;

	/** Without `runtime`, what C code and the program mapped is told by its shape alone. */
	constructor(reading: Reading, runtime?: OwnersRuntime) {
		this.#reading = reading;
		this.#look = reading.memory?.look({ blockBytes: PAGE, maxBlocks: 16 });
		this.#runtime = runtime;
		this.allocator = allocatorOf(reading);
		this.#exeKey = exeKey(reading);
		const libraries = new Set<string>();
		for (const m of reading.mappings) {
			if (m.kind === "file" && fileKey(m) !== this.#exeKey && (m.permissions.execute || /\.so(\.|$)/.test(m.path))) {
				libraries.add(fileKey(m));
			}
		}
		this.#libraries = libraries;
		this.#hasLibc =
			reading.mappings.some((m) => m.kind === "heap") ||
			libraries.size > 0 ||
			reading.program?.settings["CGO_ENABLED"] === "1";
	}

	/** The ledger id of mapping number `index`. */
	idOf(index: number): string {
		const m = this.#reading.mappings[index];
		if (m === undefined) return "anon.mmap";
		switch (m.kind) {
			case "heap":
				return "c.heap";
			case "stack":
			case "thread-stack":
				return "threads.stacks";
			case "file":
			case "device":
				return this.#fileId(m);
			case "shmem":
			case "anon-shmem":
			case "hugetlb":
			case "anon-inode":
				return `shared.${m.path === "" || m.path === "/dev/zero" ? "anonymous" : m.path}`;
			case "vdso":
			case "vvar":
			case "vsyscall":
			case "uprobes":
			case "special":
				return "libs.vdso";
			case "anon-named":
				return this.#namedId(m);
			case "anon":
				return this.#anonymousId(index, m);
		}
	}

	#fileId(m: SmapsEntry): string {
		if (fileKey(m) === this.#exeKey) {
			if (m.permissions.execute) return "binary.text";
			return m.permissions.write || this.#inData(m) ? "binary.data" : "binary.rodata";
		}
		if (this.#libraries.has(fileKey(m))) return `libs.${m.path.slice(m.path.lastIndexOf("/") + 1)}`;
		return `files.${m.path}`;
	}

	#inData(m: SmapsEntry): boolean {
		return this.#reading.program?.data.some((range) => m.start < range.end && m.end > range.start) ?? false;
	}

	/** Go 1.25 and later name what they map, where the kernel can (runtime/set_vma_name_linux.go). */
	#namedId(m: SmapsEntry): string {
		const name = /\[anon:\s*(.*?)\]$/.exec(m.path)?.[1] ?? m.path;
		if (!name.startsWith("Go: ")) return namedByAllocator(name) ?? `anon.named.${name}`;
		// where the runtime is read its arenas are known by address; without it their bytes are of no known use
		if (this.#runtime === undefined && NAMED_HEAP.has(name.slice(4))) return "anon.all";
		return NAMED_BY_GO.get(name.slice(4)) ?? "runtime.metadata.other";
	}

	#anonymousId(index: number, m: SmapsEntry): string {
		if (this.#inData(m)) return "binary.data";
		if (this.#followsData(index, m)) return this.idOf(index - 1);
		if (this.#isRaceDetector(m)) return "runtime.race";
		if (this.#isThreadStack(index, m)) return "threads.stacks";
		// Go 1.26's heap may have such an address too: where it is read, it was told apart before
		const arenasKnown = this.#runtime !== undefined || this.#reading.program === undefined;
		if (this.allocator === "mimalloc" && arenasKnown && isMimallocArena(m)) return "c.heap";
		if (this.#hasLibc && isGlibcArena(this.#reading.mappings, index)) return "c.heap";
		return "anon.mmap";
	}

	/**
	 * The race detector's tables lie at fixed addresses, which no mmap without a wish gets: shadow from 2^45, meta from
	 * 3 · 2^44 (compiler-rt/lib/tsan/rtl/tsan_platform.h, MappingGo48 and MappingGoAarch64).
	 */
	#isRaceDetector(m: SmapsEntry): boolean {
		const { program } = this.#reading;
		if (program === undefined || m.start < 2 ** 45 || m.end > 2 ** 46) return false;
		if (program.settings["-race"] === "true") return true;
		// a build that says nothing of itself may be one; Go's own heap, which may lie there, is known by then
		return this.#runtime !== undefined && Object.keys(program.settings).length === 0;
	}

	/**
	 * The parts of [start, end) of an anonymous mapping that the program mapped through a package that keeps a list of it,
	 * ascending; nothing for what is no private anonymous memory.
	 */
	registered(index: number, start: number, end: number): OwnedRange[] {
		const m = this.#reading.mappings[index];
		const mmaps = this.#runtime?.mmaps;
		const parts: OwnedRange[] = [];
		if (mmaps === undefined || (m?.kind !== "anon" && m?.kind !== "anon-named")) return parts;
		for (let i = firstEndingAfter(mmaps.end, start); i < mmaps.count && (mmaps.start[i] ?? end) < end; i++) {
			const from = Math.max(start, mmaps.start[i] ?? 0);
			const to = Math.min(end, Math.ceil((mmaps.end[i] ?? 0) / PAGE) * PAGE);
			const id = `anon.mmap.${mmapRegistries[mmaps.by[i] ?? 0]?.function ?? ""}`;
			const last = parts.at(-1);
			if (last?.end === from && last.id === id) parts[parts.length - 1] = { ...last, end: to };
			else if (to > from) parts.push({ id, start: from, end: to });
		}
		return parts;
	}

	/** How many mappings of the program's own lists lie in [start, end), and the bytes that it asked for there. */
	registeredIn(start: number, end: number): { readonly count: number; readonly bytes: number } {
		const mmaps = this.#runtime?.mmaps;
		let count = 0;
		let bytes = 0;
		if (mmaps === undefined) return { count, bytes };
		for (let i = firstEndingAfter(mmaps.end, start); i < mmaps.count && (mmaps.start[i] ?? end) < end; i++) {
			count++;
			bytes += Math.min(end, mmaps.end[i] ?? 0) - Math.max(start, mmaps.start[i] ?? 0);
		}
		return { count, bytes };
	}

	/** The .bss of a library, or of a program whose segments are not known, follows its data without a gap. */
	#followsData(index: number, m: SmapsEntry): boolean {
		const before = this.#reading.mappings[index - 1];
		if (before?.end !== m.start || before.kind !== "file" || !before.permissions.write) return false;
		const key = fileKey(before);
		return this.#libraries.has(key) || (this.#reading.program === undefined && key === this.#exeKey);
	}

	/** A thread's stack has a guard below it, and something that runs on it inside. */
	#isThreadStack(index: number, m: SmapsEntry): boolean {
		const guard = this.#reading.mappings[index - 1];
		if (!this.#hasLibc) return false; // a static Go program's threads run on stacks from its own heap
		const guarded =
			guard !== undefined &&
			guard.end === m.start &&
			guard.kind === "anon" &&
			!guard.permissions.read &&
			!guard.permissions.write;
		if (!guarded) return false;
		const within = (address: number) => address > m.start && address <= m.end;
		if (this.#runtime?.machineStacks.some((s) => s.kind === "g0" && within(s.high)) === true) return true;
		if (this.#reading.threads.some((t) => t.sp !== undefined && within(t.sp))) return true;
		// 8 MiB is what a thread gets where nobody says otherwise (RLIMIT_STACK); its guard is one page of it or beside it
		const size = m.end - m.start;
		const guardSize = guard.end - guard.start;
		return guardSize <= MAX_GUARD && (size === 8 * 2 ** 20 || size + guardSize === 8 * 2 ** 20);
	}

	/**
	 * The blocks within [start, end) of an anonymous mapping that malloc mapped by itself. Each starts on a page with its
	 * header, and blocks that lie beside each other share one mapping, with memory of others before or behind them.
	 */
	mallocBlocks(start: number, end: number): { readonly start: number; readonly end: number }[] {
		const blocks: { start: number; end: number }[] = [];
		if (!this.#hasLibc) return blocks;
		let tries = MAX_PROBES;
		for (let at = Math.ceil(start / PAGE) * PAGE; at < end && tries > 0; ) {
			const size = this.#mmappedSize(at, end);
			if (size === 0) {
				at += PAGE;
				tries--;
				continue;
			}
			const last = blocks.at(-1);
			if (last?.end === at) last.end = at + size;
			else blocks.push({ start: at, end: at + size });
			at += size;
		}
		return blocks;
	}

	/** Size in the header of a block at `at`: prev_size 0, size | IS_MMAPPED (glibc malloc.c: sysmalloc_mmap); 0 where there is none. */
	#mmappedSize(at: number, end: number): number {
		const here = this.#look?.locate(at, 16) ?? -1;
		if (here < 0 || this.#look === undefined || word(this.#look.view, here) !== 0) return 0;
		const low = this.#look.view.getUint32(here + 8, true);
		const size = word(this.#look.view, here + 8) - (low & 7);
		return (low & 7) === 2 && size >= PAGE && size % PAGE === 0 && at + size <= end ? size : 0;
	}
}

const PAGE = 4096;
/** A page by default, on arm64 with 64 KiB pages as well; more is somebody's reservation that happens to lie before. */
const MAX_GUARD = 65536;
/** Pages of a mapping that are looked at in vain: 16 MiB of somebody else's memory before or between malloc's blocks. */
const MAX_PROBES = 4096;

/** The ids of what Go names (the vmaName arguments of sysAlloc, sysReserve and persistentalloc, Go 1.25 to 1.27). */
const NAMED_BY_GO: ReadonlyMap<string, string> = new Map([
	["gc bits", "runtime.metadata.gc-bits"],
	["immortal metadata", "runtime.metadata.persistent"],
	["page summary", "runtime.metadata.page-summary"],
	["page alloc index", "runtime.metadata.page-bitmap"],
	["scavenge index", "runtime.metadata.scavenge-index"],
	["allspans array", "runtime.metadata.allspans"],
	["heap index", "runtime.metadata.heap-arenas"],
	["profiler hash buckets", "runtime.profiling"],
]);

/** The names of what the heap's arenas are made of, as above. */
const NAMED_HEAP: ReadonlySet<string> = new Set(["heap", "heap reservation", "user arena chunk"]);

/** Index of the first range that ends after an address. */
function firstEndingAfter(ends: Float64Array, address: number): number {
	let low = 0;
	let high = ends.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((ends[middle] ?? 0) > address) high = middle;
		else low = middle + 1;
	}
	return low;
}

function fileKey(m: SmapsEntry): string {
	return `${m.device} ${m.inode}`;
}

/** The executable's mappings are those that hold the program's own data, else those that carry its path. */
function exeKey(reading: Reading): string {
	const own = reading.mappings.find((m) => m.kind === "file" && m.path === reading.exe);
	return own === undefined ? "" : fileKey(own);
}
