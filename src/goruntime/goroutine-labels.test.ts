import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BlockReader } from "../bytes/block-reader.ts";
import { readGoroutineLabels } from "./goroutine-labels.ts";
import type { GoroutineTable } from "./goroutines.ts";

const BASE = 0xc000000000;
const SIZE = 1 << 16;

class Image {
	readonly bytes = new Uint8Array(SIZE);
	readonly view = new DataView(this.bytes.buffer);
	#end = BASE + 64;

	word(address: number, value: number): void {
		this.view.setBigUint64(address - BASE, BigInt(value), true);
	}

	#room(bytes: number): number {
		const at = this.#end;
		this.#end += Math.ceil(bytes / 8) * 8;
		return at;
	}

	#text(text: string): [address: number, length: number] {
		const bytes = Buffer.from(text);
		const at = this.#room(bytes.length);
		this.bytes.set(bytes, at - BASE);
		return [at, bytes.length];
	}

	/** A labelMap: slice of {key, value}. */
	set(...labels: readonly (readonly [string, string])[]): number {
		const list = this.#room(labels.length * 32);
		labels.forEach((label, i) => {
			label.forEach((text, k) => {
				const [at, length] = this.#text(text);
				this.word(list + i * 32 + k * 16, at);
				this.word(list + i * 32 + k * 16 + 8, length);
			});
		});
		const header = this.#room(24);
		[list, labels.length, labels.length].forEach((value, i) => {
			this.word(header + i * 8, value);
		});
		return header;
	}

	read(...labels: readonly number[]) {
		const table = { labels: Float64Array.from(labels) } as unknown as GoroutineTable;
		const look = new BlockReader({
			readInto: (at, into) => {
				if (at < BASE || at >= BASE + SIZE) return 0;
				const part = this.bytes.subarray(at - BASE, Math.min(SIZE, at - BASE + into.length));
				into.set(part);
				return part.length;
			},
		});
		return readGoroutineLabels(table, Uint32Array.from(labels.keys()), look);
	}
}

describe("labels of goroutines", () => {
	test("are read once per set", () => {
		const image = new Image();
		const one = image.set(["handler", "/a"], ["tenant", "ü"]);
		const two = image.set(["handler", ""]);
		const found = image.read(0, one, two, one);
		assert.deepEqual([...(found?.set ?? [])], [-1, 0, 1, 0]);
		assert.equal(found?.unread, 0);
		assert.deepEqual(found?.sets, [
			[
				{ key: "handler", value: "/a" },
				{ key: "tenant", value: "ü" },
			],
			[{ key: "handler", value: "" }],
		]);
	});

	test("of goroutines without any are none", () => {
		assert.equal(new Image().read(0, 0), undefined);
	});

	test("what is no such list counts as unread: a map, what is gone, lengths beyond reason", () => {
		const image = new Image();
		const damage = (offset: number, value: number, set = image.set(["a", "b"])) => {
			image.word(set + offset, value);
			return set;
		};
		const bad = [
			8,
			BASE + SIZE - 8,
			2 ** 47,
			damage(0, 0),
			damage(0, 2 ** 63),
			damage(8, 0),
			damage(8, 65),
			damage(8, 2 ** 62),
			damage(16, 0),
			image.set(["", "value"]),
			image.set(["key", "v".repeat(1025)]),
		];
		const found = image.read(...bad, image.set(["a", "b"]));
		assert.equal(found?.unread, bad.length);
		assert.equal(found?.sets.length, 1);
		assert.ok(bad.every((_, i) => found?.set[i] === -1));
	});

	test("never throws, whatever stands in memory", () => {
		const image = new Image();
		const good = Array.from({ length: 30 }, (_, i) => image.set(["key", String(i)], ["more", "x"]));
		let seed = 5;
		const random = (below: number) => {
			seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
			return Math.floor((seed / 2 ** 32) * below);
		};
		const sound = image.bytes.slice();
		for (let round = 0; round < 300; round++) {
			image.bytes.set(sound);
			for (let i = 0; i < 40; i++) image.bytes[random(4000)] = random(256);
			const found = image.read(...good);
			assert.equal((found?.unread ?? 0) + (found?.set.filter((one) => one >= 0).length ?? 0), good.length);
		}
	});
});
