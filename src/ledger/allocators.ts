import type { Reading } from "../evidence/reading.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";

/** An allocator of C memory that keeps its own maps instead of glibc's arenas. */
export type CAllocator = "jemalloc" | "tcmalloc" | "mimalloc" | "musl";

/** File names of the shared libraries, as their build systems and distributions name them. */
const LIBRARIES: readonly (readonly [RegExp, CAllocator])[] = [
	[/^libjemalloc[.\w-]*\.so/, "jemalloc"],
	[/^libtcmalloc[.\w-]*\.so/, "tcmalloc"],
	[/^libmimalloc[.\w-]*\.so/, "mimalloc"],
	// musl's C library is its loader: /lib/ld-musl-x86_64.so.1, and libc.musl-… beside it
	[/^(?:ld-musl-|libc\.musl-)[\w.-]*\.so/, "musl"],
];

/**
 * The allocator that is loaded beside or instead of glibc's: by a mapped library, else by symbols of the executable. One
 * that was preloaded comes before the C library's own.
 */
export function allocatorOf(reading: Pick<Reading, "mappings" | "program">): CAllocator | undefined {
	const found = new Set<CAllocator>();
	let last = "";
	for (const m of reading.mappings) {
		if (m.kind !== "file" || m.path === last) continue;
		last = m.path;
		const base = m.path.slice(m.path.lastIndexOf("/") + 1);
		for (const [pattern, allocator] of LIBRARIES) if (pattern.test(base)) found.add(allocator);
	}
	const linked = reading.program?.allocator;
	if (linked !== undefined) found.add(linked);
	for (const allocator of ["jemalloc", "tcmalloc", "mimalloc", "musl"] as const)
		if (found.has(allocator)) return allocator;
	return undefined;
}

/**
 * What allocators call their mappings with PR_SET_VMA_ANON_NAME, where the kernel can: jemalloc 5.3 (src/pages.c), tcmalloc
 * (internal/system_allocator.h), mimalloc 2.1 (src/prim/unix/prim.c), glibc 2.38 with glibc.mem.decorate_maps
 * (sysdeps/unix/sysv/linux/setvmaname.h users), scudo (wrappers_c.cpp, as on Android).
 */
const NAMES: readonly (readonly [RegExp, id: string])[] = [
	[/^jemalloc_/, "c.heap"],
	[/^tcmalloc_/, "c.heap"],
	[/^mimalloc$/, "c.heap"],
	[/^glibc: (?:malloc|loader malloc|fopen)/, "c.heap"],
	[/^glibc: pthread stack/, "threads.stacks"],
	[/^scudo:/, "c.heap"],
];

/** The ledger id of an anonymous mapping that an allocator named; undefined for any other name. */
export function namedByAllocator(name: string): string | undefined {
	return NAMES.find(([pattern]) => pattern.test(name))?.[1];
}

/** 64 MiB on 64-bit systems (glibc arena.c: HEAP_MAX_SIZE): an arena's heap starts at a multiple of it, the rest of it is not yet accessible. */
const ARENA = 64 * 2 ** 20;

/** Whether a mapping is the heap of one of glibc's arenas, by its place and what follows it. */
export function isGlibcArena(mappings: readonly SmapsEntry[], index: number): boolean {
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

/** 32 MiB: mimalloc aligns its segments and the arenas that it reserves to it on 64-bit systems (MI_SEGMENT_ALIGN). */
const SEGMENT = 32 * 2 ** 20;

/** Whether an anonymous mapping has the place of a mimalloc arena: it asks for 2 to 30 TiB (src/os.c: mi_os_get_aligned_hint). */
export function isMimallocArena(m: SmapsEntry): boolean {
	return m.start >= 2 * 2 ** 40 && m.start < 30 * 2 ** 40 && m.start % SEGMENT === 0;
}
