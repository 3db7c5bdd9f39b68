import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { BlockReader } from "../bytes/block-reader.ts";
import type { Layout } from "./layouts/layout.ts";
import { chooseLayouts } from "./layouts/layouts.ts";
import { type MemProfileLimits, readMemProfile } from "./memprofile.ts";
import type { RuntimeView } from "./runtime-view.ts";

const BASE = 0x10000;
const SIZE = 1 << 20;
const MBUCKETS = BASE;
const CYCLE = BASE + 16;
const MEM_PROFILE = 1;

interface Bucket {
	readonly pcs: readonly number[];
	readonly size: number;
	/** allocs and frees: those that are published, and those of the three cycles to come */
	readonly active: readonly [number, number];
	readonly future?: readonly (readonly [number, number])[];
}

/** A process's memory with a list of buckets in it. */
class Image {
	readonly bytes = new Uint8Array(SIZE);
	readonly view = new DataView(this.bytes.buffer);
	readonly layout: Layout;
	reads = 0;
	#end = BASE + 4096;

	constructor(layout: Layout) {
		this.layout = layout;
	}

	get runtime(): RuntimeView {
		const globals = new Map([["mbuckets", MBUCKETS] as const, ["mProfCycle", CYCLE] as const]);
		return { layout: this.layout, globals, memory: { look: () => this.look() } };
	}

	look(): BlockReader {
		return new BlockReader({
			readInto: (at, into) => {
				this.reads++;
				if (at < BASE || at >= BASE + SIZE) return 0;
				const part = this.bytes.subarray(at - BASE, Math.min(SIZE, at - BASE + into.length));
				into.set(part);
				return part.length;
			},
		});
	}

	read(limits?: MemProfileLimits) {
		const records = readMemProfile(this.runtime, this.look(), limits);
		assert.ok(records !== undefined);
		return records;
	}

	word(address: number, value: number): void {
		this.view.setBigUint64(address - BASE, BigInt(value), true);
	}

	cycle(cycle: number, flushed: boolean): void {
		this.view.setUint32(CYCLE - BASE, cycle * 2 + (flushed ? 1 : 0), true);
	}

	/** Puts buckets into the list, the first one newest; returns their addresses. */
	list(buckets: readonly Bucket[]): number[] {
		const addresses = buckets.map((bucket) => this.#put(bucket));
		const next = this.layout.struct("bucket").offset("allnext");
		for (const [i, at] of addresses.entries()) this.word(at + next, addresses[i + 1] ?? 0);
		this.word(MBUCKETS, addresses[0] ?? 0);
		return addresses;
	}

	#put({ pcs, size, active, future = [] }: Bucket): number {
		const [bucket, record, cycle] = ["bucket", "memRecord", "memRecordCycle"].map((name) => this.layout.struct(name));
		assert.ok(bucket !== undefined && record !== undefined && cycle !== undefined);
		const at = this.#end;
		this.word(at + bucket.offset("typ"), MEM_PROFILE);
		this.word(at + bucket.offset("size"), size);
		this.word(at + bucket.offset("nstk"), pcs.length);
		for (const [i, pc] of pcs.entries()) this.word(at + bucket.size + i * 8, pc);
		const body = at + bucket.size + pcs.length * 8;
		const counts = [active, ...future];
		for (const [i, [allocs, frees]] of counts.entries()) {
			const to = body + (i === 0 ? record.offset("active") : record.offset("future") + (i - 1) * cycle.size);
			this.word(to + cycle.offset("allocs"), allocs);
			this.word(to + cycle.offset("frees"), frees);
		}
		this.#end = body + record.size;
		return at;
	}
}

const FEW: readonly Bucket[] = [
	{
		pcs: [0x401010, 0x402020],
		size: 64,
		active: [10, 4],
		future: [
			[1, 0],
			[2, 0],
			[3, 0],
		],
	},
	{
		pcs: [0x403030],
		size: 4096,
		active: [0, 0],
		future: [
			[5, 1],
			[7, 1],
			[9, 1],
		],
	},
	{ pcs: [], size: 16, active: [1, 1] },
];

for (const version of ["go1.19.13", "go1.23.12", "go1.27.3"]) {
	describe(`buckets of ${version}`, () => {
		let layout: Layout;
		before(async () => {
			const choice = await chooseLayouts(version, "amd64");
			assert.ok(choice.kind === "exact");
			layout = choice.layout;
		});

		test("count as runtime.MemProfile publishes them", () => {
			const image = new Image(layout);
			image.list(FEW);
			image.cycle(4, true);
			const flushed = image.read();
			assert.equal(flushed.state, "published");
			assert.deepEqual([...flushed.stackStart], [0, 2, 3, 3]);
			assert.deepEqual([...flushed.pcs], [0x401010, 0x402020, 0x403030]);
			assert.deepEqual([...flushed.objectBytes], [64, 4096, 16]);
			assert.deepEqual([...flushed.allocObjects], [10, 0, 1]);
			assert.deepEqual([...flushed.freeObjects], [4, 0, 1]);
			assert.deepEqual([flushed.torn, flushed.cut], [0, false]);
			// the cycle that has ended counts, too, until the runtime has added it: 4 modulo 3 is the second
			image.cycle(4, false);
			assert.deepEqual([...image.read().allocObjects], [12, 7, 1]);
			assert.deepEqual([...image.read().freeObjects], [4, 1, 1]);
		});

		test("all count where nothing was ever published", () => {
			const image = new Image(layout);
			image.list(FEW.map((bucket) => ({ ...bucket, active: [0, 0] as const })));
			image.cycle(0, true);
			const { state, allocObjects } = image.read();
			assert.equal(state, "all");
			assert.deepEqual([...allocObjects], [6, 21, 0]);
		});

		test("a list that leads into itself ends there, and nothing counts twice", () => {
			for (const into of [0, 1, 2]) {
				const image = new Image(layout);
				const addresses = image.list(FEW);
				image.word((addresses[2] ?? 0) + layout.struct("bucket").offset("allnext"), addresses[into] ?? 0);
				const { count, cut, torn } = image.read();
				assert.deepEqual([count, cut, torn], [3, true, 0]);
			}
		});

		test("a bucket that contradicts itself, or is not there, ends the list; the rows before stay", () => {
			const bucket = layout.struct("bucket");
			const damages: [field: string, value: number, torn: number][] = [
				["nstk", 2 ** 40, 1],
				["nstk", 4097, 1],
				["typ", 2, 1],
				["typ", 2 ** 52, 1],
			];
			for (const [field, value, torn] of damages) {
				const image = new Image(layout);
				const addresses = image.list(FEW);
				image.word((addresses[1] ?? 0) + bucket.offset(field), value);
				const found = image.read();
				assert.deepEqual([found.count, found.torn, found.cut], [1, torn, true], field);
			}
			for (const next of [8, BASE + SIZE - 8, 2 ** 47 - 1, 2 ** 63]) {
				const image = new Image(layout);
				const addresses = image.list(FEW);
				image.word((addresses[1] ?? 0) + bucket.offset("allnext"), next);
				const found = image.read();
				assert.deepEqual([found.count, found.torn, found.cut], [2, 0, true], String(next));
			}
		});

		test("a stack that is not all there is left out, and the list goes on", () => {
			const image = new Image(layout);
			const addresses = image.list(FEW);
			const bucket = layout.struct("bucket");
			// its header is the last thing that can be read
			const last = BASE + SIZE - bucket.size;
			image.word(last + bucket.offset("typ"), MEM_PROFILE);
			image.word(last + bucket.offset("nstk"), 3);
			image.word(last + bucket.offset("allnext"), addresses[1] ?? 0);
			image.word((addresses[0] ?? 0) + bucket.offset("allnext"), last);
			const { count, torn, cut } = image.read();
			assert.deepEqual([count, torn, cut], [3, 1, false]);
		});

		test("limits end a list that is longer than any program's", () => {
			const image = new Image(layout);
			image.list(Array.from({ length: 50 }, () => ({ pcs: [1, 2, 3, 4], size: 8, active: [1, 0] as const })));
			assert.deepEqual(pick(image.read({ buckets: 20, pcs: 1e6 })), [20, 80, true]);
			assert.deepEqual(pick(image.read({ buckets: 100, pcs: 43 })), [10, 40, true]);
			assert.deepEqual(pick(image.read()), [50, 200, false]);
		});

		test("never throws, and always ends soon, whatever stands in memory", () => {
			let seed = 7;
			const random = (below: number) => {
				seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
				return Math.floor((seed / 2 ** 32) * below);
			};
			const image = new Image(layout);
			const many = Array.from({ length: 100 }, (_, i) => ({
				pcs: Array.from({ length: i % 40 }, () => i),
				size: i,
				active: [i, 0] as const,
			}));
			const addresses = image.list(many);
			const sound = image.bytes.slice();
			let whole = 0;
			for (let round = 0; round < 400; round++) {
				image.bytes.set(sound);
				image.reads = 0;
				for (let i = 0; i < 1 + random(20); i++) {
					const bucket = addresses[random(addresses.length)] ?? BASE;
					// pointers into the image among them
					image.word(bucket + random(8) * 8, random(3) === 0 ? BASE + random(SIZE) : random(2 ** 31) * 2 ** random(22));
				}
				const found = image.read({ buckets: 500, pcs: 1e5 });
				assert.ok(found.count <= 500 && found.pcs.length <= 1e5 && found.stackStart.length === found.count + 1);
				assert.ok(image.reads < 3000, `${image.reads} reads`);
				if (found.count === 100 && !found.cut) whole++;
			}
			assert.ok(whole > 20 && whole < 380, `${whole} of 400 came through`);
		});
	});
}

function pick({ count, pcs, cut }: { count: number; pcs: Float64Array; cut: boolean }): [number, number, boolean] {
	return [count, pcs.length, cut];
}

test("without the variable there is none", async () => {
	const choice = await chooseLayouts("go1.26.8", "amd64");
	assert.ok(choice.kind === "exact");
	const image = new Image(choice.layout);
	assert.equal(readMemProfile({ ...image.runtime, globals: new Map() }, image.look()), undefined);
});
