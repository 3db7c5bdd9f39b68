import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { layoutFiles } from "./data.gen.ts";
import type { Arch, Layout } from "./layout.ts";
import { layoutOf } from "./layout.ts";
import { LayoutError } from "./layout-error.ts";
import { formatKeys, parseKeys } from "./layout-file.ts";
import { chooseLayouts } from "./layouts.ts";

async function exact(version: string, arch: Arch = "amd64"): Promise<Layout> {
	const choice = await chooseLayouts(version, arch);
	assert.equal(choice.kind, "exact", `${version} ${arch}`);
	return (choice as Extract<typeof choice, { kind: "exact" }>).layout;
}

/**
 * Offsets that a reader of live processes used with success, found by other means than the generator: bytes, for amd64 with
 * default experiments. "offset:width" where the width matters, "-" where the field does not exist.
 *                                      go1.24.13   go1.25.9  go1.26.8
 */
const TABLE = `
mheap size                             93008     93320     93464
mheap.allspans                         65864     65864     65864
mheap.allArenas                        66096         -         -
mheap.heapArenas                           -     66096     66096
mheap.arenas                           66008     66008     66008
mheap.sweepgen                         65856     65856     65856
mheap.pagesInUse                       65888     65888     65888
mheap.pages                                8         8         8
mheap.spanalloc                        92296     92320     92320
mheap.cachealloc                       92368     92392     92464
mspan size                               160       160       160
mspan.startAddr                           24        24        24
mspan.npages                              32        32        32
mspan.freeindex                         48:2      48:2      48:2
mspan.nelems                            50:2      50:2      50:2
mspan.freeIndexForScan                    52        52        52
mspan.allocCache                          56        56        56
mspan.allocBits                           64        64        64
mspan.gcmarkBits                          72        72        72
mspan.sweepgen                            88        88        88
mspan.allocCount                          96        96        96
mspan.spanclass                           98        98        98
mspan.state                               99        99        99
mspan.elemsize                           104       104       104
mspan.limit                              112       112       112
mspan.specials                           128       128       128
mspan.largeType                          152       152       152
mcache size                             1208      1208      2296
mcache.nextSample                          0         0         0
mcache.memProfRate                         8         8         8
g.stack                                    0         0         0
g.m                                       48        48        48
g.sched                                   56        56        56
g.syscallsp                              112       104       104
g.syscallpc                              120       112       112
g.atomicstatus                           152       144       144
g.goid                                   160       152       152
g.waitsince                              176       168       168
g.waitreason                             184       176       176
g.gopc                                   288       280       288
g.startpc                                304       296       304
p.id                                       0         0         0
p.status                                   4         4         4
p.mcache                                  56        56        56
p.pcache                                  64        64        64
m.g0                                       0         0         0
m.curg                                   192       184       184
gobuf.pc                                   8         8         8
gobuf.bp                                  48        40        40
mstats size                             7744      8264     10440
mstats.heapStats                           0         0         0
mstats.stacks_sys                       3544      3520      3520
mstats.mspan_sys                        3552      3528      3528
mstats.mcache_sys                       3560      3536      3536
mstats.buckhash_sys                     3568      3544      3544
mstats.gcMiscSys                        3576      3552      3552
mstats.other_sys                        3584      3560      3560
mstats.heap_inuse                          -         -         -
mstats.heap_released                       -         -         -
mstats.last_gc_unix                     3592      3568      3568
mstats.pause_total_ns                   3600      3576      3576
mstats.numgc                            7704      7680      7680
heapStatsDelta size                     1176      1168      1168
heapStatsDelta.committed                   0         0         0
heapStatsDelta.released                    8         8         8
heapStatsDelta.inHeap                     16        16        16
heapStatsDelta.inStacks                   24        24        24
heapStatsDelta.inWorkBufs                 32        32        32
heapStatsDelta.tinyAllocCount             48        40        40
heapStatsDelta.largeAlloc                 56        48        48
heapStatsDelta.smallAllocCount            72        64        64
heapStatsDelta.largeFree                 616       608       608
heapStatsDelta.smallFreeCount            632       624       624
gcControllerState size                   392       392       392
gcControllerState.gcPercent                0         0         0
gcControllerState.heapInUse              272       272       272
gcControllerState.heapReleased           280       280       280
gcControllerState.heapFree               288       288       288
gcControllerState.heapLive               104       104       104
gcControllerState.heapMarked             152       152       152
gcControllerState.totalAlloc             296       296       296
gcControllerState.mappedReady            312       312       312
heapArena size                         68624     69648     69648
heapArena.bitmap                           -         -         -
heapArena.noMorePtrs                       -         -         -
heapArena.spans                            0         0         0
heapArena.pageInUse                    65536     65536     65536
pageAlloc size                         65848     65848     65848
pageAlloc.summary                          0         0         0
pageAlloc.chunks                         120       120       120
pageAlloc.inUse                        65680     65680     65680
moduledata size                          584       584       592
moduledata.text                          176       176       176
moduledata.etext                         184       184       184
moduledata.noptrdata                     192       192       192
moduledata.data                          208       208       208
moduledata.edata                         216       216       216
moduledata.bss                           224       224       224
moduledata.ebss                          232       232       232
moduledata.noptrbss                      240       240       240
moduledata.end                           272       272       272
moduledata.types                         296       296       296
moduledata.etypes                        304       304       304
moduledata.gofunc                        320       320       320
moduledata.itablinks                     376       376       384
moduledata.gcdatamask                    536       536       544
moduledata.gcbssmask                     552       552       560
moduledata.next                          576       576       584
special size                              24        24        24
special.next                               0         0         0
special.offset                           8:8       8:8       8:8
special.kind                              16        16        16
specialfinalizer.fn                       24        24        24
specialprofile.b                          24        24        24
bucket size                               48        48        48
bucket.allnext                             8         8         8
bucket.typ                                16        16        16
bucket.size                               32        32        32
bucket.nstk                               40        40        40
_func size                                44        44        44
_func.pcsp                                16        16        16
_func.pcln                                24        24        24
_func.npcdata                             28        28        28
_func.cuOffset                            32        32        32
_func.funcID                              40        40        40
_func.flag                                41        41        41
_func.nfuncdata                           43        43        43
inlinedCall size                          16        16        16
inlinedCall.nameOff                        4         4         4
inlinedCall.func_                          -         -         -
inlinedCall.parentPc                       8         8         8
`;

test("offsets and sizes are those that worked on live processes", async () => {
	const layouts = await Promise.all(["go1.24.13", "go1.25.9", "go1.26.8"].map((version) => exact(version)));
	let compared = 0;
	for (const line of TABLE.trim().split("\n")) {
		const [name = "", ...columns] = line
			.replace(/ size /, ".(size) ")
			.trim()
			.split(/\s+/);
		const [struct = "", field = ""] = name.split(".");
		assert.equal(columns.length, 3, line);
		columns.forEach((expected, i) => {
			const layout = layouts[i]?.struct(struct);
			assert.ok(layout);
			if (field === "(size)") assert.equal(String(layout.size), expected, line);
			else if (expected === "-") assert.ok(!layout.has(field), line);
			else {
				const { offset, size } = layout.field(field);
				assert.equal(expected.includes(":") ? `${offset}:${size}` : `${offset}`, expected, line);
			}
			compared++;
		});
	}
	assert.equal(compared, 131 * 3);
});

test("experiments choose another variant", async () => {
	assert.equal((await exact("go1.26.8")).struct("mstats").size, 10440);
	assert.equal((await exact("go1.26.8-X:nogreenteagc")).struct("mstats").size, 8264);
	assert.equal((await exact("go1.25.9 X:greenteagc")).constants.inlineMarkBits?.minSize, 16);
	assert.equal((await exact("go1.25.9")).constants.inlineMarkBits, undefined);
	assert.ok((await exact("go1.24.13 X:noswissmap")).hasStruct("hmap"));
	assert.ok((await exact("go1.24.13")).hasStruct("maps.Map"));
	// experiments that change no struct or constant that is read do not stand in the way
	assert.equal((await exact("go1.26.8-X:jsonv2")).label, "go1.26.8 amd64");
});

test("paths through nested structs, arrays and slices", async () => {
	const layout = await exact("go1.26.8");
	const mheap = layout.struct("runtime.mheap");
	assert.equal(mheap, layout.struct("runtime.mheap"));
	assert.equal(
		mheap.offset("pages.inUse.totalBytes"),
		mheap.offset("pages") + layout.struct("pageAlloc").offset("inUse.totalBytes"),
	);
	const central = mheap.field("central");
	assert.deepEqual([central.count, central.elementSize], [layout.constants.number("numSpanClasses"), 192]);
	assert.equal(mheap.offset("central[3].mcentral.full[1]"), central.offset + 3 * 192 + 88 + 40);
	assert.equal(mheap.offset("central[].pad"), mheap.offset("central[0].pad"));
	assert.ok(!mheap.has("central[136]") && !mheap.has("central.mcentral") && !mheap.has("allspans[0]"));
	assert.equal(mheap.offset("allspans.cap"), mheap.offset("allspans") + 16);
	assert.equal(mheap.field("pagesInUse").size, 8);
	for (const path of ["", ".", "nothing", "constructor", "__proto__", "pages.", "pages..inUse", "sweepgen.x"])
		assert.ok(!mheap.has(path), path);
	assert.throws(
		() => mheap.offset("pages.nothing"),
		(error) => error instanceof LayoutError && /go1\.26\.8 amd64.*runtime\.mheap\.pages\.nothing/.test(error.message),
	);
	for (const ask of [
		() => layout.struct("nothing"),
		() => layout.global("nothing"),
		() => layout.constants.number("nothing"),
		() => layout.constants.table("nothing"),
	]) {
		assert.throws(ask, LayoutError);
	}
	assert.deepEqual(layout.global("stackpool"), {
		offset: 0,
		size: 256,
		count: 4,
		elementSize: 64,
		type: "runtime.stackpool[]",
	});
	assert.equal(layout.struct("stackpool[]").offset("item.span"), 8);
	assert.equal(layout.struct("_type"), layout.struct("abi.Type"));
});

/** last wait reason, finalizer, profile, wrapper; runtime/runtime2.go, mheap.go, internal/abi/symtab.go of each release */
const NUMBERS: readonly (readonly [string, number, string, number, number, number])[] = [
	["go1.24.13", 43, "select (synctest)", 1, 3, 22],
	["go1.25.9", 46, "cleanup wait", 2, 4, 23],
	["go1.26.8", 46, "cleanup wait", 2, 4, 23],
	["go1.27.3", 46, "cleanup wait", 2, 4, 23],
];

test("numberings of the source", async () => {
	for (const [version, last, text, finalizer, profile, wrapper] of NUMBERS) {
		const { constants } = await exact(version);
		assert.equal(constants.waitReasons[0], "", version);
		assert.deepEqual([constants.waitReasons.length - 1, constants.waitReasons.at(-1)], [last, text], version);
		const { Finalizer, Profile } = constants.specialKinds;
		assert.deepEqual([Finalizer, Profile, constants.funcIDs["wrapper"]], [finalizer, profile, wrapper], version);
		assert.deepEqual(constants.goroutineStatusNames.slice(0, 5), ["idle", "runnable", "running", "syscall", "waiting"]);
		assert.equal(constants.number("_Gscan"), 0x1000);
		assert.equal(constants.number("arenaBaseOffset"), -(2 ** 47));
		assert.equal(constants.number("heapArenaBytes"), 64 << 20);
	}
	const reason = async (version: string) => (await exact(version)).constants.waitReasons.indexOf("select");
	assert.deepEqual([await reason("go1.25.9"), await reason("go1.26.8")], [9, 18]);
});

/** The data is made by a program; these hold whatever release it is of. */
test("every layout of every file is sound", async () => {
	for (const [name, load] of Object.entries(layoutFiles)) {
		const file = await load();
		assert.equal(`${file.minor}-${file.arch}`, name);
		file.keys.forEach((key, index) => {
			const layout = layoutOf(file, index, key.split(" ")[0] ?? "", key);
			const where = `${name} ${key}`;
			for (const struct of Object.keys(file.structs)) if (layout.hasStruct(struct)) checkStruct(layout, struct, where);
			const { constants } = layout;
			const { sizeClassSizes: sizes, sizeClassPages: pages } = constants;
			assert.equal(sizes.length, constants.number("numSizeClasses"), where);
			assert.equal(pages.length, sizes.length, where);
			assert.equal(sizes.at(-1), constants.number("maxSmallSize"), where);
			assert.ok(
				sizes.every((size, i) => i === 0 || size > (sizes[i - 1] as number)),
				where,
			);
			assert.equal(layout.struct("mheap").field("central").count, 2 * sizes.length, where);
			assert.equal(layout.struct("heapArena").field("spans").count, constants.number("pagesPerArena"), where);
			assert.equal(layout.struct("pageAlloc").field("summary").count, constants.number("summaryLevels"), where);
			assert.equal(layout.struct("gcBitsArena").size, constants.number("gcBitsChunkBytes"), where);
			assert.equal(constants.inlineMarkBits !== undefined, layout.hasStruct("spanInlineMarkBits"), where);
			assert.ok(constants.waitReasons.includes("chan receive"), where);
		});
	}
});

function checkStruct(layout: Layout, name: string, where: string): void {
	const struct = layout.struct(name);
	let end = 0;
	for (const fieldName of struct.fieldNames) {
		const field = struct.field(fieldName);
		assert.ok(field.offset >= end && field.size > 0, `${where} ${name}.${fieldName} overlaps`);
		end = field.offset + field.size;
		if (field.count !== undefined)
			assert.equal(field.count * (field.elementSize ?? 0), field.size, `${where} ${name}.${fieldName}`);
		if (field.type === undefined || field.type === "[]" || field.type === "string") continue;
		assert.equal(
			layout.struct(field.type).size,
			field.elementSize ?? field.size,
			`${where} ${name}.${fieldName}: ${field.type}`,
		);
	}
	assert.ok(end <= struct.size, `${where} ${name} ends before its last field`);
}

test("the registry lists every data file", async () => {
	const files = (await readdir(join(import.meta.dirname, "data"))).filter((name) => name.endsWith(".json")).sort();
	assert.deepEqual(
		Object.keys(layoutFiles)
			.map((key) => `go${key}.json`)
			.sort(),
		files,
	);
});

test("ranges of keys", () => {
	assert.equal(parseKeys(undefined), undefined);
	for (const list of [[0], [0, 1, 2], [0, 2, 3, 7], [5, 6]])
		assert.deepEqual([...(parseKeys(formatKeys(list)) ?? [])], list);
	assert.equal(formatKeys([0, 1, 2, 4]), "0-2,4");
	assert.throws(() => parseKeys("1-"));
});
