import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { ParseError } from "../../bytes/parse-error.ts";
import { anonymousName } from "./mapping.ts";
import { parseMaps } from "./maps.ts";
import { parseSmaps, parseSmapsRollup } from "./smaps.ts";
import { VM_FLAGS } from "./vm-flags.ts";

// Lines as Linux writes them, of several kernels and programs (Go 1.25+, bbolt, io_uring, SysV shared memory).
const MAPS =
	`00400000-008f1000 r-xp 00000000 fe:00 1048601                            /usr/local/bin/orders api (deleted)
c000000000-c000400000 rw-p 00000000 00:00 0                              [anon: Go: heap]
c000400000-c004000000 ---p 00000000 00:00 0                              [anon: Go: heap reservation]
1c3b4000-1c3d5000 rw-p 00000000 00:00 0                                  [heap]
`.split("\n");

const KINDS = `1c3b4000-1c3d5000 rw-p 00000000 00:00 0                                  [heap]
c000000000-c000400000 rw-p 00000000 00:00 0                              [anon: Go: heap]
7f0000000000-7f0000001000 rw-s 00000000 00:01 1026                       /dev/zero (deleted)
7f0000001000-7f0000002000 rw-s 00000000 00:01 2052                       /memfd:ring (deleted)
7f0000002000-7f0000003000 rw-s 00000000 00:01 32769                      /SYSV00000000 (deleted)
7f0000003000-7f0000004000 r--s 00001000 00:2d 18446744073709551615       /data/line\\012break.bolt
7f0000004000-7f0000005000 rw-s 00000000 00:0e 1041                       anon_inode:[io_uring]
7f0000005000-7f0000006000 rw-p 00000000 00:00 0                          [stack:4242]
7f0000200000-7f0000400000 rw-p 00000000 00:0f 77                         /anon_hugepage (deleted)
7f0000400000-7f0000401000 rw-s 00000000 00:06 300                        /dev/dri/card0
7f0000401000-7f0000402000 rw-p 00000000 00:00 0 
7f0000402000-7f0000403000 rw-s 00000000 00:01 5                          [anon_shmem:ring]
7ffd11e44000-7ffd11e66000 rw-p 00000000 00:00 0                          [stack]
7ffd11f3d000-7ffd11f41000 r--p 00000000 00:00 0                          [vvar]
7ffd11f41000-7ffd11f43000 r--p 00000000 00:00 0                          [vvar_vclock]
7ffd11f43000-7ffd11f45000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;

test("maps: addresses, permissions, names and kinds", () => {
	const [program] = parseMaps(MAPS.slice(0, 1).join("\n"));
	assert.deepEqual(program, {
		start: 0x400000,
		end: 0x8f1000,
		permissions: { read: true, write: false, execute: true, shared: false },
		offset: 0,
		device: "fe:00",
		inode: 1048601,
		path: "/usr/local/bin/orders api",
		deleted: true,
		kind: "file",
	});
	const mappings = parseMaps(KINDS);
	assert.deepEqual(
		mappings.map((mapping) => mapping.kind),
		[
			"heap",
			"anon-named",
			"anon-shmem",
			"shmem",
			"shmem",
			"file",
			"anon-inode",
			"thread-stack",
			"hugetlb",
			"device",
			"anon",
			"anon-shmem",
			"stack",
			"vvar",
			"vvar",
			"vdso",
			"vsyscall",
		],
	);
	assert.equal(mappings[5]?.path, "/data/line\nbreak.bolt");
	assert.equal(mappings[5]?.inode, "18446744073709551615");
	assert.equal(mappings[5]?.offset, 0x1000);
	assert.equal(mappings[5]?.permissions.shared, true);
	assert.equal(anonymousName(mappings[1]?.path ?? ""), "Go: heap");
	assert.equal(anonymousName(mappings[11]?.path ?? ""), "ring");
	assert.equal(anonymousName("[heap]"), undefined);
	const vsyscall = mappings.at(-1);
	assert.equal(BigInt(vsyscall?.start ?? 0), 0xffffffffff600000n);
	assert.equal(BigInt(vsyscall?.end ?? 0), 0xffffffffff601000n);
});

test("maps: overlapping or backward ranges are refused", () => {
	assert.throws(() => parseMaps(MAPS.join("\n")), ParseError);
	assert.throws(() => parseMaps("2000-1000 rw-p 00000000 00:00 0 \n"), ParseError);
	assert.throws(() => parseMaps("1000-2000 rw?p 00000000 00:00 0 \n"), ParseError);
});

test("smaps: counters of an old kernel and of a new one, flags shared", () => {
	const old = `c000000000-c000400000 rw-p 00000000 00:00 0 
Size:               4096 kB
Rss:                1024 kB
Pss:                1000 kB
Shared_Clean:          0 kB
Private_Dirty:      1024 kB
Swap:                 12 kB
VmFlags: rd wr mr mw me ac sd 
c000400000-c004000000 ---p 00000000 00:00 0 
Size:              61440 kB
Rss:                   0 kB
Pss:                   0 kB
Shared_Clean:          0 kB
Private_Dirty:         0 kB
KernelPageSize:       64 kB
NewCounter:            x
THPeligible:    1
Swap:                  0 kB
VmFlags: rd wr mr mw me ac sd 
`;
	const [heap, reserve] = parseSmaps(old);
	assert.equal(heap?.rss, 1024 * 1024);
	assert.equal(heap?.pss, 1000 * 1024);
	assert.equal(heap?.swap, 12 * 1024);
	assert.equal(heap?.pssDirty, undefined);
	assert.equal(heap?.thpEligible, undefined);
	assert.equal(reserve?.thpEligible, true);
	assert.equal(reserve?.kernelPageSize, 64 * 1024);
	assert.equal(reserve?.size, 60 << 20);
	assert.deepEqual(heap?.vmFlags, ["rd", "wr", "mr", "mw", "me", "ac", "sd"]);
	assert.equal(heap?.vmFlags, reserve?.vmFlags);
	assert.throws(() => parseSmaps(old.replace("1024 kB", "-1 kB")), ParseError);
});

/** What must agree with itself on any kernel, whatever the process does meanwhile. */
test("live: smaps and maps of this process agree with each other and with smaps_rollup", () => {
	const rollup = () => parseSmapsRollup(readFileSync("/proc/self/smaps_rollup", "utf8")).rss;
	const before = rollup();
	const smapsText = readFileSync("/proc/self/smaps", "utf8");
	const after = rollup();
	const entries = parseSmaps(smapsText);
	const maps = parseMaps(readFileSync("/proc/self/maps", "utf8"));
	const headers = smapsText.split("\n").filter((line) => /^[0-9a-f]/.test(line));
	assert.equal(entries.length, headers.length);
	const rss = entries.reduce((sum, entry) => sum + entry.rss, 0);
	assert.ok(
		rss > Math.min(before, after) - (16 << 20) && rss < Math.max(before, after) + (16 << 20),
		`smaps ${rss}, rollup ${before} and then ${after}`,
	);
	for (const entry of entries) {
		assert.equal(entry.sharedClean + entry.sharedDirty + entry.privateClean + entry.privateDirty, entry.rss);
		for (const flag of entry.vmFlags) assert.ok(VM_FLAGS.has(flag), `unknown VmFlag ${flag}`);
		assert.equal(entry.size, entry.end - entry.start);
	}
	const known = new Set(maps.map((mapping) => `${mapping.start} ${mapping.path}`));
	const common = entries.filter((entry) => known.has(`${entry.start} ${entry.path}`));
	assert.ok(common.length > entries.length / 2);
	assert.ok(maps.some((mapping) => mapping.kind === "stack" && mapping.permissions.write));
	assert.ok(maps.some((mapping) => mapping.kind === "vdso"));
});

test("truncated and damaged texts end in ParseError or in fewer mappings", () => {
	const smaps = readFileSync("/proc/self/smaps", "utf8").slice(0, 6000);
	for (let length = 0; length < smaps.length; length += 7) onlyParseError(() => parseSmaps(smaps.slice(0, length)));
	for (let length = 0; length < KINDS.length; length++) onlyParseError(() => parseMaps(KINDS.slice(0, length)));
	fc.assert(
		fc.property(fc.nat(5999), fc.nat(255), (at, code) => {
			const damaged = smaps.slice(0, at) + String.fromCharCode(code) + smaps.slice(at + 1);
			onlyParseError(() => parseSmaps(damaged));
			onlyParseError(() => parseSmapsRollup(damaged));
			onlyParseError(() => parseMaps(damaged));
		}),
		{ numRuns: 500, seed: 1 },
	);
});

test("20,000 mappings of smaps parse in bounded time", () => {
	const one = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-)/m)[0] ?? "";
	const body = one.slice(one.indexOf("\n"));
	let text = "";
	for (let i = 0; i < 20_000; i++) {
		const start = 0xc000000000 + i * 0x10000;
		text += `${start.toString(16)}-${(start + 0x8000).toString(16)} rw-p 00000000 00:00 0 ${body}`;
	}
	const started = performance.now();
	const entries = parseSmaps(text);
	const elapsed = performance.now() - started;
	assert.equal(entries.length, 20_000);
	assert.ok(elapsed < 20_000, `${elapsed} ms`);
});

function onlyParseError(run: () => unknown): void {
	try {
		run();
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
	}
}
