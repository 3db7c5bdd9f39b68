import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { BlockReader } from "../bytes/block-reader.ts";
import { BufferSource } from "../bytes/byte-source.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { cachedBy, left, readCaches } from "./caches.ts";
import type { Layout } from "./layouts/layout.ts";
import { chooseLayouts, layoutsOf } from "./layouts/layouts.ts";
import { type RuntimeView, readGlobal } from "./runtime-view.ts";

const BASE = 0x10000;
const SIZE = 256 * 1024;
const SWEEPGEN = 6;

/** A runtime's memory, written field by field. */
class Image {
	readonly bytes = new Uint8Array(SIZE);
	readonly layout: Layout;
	readonly #view = new DataView(this.bytes.buffer);
	#end = BASE;

	constructor(layout: Layout) {
		this.layout = layout;
	}

	/** Room for so many bytes; returns its address. */
	room(bytes: number): number {
		const at = this.#end;
		this.#end += Math.ceil(bytes / 64) * 64;
		assert.ok(this.#end <= BASE + SIZE);
		return at;
	}

	struct(name: string): number {
		return this.room(this.layout.struct(name).size);
	}

	word(address: number, value: number): void {
		this.#view.setBigUint64(address - BASE, BigInt(value), true);
	}

	set(struct: string, address: number, field: string, value: number): void {
		const { offset, size } = this.layout.struct(struct).field(field);
		const at = address - BASE + offset;
		if (size === 1) this.#view.setUint8(at, value);
		else if (size === 2) this.#view.setUint16(at, value, true);
		else if (size === 4) this.#view.setUint32(at, value, true);
		else this.word(address + offset, value);
	}
}

let layout: Layout;
before(async () => {
	const [first] = layoutsOf(await chooseLayouts("go1.26.8", "amd64"));
	assert.ok(first !== undefined);
	layout = first;
});

function span(image: Image, nelems: number, allocCount: number, before: number): number {
	const at = image.struct("mspan");
	image.set("mspan", at, "nelems", nelems);
	image.set("mspan", at, "allocCount", allocCount);
	image.set("mspan", at, "allocCountBeforeCache", before);
	return at;
}

/** Two Ps, of which the first caches two spans, and a third without a cache. */
function build(image: Image): { view: RuntimeView; spans: readonly number[] } {
	const mheap = image.struct("mheap");
	image.set("mheap", mheap, "sweepgen", SWEEPGEN);
	const empty = span(image, 0, 0, 0);
	const spans = [span(image, 100, 40, 10), span(image, 8, 8, 8)];
	const ps = [0, 1, 2].map((id) => {
		const p = image.struct("p");
		image.set("p", p, "id", id);
		if (id === 2) return p;
		const cache = image.struct("mcache");
		image.set("p", p, "mcache", cache);
		const { offset, count = 0 } = layout.struct("mcache").field("alloc");
		for (let i = 0; i < count; i++) image.word(cache + offset + i * 8, empty);
		image.set("mcache", cache, "flushGen", id === 0 ? SWEEPGEN : SWEEPGEN - 2);
		if (id === 1) return p;
		image.word(cache + offset + 10 * 8, spans[0] ?? 0);
		image.word(cache + offset + 37 * 8, spans[1] ?? 0);
		image.set("mcache", cache, "tiny", 0xabc0);
		image.set("mcache", cache, "tinyoffset", 12);
		image.set("mcache", cache, "stackcache[1].size", 8192);
		return p;
	});
	const list = image.room(ps.length * 8);
	for (const [i, p] of ps.entries()) image.word(list + i * 8, p);
	const allp = image.room(24);
	for (const [i, value] of [list, ps.length, ps.length].entries()) image.word(allp + i * 8, value);
	// sweepgen / 2 is odd: the second of each pair is the swept one
	for (const [set, tail, head] of [
		["partial[1]", 9, 4],
		["partial[0]", 7, 7],
		["full[1]", 3, 0],
		["full[0]", 2, 1],
	] as const) {
		image.set("mheap", mheap, `central[5].mcentral.${set}.index`, tail + head * 2 ** 32);
	}
	const source = new BufferSource(image.bytes, BASE);
	const view: RuntimeView = {
		memory: { look: () => new BlockReader(source, { blockBytes: 4096 }) },
		layout,
		globals: new Map([
			["mheap_", mheap],
			["allp", allp],
		]),
	};
	return { view, spans };
}

function caches(view: RuntimeView) {
	const look = view.memory.look();
	return readCaches(view, look, readGlobal(view, look, "mheap_", "mheap"));
}

describe("caches and central lists", () => {
	test("are read from their structs", () => {
		const { view, spans } = build(new Image(layout));
		const { ps, centrals, sweepgen } = caches(view);
		assert.equal(sweepgen, SWEEPGEN);
		assert.deepEqual(
			ps.map((p) => [p.id, p.stale, p.spans.filter((one) => one !== 0).length]),
			[
				[0, false, 2],
				[1, true, 0],
			],
		);
		const [p] = ps;
		assert.deepEqual([p?.spans[10], p?.freeSlots[10], p?.givenSlots[10]], [spans[0], 60, 90]);
		assert.deepEqual([p?.spans[37], p?.freeSlots[37], p?.givenSlots[37]], [spans[1], 0, 0]);
		assert.deepEqual([p?.tiny, p?.tinyUsedBytes, p?.stackBytes], [0xabc0, 12, [0, 8192, 0, 0]]);
		assert.deepEqual(
			[centrals.partialSwept, centrals.partialUnswept, centrals.fullSwept, centrals.fullUnswept].map((set) =>
				left(set, 5),
			),
			[5, 0, 3, 1],
		);
		assert.equal(left(centrals.fullSwept, 4), 0);
		const by = cachedBy({ ps, centrals, sweepgen });
		assert.deepEqual([by.get(spans[0] ?? 0), by.size], [0, 2]);
	});

	test("of torn or hostile memory are some caches or a ParseError", () => {
		fc.assert(
			fc.property(
				fc.array(fc.record({ at: fc.nat(SIZE - 1), byte: fc.integer({ min: 0, max: 255 }) }), { maxLength: 2000 }),
				fc.nat(3),
				(flips, pointer) => {
					const image = new Image(layout);
					const { view } = build(image);
					for (const { at, byte } of flips) image.bytes[at] = byte;
					// a list of Ps that is far too long, or nowhere
					if (pointer > 0) image.word((view.globals.get("allp") ?? 0) + (pointer % 2) * 8, 2 ** 44 + pointer);
					try {
						const { ps, centrals } = caches(view);
						for (const p of ps) assert.ok(p.freeSlots.every((n) => n >= 0) && p.stackBytes.length === 4);
						for (let at = 0; at < 136; at++) assert.ok(left(centrals.partialSwept, at) >= 0);
					} catch (error) {
						if (!(error instanceof ParseError)) throw error;
					}
				},
			),
			{ numRuns: 60 },
		);
	});
});
