import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { visitByteSliceMap } from "./mmap-registry-map.ts";
import type { RuntimeView } from "./runtime-view.ts";

/**
 * The packages whose Mmap keeps a list of what it mapped, so that Munmap can check it (syscall/syscall_unix.go and
 * golang.org/x/sys/unix/syscall_unix.go: `mapper`, a pointer to an mmapper {Mutex, active map[*byte][]byte, mmap, munmap}).
 * The key is the address of a mapping's last byte.
 */
export const mmapRegistries = [
	{ name: "syscall.mapper", function: "syscall.Mmap" },
	{ name: "unix.mapper", function: "unix.Mmap" },
] as const;
export type MmapRegistryName = (typeof mmapRegistries)[number]["name"];

/** What the program mapped through these packages and has not unmapped, by address; the columns have one element each. */
export interface ProgramMmaps {
	readonly count: number;
	readonly start: Float64Array;
	/** one past the last byte that was asked for; the mapping itself ends at the end of that page */
	readonly end: Float64Array;
	/** index into mmapRegistries */
	readonly by: Uint8Array;
}

export const NO_MMAPS: ProgramMmaps = {
	count: 0,
	start: new Float64Array(0),
	end: new Float64Array(0),
	by: new Uint8Array(0),
};

const PAGE = 4096;
/** vm.max_map_count can be raised to 2^31; no more than this are listed. */
const MAX_MMAPS = 1 << 21;
/** 57 bits of user address space with five-level page tables. */
const MAX_ADDRESS = 2 ** 57;

/** Reads the lists. Entries that contradict themselves, as they do where a map is torn, are left out. */
export function readMmaps(view: RuntimeView, look: MemoryReader): ProgramMmaps {
	const found: { start: number; end: number; by: number }[] = [];
	mmapRegistries.forEach(({ name }, by) => {
		const mapper = mmapperAt(view, look, name);
		const active = mapper === undefined ? 0 : (look.word(mapper + mutexBytes(view)) ?? 0);
		if (active === 0) return;
		visitByteSliceMap(look, view.layout, active, (bytes, key, element) => {
			const start = word(bytes, element);
			const length = word(bytes, element + 8);
			const capacity = word(bytes, element + 16);
			if (!isMmap(word(bytes, key), start, length, capacity) || found.length >= MAX_MMAPS) return;
			found.push({ start, end: start + length, by });
		});
	});
	return columns(found);
}

/** Mmap returns a slice that is as long as its capacity and begins on a page; its last byte's address is the key. */
function isMmap(key: number, start: number, length: number, capacity: number): boolean {
	return (
		length > 0 &&
		length === capacity &&
		start > 0 &&
		start % PAGE === 0 &&
		start + length <= MAX_ADDRESS &&
		key === start + length - 1
	);
}

/** Sorted, each once: a map that grows has some slots in its old buckets and in its new ones. */
function columns(found: { start: number; end: number; by: number }[]): ProgramMmaps {
	found.sort((a, b) => a.start - b.start || b.end - a.end);
	const kept = found.filter((m, i) => i === 0 || m.start >= (found[i - 1]?.end ?? 0));
	return {
		count: kept.length,
		start: Float64Array.from(kept, (m) => m.start),
		end: Float64Array.from(kept, (m) => m.end),
		by: Uint8Array.from(kept, (m) => m.by),
	};
}

/** Address of the mmapper that the variable points to. */
function mmapperAt(view: RuntimeView, look: MemoryReader, name: MmapRegistryName): number | undefined {
	const variable = view.globals.get(name);
	const mapper = variable === undefined ? undefined : look.word(variable);
	return mapper === 0 ? undefined : mapper;
}

/** The embedded sync.Mutex stands first; the map follows. */
export function mutexBytes(view: Pick<RuntimeView, "layout">): number {
	return view.layout.struct("sync.Mutex").size;
}
