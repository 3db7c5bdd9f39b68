import assert from "node:assert/strict";
import { test } from "node:test";
import type { Reading } from "../evidence/reading.ts";
import { parseSmaps } from "../formats/procfs/smaps.ts";
import { allocatorOf, isMimallocArena, namedByAllocator } from "./allocators.ts";

function mapped(...paths: string[]): Pick<Reading, "mappings"> {
	const text = paths
		.map(
			(path, i) =>
				`${(0x10000 * (i + 1)).toString(16)}-${(0x10000 * (i + 1) + 4096).toString(16)} r-xp 00000000 08:01 ${i + 1} ${path}\n`,
		)
		.map((line) => `${line}Size: 4 kB\nRss: 4 kB\n`)
		.join("");
	return { mappings: parseSmaps(text) };
}

test("the allocator that is loaded, by its library's name", () => {
	const names = [
		["/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "jemalloc"],
		["/usr/lib/libtcmalloc_minimal.so.4.5.9", "tcmalloc"],
		["/usr/lib/libmimalloc-secure.so.2.0", "mimalloc"],
		["/lib/ld-musl-x86_64.so.1", "musl"],
		["/usr/lib/x86_64-linux-gnu/libc.so.6", undefined],
		["/data/libjemalloc.so.2/index.db", undefined],
	] as const;
	for (const [path, allocator] of names) assert.equal(allocatorOf(mapped("/bin/app", path)), allocator, path);
	assert.equal(allocatorOf(mapped("/lib/ld-musl-x86_64.so.1", "/usr/lib/libjemalloc.so.2")), "jemalloc", "preloaded");
	const program = { allocator: "mimalloc" } as NonNullable<Reading["program"]>;
	assert.equal(allocatorOf({ ...mapped("/bin/app"), program }), "mimalloc", "linked in");
});

test("names that allocators give their mappings", () => {
	for (const name of ["jemalloc_pg", "tcmalloc_region_NORMAL", "mimalloc", "glibc: malloc arena", "scudo:primary"])
		assert.equal(namedByAllocator(name), "c.heap", name);
	assert.equal(namedByAllocator("glibc: pthread stack: 4242"), "threads.stacks");
	assert.equal(namedByAllocator("cache"), undefined);
});

test("mimalloc's arenas by their place", () => {
	const at = (start: number) => {
		const [m] = parseSmaps(
			`${start.toString(16)}-${(start + 4096).toString(16)} rw-p 00000000 00:00 0\nSize: 4 kB\nRss: 4 kB\n`,
		);
		assert.ok(m !== undefined);
		return isMimallocArena(m);
	};
	assert.equal(at(0x47540000000), true);
	assert.equal(at(0x47540100000), false, "not at a segment's start");
	assert.equal(at(0xc000000000), false, "Go's");
	assert.equal(at(0x7f0000000000), false, "where mmap puts what has no wish");
});
