import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import type { Layout } from "./layouts/layout.ts";
import { chooseLayouts } from "./layouts/layouts.ts";
import { readMmaps } from "./mmap-registries.ts";
import { visitByteSliceMap } from "./mmap-registry-map.ts";
import type { RuntimeView } from "./runtime-view.ts";

const BASE = 0x10000;
const SIZE = 1 << 20;

/** Memory from BASE on, to be written by word. */
class Image {
	readonly bytes = new Uint8Array(SIZE);
	readonly view = new DataView(this.bytes.buffer);

	word(address: number, value: number): void {
		this.view.setUint32(address - BASE, value >>> 0, true);
		this.view.setUint32(address - BASE + 4, Math.floor(value / 2 ** 32), true);
	}

	byte(address: number, value: number): void {
		this.view.setUint8(address - BASE, value);
	}

	look(): BlockReader {
		return new BlockReader({
			readInto: (at, into) => {
				if (at < BASE || at >= BASE + SIZE) return 0;
				const part = this.bytes.subarray(at - BASE, Math.min(SIZE, at - BASE + into.length));
				into.set(part);
				return part.length;
			},
		});
	}
}

async function layoutFor(goVersion: string): Promise<Layout> {
	const choice = await chooseLayouts(goVersion, "amd64");
	assert.ok(choice.kind === "exact" || choice.kind === "interpolated", `${goVersion}: ${choice.kind}`);
	return choice.layout;
}

function visited(image: Image, layout: Layout, map: number): [key: number, start: number, length: number][] {
	const out: [number, number, number][] = [];
	visitByteSliceMap(image.look(), layout, map, (view, key, element) =>
		out.push([word(view, key), word(view, element), word(view, element + 8)]),
	);
	return out;
}

/** A Swiss group of interleaved or split slots: filled where `keys` has a number. */
function putGroup(image: Image, at: number, keys: readonly (number | undefined)[], split: boolean): void {
	for (let i = 0; i < 8; i++) {
		const key = keys[i];
		image.byte(at + i, key === undefined ? (i % 2 === 0 ? 0x80 : 0xfe) : 0x11);
		// what was deleted or moved leaves its words behind
		const value = key ?? 0xdead000;
		const [k, e] = split ? [at + 8 + i * 8, at + 72 + i * 24] : [at + 8 + i * 32, at + 16 + i * 32];
		image.word(k, value);
		image.word(e, value - 4095);
		image.word(e + 8, 4096);
		image.word(e + 16, 4096);
	}
}

const key = (page: number) => page * 4096 + 4095;

for (const [version, split] of [
	["go1.24.13", false],
	["go1.27.3", false],
	["go1.27.3-X:mapsplitgroup", true],
] as const) {
	test(`${version}: a map of one group, and one of tables that stand in the directory more than once`, async () => {
		const layout = await layoutFor(version);
		const map = layout.struct("internal/runtime/maps.Map");
		const table = layout.struct("internal/runtime/maps.table");
		const image = new Image();
		putGroup(image, 0x11000, [key(20), undefined, key(21), undefined], split);
		image.word(0x10100 + map.offset("used"), 2);
		image.word(0x10100 + map.offset("dirPtr"), 0x11000);
		assert.deepEqual(
			visited(image, layout, 0x10100).map(([k]) => k),
			[key(20), key(21)],
		);

		const dirLen = 4;
		image.word(0x10200 + map.offset("used"), 3);
		image.word(0x10200 + map.offset("dirPtr"), 0x12000);
		image.word(0x10200 + map.offset("dirLen"), dirLen);
		for (let i = 0; i < dirLen; i++) image.word(0x12000 + i * 8, i < 2 ? 0x13000 : 0x13100);
		for (const [at, groups] of [
			[0x13000, 0x14000],
			[0x13100, 0x15000],
		] as const) {
			image.word(at + table.offset("groups"), groups);
			image.word(at + table.offset("groups") + 8, 1);
		}
		putGroup(image, 0x14000, [key(30)], split);
		putGroup(image, 0x14000 + 264, [undefined, key(31)], split);
		putGroup(image, 0x15000, [], split);
		putGroup(image, 0x15000 + 264, [undefined, undefined, key(32)], split);
		assert.deepEqual(visited(image, layout, 0x10200), [
			[key(30), 30 * 4096, 4096],
			[key(31), 31 * 4096, 4096],
			[key(32), 32 * 4096, 4096],
		]);
	});
}

/** A bucket of the maps before Go 1.24. */
function putBucket(image: Image, at: number, keys: readonly (number | undefined)[], overflow = 0): void {
	for (let i = 0; i < 8; i++) {
		const k = keys[i];
		image.byte(at + i, k === undefined ? i % 5 : 0x77);
		image.word(at + 8 + i * 8, k ?? 0xdead000);
		image.word(at + 72 + i * 24, (k ?? 0xdead000) - 4095);
		image.word(at + 72 + i * 24 + 8, 4096);
		image.word(at + 72 + i * 24 + 16, 4096);
	}
	image.word(at + 264, overflow);
}

function putHmap(image: Image, layout: Layout, at: number, logBuckets: number, buckets: number, old = 0): void {
	const hmap = layout.struct("runtime.hmap");
	image.word(at + hmap.offset("count"), 1);
	image.byte(at + hmap.offset("B"), logBuckets);
	image.word(at + hmap.offset("buckets"), buckets);
	image.word(at + hmap.offset("oldbuckets"), old);
}

test("noswissmap: buckets, overflow buckets, and old ones while the map grows", async () => {
	const layout = await layoutFor("go1.24.13-X:noswissmap");
	const image = new Image();
	putHmap(image, layout, 0x10100, 1, 0x11000, 0x12000);
	putBucket(image, 0x11000, [key(40), undefined, key(41)], 0x13000);
	putBucket(image, 0x11000 + 272, [undefined, key(42)]);
	putBucket(image, 0x13000, [key(43)]);
	putBucket(image, 0x12000, [key(44)]);
	assert.deepEqual(
		visited(image, layout, 0x10100).map(([k]) => k),
		[key(40), key(41), key(43), key(42), key(44)],
	);
});

test("a bucket that follows itself, a directory without end and tables without end are given up", {
	timeout: 60_000,
}, async () => {
	const old = await layoutFor("go1.24.13-X:noswissmap");
	const image = new Image();
	putHmap(image, old, 0x10100, 20, 0x11000, 0x11000);
	putBucket(image, 0x11000, [key(40)], 0x11000);
	assert.ok(visited(image, old, 0x10100).length <= 2 ** 21);

	const layout = await layoutFor("go1.26.8");
	const map = layout.struct("internal/runtime/maps.Map");
	image.word(0x10200 + map.offset("used"), 2 ** 40);
	image.word(0x10200 + map.offset("dirPtr"), 0x12000);
	image.word(0x10200 + map.offset("dirLen"), 2 ** 50);
	for (let i = 0; i < 512; i++) image.word(0x12000 + i * 8, 0x20000 + i * 8);
	for (let i = 0; i < 2048; i++) image.word(0x20000 + i * 8, 0x20000);
	assert.ok(visited(image, layout, 0x10200).length <= 2 ** 21);
});

test("entries that contradict themselves are left out, and each is there once", async () => {
	const layout = await layoutFor("go1.26.8");
	const map = layout.struct("internal/runtime/maps.Map");
	const image = new Image();
	// the variable → mmapper {Mutex, active} → map
	image.word(0x10000, 0x10040);
	image.word(0x10048, 0x10100);
	image.word(0x10100 + map.offset("used"), 5);
	image.word(0x10100 + map.offset("dirPtr"), 0x11000);
	putGroup(image, 0x11000, [key(50), key(51), key(52), key(53), key(50)], false);
	const element = (i: number) => 0x11000 + 16 + i * 32;
	image.word(element(1) + 8, 8192); // longer than its capacity
	image.word(element(2), 52 * 4096 + 8); // not on a page
	image.word(element(3) + 8, 5000); // its key is another one's
	image.word(element(3) + 16, 5000);
	const view = {
		layout,
		memory: { look: () => image.look() },
		globals: new Map([["unix.mapper", 0x10000]]),
	} as unknown as RuntimeView;
	const mmaps = readMmaps(view, image.look());
	assert.deepEqual([mmaps.count, [...mmaps.start], [...mmaps.end], [...mmaps.by]], [1, [50 * 4096], [51 * 4096], [1]]);
});
