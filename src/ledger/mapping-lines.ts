import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import type { Reading } from "../evidence/reading.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import type { MachineStack } from "../goruntime/goroutines.ts";

/** Decides whose a mapping is, for what is neither the runtime's heap nor its metadata. */
export class MappingOwners {
	readonly #reading: Reading;
	readonly #look: MemoryReader | undefined;
	readonly #machineStacks: readonly MachineStack[];
	readonly #exeKey: string;
	readonly #hasLibc: boolean;
	readonly #libraries: ReadonlySet<string>;

	constructor(reading: Reading, machineStacks: readonly MachineStack[]) {
		this.#reading = reading;
		this.#look = reading.memory?.look({ blockBytes: PAGE, maxBlocks: 16 });
		this.#machineStacks = machineStacks;
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
		if (!name.startsWith("Go: ")) return `anon.named.${name}`;
		return NAMED_BY_GO.get(name.slice(4)) ?? "runtime.metadata.other";
	}

	#anonymousId(index: number, m: SmapsEntry): string {
		if (this.#inData(m)) return "binary.data";
		if (this.#followsLibrary(index, m)) return this.idOf(index - 1);
		if (this.#isThreadStack(index, m)) return "threads.stacks";
		if (this.#hasLibc && isMallocArena(this.#reading.mappings, index)) return "c.heap";
		return "anon.mmap";
	}

	/** The .bss of a library follows its data without a gap. */
	#followsLibrary(index: number, m: SmapsEntry): boolean {
		const before = this.#reading.mappings[index - 1];
		return (
			before !== undefined &&
			before.end === m.start &&
			before.kind === "file" &&
			this.#libraries.has(fileKey(before)) &&
			before.permissions.write
		);
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
		if (this.#machineStacks.some((s) => s.kind === "g0" && within(s.high))) return true;
		if (this.#reading.threads.some((t) => t.sp !== undefined && within(t.sp))) return true;
		// 8 MiB is what a thread gets where nobody says otherwise (RLIMIT_STACK); its guard is one page of it or beside it
		const size = m.end - m.start;
		return size === 8 * 2 ** 20 || size + (guard.end - guard.start) === 8 * 2 ** 20;
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

/** 64 MiB on 64-bit systems (glibc arena.c: HEAP_MAX_SIZE): an arena's heap starts at a multiple of it, the rest of it is not yet accessible. */
const ARENA = 64 * 2 ** 20;

function isMallocArena(mappings: readonly SmapsEntry[], index: number): boolean {
	const m = mappings[index];
	// mmap gives arenas addresses near the top of user space; Go's own arenas are aligned alike and lie far below
	if (m === undefined || m.start < 2 ** 46 || m.start % ARENA !== 0 || m.end - m.start > ARENA || !m.permissions.write)
		return false;
	if (m.end - m.start === ARENA) return true;
	const rest = mappings[index + 1];
	return (
		rest !== undefined &&
		rest.start === m.end &&
		rest.kind === "anon" &&
		!rest.permissions.read &&
		rest.end >= m.start + ARENA
	);
}

function fileKey(m: SmapsEntry): string {
	return `${m.device} ${m.inode}`;
}

/** The executable's mappings are those that hold the program's own data, else those that carry its path. */
function exeKey(reading: Reading): string {
	const own = reading.mappings.find((m) => m.kind === "file" && m.path === reading.exe);
	return own === undefined ? "" : fileKey(own);
}
