import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { ParseError } from "../../bytes/parse-error.ts";
import { ProfileBuilder } from "./builder.ts";
import { decodeProfile } from "./decode.ts";
import { encodeProfile } from "./encode.ts";
import { readProfile } from "./read.ts";
import { legacyTexts } from "./testdata/legacy-texts.ts";
import { seeded, someProfile } from "./testdata/profiles.ts";
import { unpack } from "./testdata/unpack.ts";
import { profileText } from "./text.ts";
import { walkProfile } from "./walk.ts";

/** Reads, and uses what was read; lets nothing but ParseError pass as a failure. Whether it could be read. */
function survives(bytes: Uint8Array): boolean {
	try {
		const { profile } = readProfile(bytes, { inflate: unpack });
		profileText(profile);
		encodeProfile(profile);
		assert.deepEqual(
			walkProfile(profile).filter(({ severity }) => severity === "broken"),
			[],
		);
		return true;
	} catch (error) {
		if (error instanceof ParseError) return false;
		throw error;
	}
}

const fixtures: readonly (readonly [string, Uint8Array])[] = [
	["protobuf", encodeProfile(someProfile())],
	["node-heap.pb.gz", await readFile(join(import.meta.dirname, "testdata/node-heap.pb.gz"))],
	["node-heap.pb", unpack(await readFile(join(import.meta.dirname, "testdata/node-heap.pb.gz")), "gzip", 1 << 20)],
	...Object.entries(legacyTexts),
];

describe("damage", () => {
	for (const [name, bytes] of fixtures) {
		test(`${name}: cut at every byte`, () => {
			assert.ok(survives(bytes), "whole");
			let failed = 0;
			for (let length = 0; length < bytes.length; length++) {
				if (!survives(bytes.subarray(0, length))) failed++;
			}
			assert.ok(failed > 0, "some cuts are errors");
		});

		test(`${name}: bytes flipped`, () => {
			const random = seeded(4711);
			let failed = 0;
			for (let run = 0; run < 800; run++) {
				const damaged = Uint8Array.from(bytes);
				for (let flips = 1 + (run % 4); flips > 0; flips--) damaged[random() % damaged.length] = random();
				if (!survives(damaged)) failed++;
			}
			assert.ok(failed > 0, "some flips are errors");
		});
	}
});

describe("limits", () => {
	test("a small gzip and zstd of a gigabyte stop at the limit", () => {
		const zeros = new Uint8Array(64 << 20);
		for (const packed of [gzipSync(zeros), zstdCompressSync(zeros)]) {
			assert.ok(packed.length < 100_000);
			assert.throws(() => readProfile(packed, { inflate: unpack, limit: 1 << 20 }), ParseError);
		}
	});

	test("packed many times over", () => {
		let packed: Uint8Array = encodeProfile(someProfile());
		for (let i = 0; i < 3; i++) packed = gzipSync(packed);
		assert.equal(readProfile(packed, { inflate: unpack }).packing, "gzip");
		packed = gzipSync(packed);
		assert.throws(() => readProfile(packed, { inflate: unpack }), /more than 3 packings/);
	});

	test("gzip in several members is one profile, zstd too", () => {
		const bytes = encodeProfile(someProfile());
		const [head, tail] = [bytes.subarray(0, 100), bytes.subarray(100)];
		const text = profileText(someProfile());
		for (const pack of [gzipSync, zstdCompressSync]) {
			const { profile } = readProfile(Buffer.concat([pack(head), pack(tail)]), { inflate: unpack });
			assert.equal(profileText(profile), text);
		}
	});

	test("ids that are made to collide are refused, not waited for", () => {
		const builder = new ProfileBuilder([{ type: "n", unit: "count" }]);
		// sparse ids of one slot: found by trying what the hash of id-rows.ts makes of them
		for (const id of collidingIds(3_000)) builder.location({ id, address: 1 });
		const bytes = encodeProfile(builder.finish());
		assert.throws(() => decodeProfile(bytes), /collide/);
	});

	test("so are strings", () => {
		const table = ["", ...collidingStrings()].map((text) => {
			return Buffer.concat([Uint8Array.of(0x32, text.length), Buffer.from(text)]);
		});
		assert.equal(table.length, 2049);
		assert.throws(() => decodeProfile(Buffer.concat(table)), /string_table: expected strings that spread/);
	});
});

/**
 * Strings of one FNV-1a hash: eleven blocks, each of which has two forms that lead from one state to the same next
 * (A. Joux, "Multicollisions in iterated hash functions", 2004).
 */
function collidingStrings(): string[] {
	let strings = [""];
	let state = 0x811c9dc5;
	for (let block = 0; block < 11; block++) {
		const seen = new Map<number, string>();
		for (let i = 0; ; i++) {
			const text = i.toString(36).padStart(5, "0");
			let hash = state;
			for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
			const other = seen.get(hash);
			seen.set(hash, text);
			if (other === undefined) continue;
			strings = strings.flatMap((before) => [before + other, before + text]);
			state = hash;
			break;
		}
	}
	return strings;
}

/** Ids whose halves cancel out in the first step of the hash of IdRows, so that all have one slot. */
function collidingIds(count: number): bigint[] {
	const ids: bigint[] = [];
	const target = 0x1234_5678;
	for (let low = 1; ids.length < count; low++) {
		const mixed = Math.imul(low ^ (low >>> 16), 0x85eb_ca6b) ^ target;
		// solve imul(high ^ (high >>> 13), 0xc2b2ae35) == mixed for high
		const x = Math.imul(mixed, inverse(0xc2b2_ae35)) >>> 0;
		const high = (x ^ (x >>> 13) ^ (x >>> 26)) >>> 0;
		ids.push((BigInt(high) << 32n) | BigInt(low));
	}
	return ids;
}

/** of an odd number modulo 2^32 (Newton) */
function inverse(odd: number): number {
	let x = odd;
	for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(odd, x));
	return x;
}
