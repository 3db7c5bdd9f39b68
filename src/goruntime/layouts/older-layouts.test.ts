import assert from "node:assert/strict";
import { test } from "node:test";
import type { Arch, Layout } from "./layout.ts";
import { chooseLayouts } from "./layouts.ts";

async function exact(version: string, arch: Arch = "amd64"): Promise<Layout> {
	const choice = await chooseLayouts(version, arch);
	assert.equal(choice.kind, "exact", `${version} ${arch}`);
	return (choice as Extract<typeof choice, { kind: "exact" }>).layout;
}

/**
 * As in layouts.test.ts: offsets that a reader of live processes used with success, found by other means than the generator.
 *                                  go1.19.13 go1.20.14 go1.21.13 go1.22.12 go1.23.12
 */
const TABLE = `
mheap size                               92672     92672     92792     92856     92928
mheap.allspans                           65856     65824     65864     65864     65864
mheap.allArenas                          66016     65984     66032     66096     66096
mheap.heapArenas                             -         -         -         -         -
mheap.arenas                             65936     65904     65944     66008     66008
mheap.sweepgen                           65848     65816     65856     65856     65856
mheap.pagesInUse                         65880     65848     65888     65888     65888
mheap.pages                                 16         8         8         8         8
mheap.spanalloc                          92224     92184     92232     92296     92296
mheap.cachealloc                         92296     92256     92304     92368     92368
mspan size                                 144       160       168       160       160
mspan.startAddr                             24        24        24        24        24
mspan.npages                                32        32        32        32        32
mspan.freeindex                           48:8      48:8      48:8      48:2      48:2
mspan.nelems                              56:8      56:8      56:8      50:2      50:2
mspan.freeIndexForScan                     136       152       160        52        52
mspan.allocCache                            64        64        64        56        56
mspan.allocBits                             72        72        72        64        64
mspan.gcmarkBits                            80        80        80        72        72
mspan.sweepgen                              88        88        96        88        88
mspan.allocCount                            96        96       104        96        96
mspan.spanclass                             98        98       106        98        98
mspan.state                                 99        99       107        99        99
mspan.elemsize                             104       104       112       104       104
mspan.limit                                112       112       120       112       112
mspan.specials                             128       128       136       128       128
mspan.largeType                              -         -         -       152       152
mcache size                               1200      1200      1200      1200      1200
mcache.nextSample                            0         0         0         0         0
mcache.memProfRate                           -         -         -         -         -
g.stack                                      0         0         0         0         0
g.m                                         48        48        48        48        48
g.sched                                     56        56        56        56        56
g.syscallsp                                112       112       112       112       112
g.syscallpc                                120       120       120       120       120
g.atomicstatus                             144       144       144       144       152
g.goid                                     152       152       152       152       160
g.waitsince                                168       168       168       168       176
g.waitreason                               176       176       176       176       184
g.gopc                                     296       296       280       280       288
g.startpc                                  312       312       296       296       304
p.id                                         0         0         0         0         0
p.status                                     4         4         4         4         4
p.mcache                                    64        64        64        64        56
p.pcache                                    72        72        72        72        64
m.g0                                         0         0         0         0         0
m.curg                                     192       192       192       192       192
gobuf.pc                                     8         8         8         8         8
gobuf.bp                                    48        48        48        48        48
mstats size                              13512      9040      9040      7744      7744
mstats.heapStats                             0         0         0         0         0
mstats.stacks_sys                         3544      3544      3544      3544      3544
mstats.mspan_sys                          3552      3552      3552      3552      3552
mstats.mcache_sys                         3560      3560      3560      3560      3560
mstats.buckhash_sys                       3568      3568      3568      3568      3568
mstats.gcMiscSys                          3576      3576      3576      3576      3576
mstats.other_sys                          3584      3584      3584      3584      3584
mstats.heap_inuse                            -         -         -         -         -
mstats.heap_released                         -         -         -         -         -
mstats.last_gc_unix                       3592      3592      3592      3592      3592
mstats.pause_total_ns                     3600      3600      3600      3600      3600
mstats.numgc                              7704      7704      7704      7704      7704
heapStatsDelta size                       1176      1176      1176      1176      1176
heapStatsDelta.committed                     0         0         0         0         0
heapStatsDelta.released                      8         8         8         8         8
heapStatsDelta.inHeap                       16        16        16        16        16
heapStatsDelta.inStacks                     24        24        24        24        24
heapStatsDelta.inWorkBufs                   32        32        32        32        32
heapStatsDelta.tinyAllocCount               48        48        48        48        48
heapStatsDelta.largeAlloc                   56        56        56        56        56
heapStatsDelta.smallAllocCount              72        72        72        72        72
heapStatsDelta.largeFree                   616       616       616       616       616
heapStatsDelta.smallFreeCount              632       632       632       632       632
gcControllerState size                     424       368       392       392       392
gcControllerState.gcPercent                  0         0         0         0         0
gcControllerState.heapInUse                304       248       272       272       272
gcControllerState.heapReleased             312       256       280       280       280
gcControllerState.heapFree                 320       264       288       288       288
gcControllerState.heapLive                 136        80       104       104       104
gcControllerState.heapMarked               184       128       152       152       152
gcControllerState.totalAlloc               328       272       296       296       296
gcControllerState.mappedReady              344       288       312       312       312
heapArena size                         2165776   1133584   1133584     68624     68624
heapArena.bitmap                             0         0         0         -         -
heapArena.noMorePtrs                         -   1048576   1048576         -         -
heapArena.spans                        2097152   1064960   1064960         0         0
heapArena.pageInUse                    2162688   1130496   1130496     65536     65536
pageAlloc size                           65832     65808     65848     65848     65848
pageAlloc.summary                            0         0         0         0         0
pageAlloc.chunks                           120       120       120       120       120
pageAlloc.inUse                          65680     65680     65680     65680     65680
moduledata size                            552       568       592       592       584
moduledata.text                            176       176       176       176       176
moduledata.etext                           184       184       184       184       184
moduledata.noptrdata                       192       192       192       192       192
moduledata.data                            208       208       208       208       208
moduledata.edata                           216       216       216       216       216
moduledata.bss                             224       224       224       224       224
moduledata.ebss                            232       232       232       232       232
moduledata.noptrbss                        240       240       240       240       240
moduledata.end                             256       272       272       272       272
moduledata.types                           280       296       296       296       296
moduledata.etypes                          288       304       304       304       304
moduledata.gofunc                          304       320       320       320       320
moduledata.itablinks                       360       376       376       376       376
moduledata.gcdatamask                      496       512       536       536       536
moduledata.gcbssmask                       512       528       552       552       552
moduledata.next                            544       560       584       584       576
special size                                16        16        16        16        16
special.next                                 0         0         0         0         0
special.offset                             8:2       8:2       8:2       8:2       8:2
special.kind                                10        10        10        10        10
specialfinalizer.fn                         16        16        16        16        16
specialprofile.b                            16        16        16        16        16
bucket size                                 48        48        48        48        48
bucket.allnext                               8         8         8         8         8
bucket.typ                                  16        16        16        16        16
bucket.size                                 32        32        32        32        32
bucket.nstk                                 40        40        40        40        40
_func size                                  40        44        44        44        44
_func.pcsp                                  16        16        16        16        16
_func.pcln                                  24        24        24        24        24
_func.npcdata                               28        28        28        28        28
_func.cuOffset                              32        32        32        32        32
_func.funcID                                36        40        40        40        40
_func.flag                                  37        41        41        41        41
_func.nfuncdata                             39        43        43        43        43
inlinedCall size                            20        16        16        16        16
inlinedCall.nameOff                          -         4         4         4         4
inlinedCall.func_                           12         -         -         -         -
inlinedCall.parentPc                        16         8         8         8         8
`;

test("offsets and sizes of Go 1.19 to 1.23 are those that worked on live processes", async () => {
	const versions = ["go1.19.13", "go1.20.14", "go1.21.13", "go1.22.12", "go1.23.12"];
	const layouts = await Promise.all(versions.map((version) => exact(version)));
	let compared = 0;
	for (const line of TABLE.trim().split("\n")) {
		const [name = "", ...columns] = line
			.replace(/ size /, ".(size) ")
			.trim()
			.split(/\s+/);
		const [struct = "", field = ""] = name.split(".");
		assert.equal(columns.length, versions.length, line);
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
	assert.equal(compared, 131 * versions.length);
});

/** last wait reason, finalizer, profile, wrapper, select; runtime/runtime2.go, mheap.go and the list of funcIDs of each release */
const NUMBERS: readonly (readonly [string, number, string, number, number, number, number])[] = [
	["go1.19.13", 26, "debug call", 1, 2, 21, 9],
	["go1.20.14", 31, "stopping the world", 1, 2, 21, 9],
	["go1.21.13", 31, "stopping the world", 1, 2, 21, 9],
	["go1.22.12", 36, "coroutine", 1, 2, 22, 9],
	["go1.23.12", 37, "GC weak to strong wait", 1, 3, 22, 9],
];

test("numberings of the source of Go 1.19 to 1.23", async () => {
	for (const [version, last, text, finalizer, profile, wrapper, select] of NUMBERS) {
		const { constants } = await exact(version);
		assert.deepEqual([constants.waitReasons.length - 1, constants.waitReasons.at(-1)], [last, text], version);
		assert.equal(constants.waitReasons.indexOf("select"), select, version);
		const { Finalizer, Profile } = constants.specialKinds;
		assert.deepEqual([Finalizer, Profile, constants.funcIDs["wrapper"]], [finalizer, profile, wrapper], version);
		assert.deepEqual(constants.goroutineStatusNames.slice(0, 5), ["idle", "runnable", "running", "syscall", "waiting"]);
		assert.equal(constants.inlineMarkBits, undefined);
	}
});

test("types of older releases have the names of today's fields", async () => {
	for (const version of ["go1.19.13", "go1.20.14", "go1.23.12"]) {
		const layout = await exact(version);
		const type = layout.struct("_type");
		assert.deepEqual(
			["Size_", "PtrBytes", "TFlag", "Kind_", "GCData", "Str"].map((field) => type.offset(field)),
			[0, 8, 20, 23, 32, 40],
			version,
		);
		assert.equal(layout.struct("itab").offset("Type"), 8);
		assert.ok(layout.struct("abi.MapType").has("BucketSize") && layout.hasStruct("hmap") && layout.hasStruct("bmap"));
		assert.equal(layout.constants.number("mapBucketCount"), 8);
		assert.equal(layout.constants.number("abi.KindMask"), 31);
		assert.equal(layout.struct("syscall.mmapper").offset("active"), 8);
	}
});

test("arm64 differs where Go says so: no offset of arena indices, larger cache lines, a link register", async () => {
	for (const version of ["go1.19.13", "go1.21.13", "go1.23.12", "go1.24.13", "go1.25.9", "go1.26.8", "go1.27.3"]) {
		const [arm, amd] = await Promise.all([exact(version, "arm64"), exact(version)]);
		assert.equal(arm.constants.number("arenaBaseOffset"), 0, version);
		assert.deepEqual([arm.constants.number("usesLR"), amd.constants.number("usesLR")], [1, 0], version);
		assert.deepEqual(arm.constants.waitReasons, amd.constants.waitReasons, version);
		assert.equal(arm.struct("mspan").size, amd.struct("mspan").size, version);
		// mheap.central is padded to cache lines: 128 bytes since Go 1.20 (internal/cpu/cpu_arm64.go: CacheLinePadSize)
		const size = arm.struct("mheap").field("central").elementSize ?? 0;
		assert.equal(size, version === "go1.19.13" ? 192 : 256, version);
	}
});
