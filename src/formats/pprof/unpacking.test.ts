import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ParseError } from "../../bytes/parse-error.ts";
import { ProfileBuilder } from "./builder.ts";
import { ProfileDecoder } from "./decode.ts";
import { encodeProfile } from "./encode.ts";
import { readProfile, readUnpacking, type Unpacking } from "./read.ts";
import { legacyTexts } from "./testdata/legacy-texts.ts";
import { seeded, someProfile } from "./testdata/profiles.ts";
import { unpack } from "./testdata/unpack.ts";
import { profileText } from "./text.ts";

// A profile that is read while it is unpacked is the one that is read when all is there.

function coming(bytes: Uint8Array, sizes: Iterator<number>, expected = bytes.length): Unpacking {
	async function* chunks(): AsyncGenerator<Uint8Array> {
		for (let at = 0; at < bytes.length; ) {
			const size = sizes.next().value as number;
			// a copy that is spoilt afterwards: whoever reads may not keep it
			const chunk = Uint8Array.from(bytes.subarray(at, at + size));
			yield chunk;
			chunk.fill(0xff);
			at += size;
		}
	}
	return { packing: "gzip", expected, chunks: chunks() };
}

function* each(size: number): Generator<number> {
	for (;;) yield size;
}

function* random(seed: number): Generator<number> {
	const next = seeded(seed);
	for (;;) yield 1 + (next() % 97);
}

const small = encodeProfile(someProfile());
const node = unpack(await readFile(join(import.meta.dirname, "testdata/node-heap.pb.gz")), "gzip", 1 << 20);

describe("read while it is unpacked", () => {
	for (const [name, bytes] of [
		["made by hand", small],
		["node's", node],
	] as const) {
		test(`a profile ${name}, cut anywhere`, async () => {
			const whole = profileText(readProfile(bytes, { inflate: unpack }).profile);
			for (const size of [1, 2, 7, 64, 4096, bytes.length]) {
				const read = await readUnpacking(coming(bytes, each(size)), { inflate: unpack });
				assert.equal(profileText(read.profile), whole, `chunks of ${size}`);
				assert.equal(read.packing, "gzip");
			}
			// what is expected is a hint
			for (const expected of [0, 1, 1 << 24]) {
				const read = await readUnpacking(coming(bytes, random(7), expected), { inflate: unpack });
				assert.equal(profileText(read.profile), whole);
			}
		});
	}

	test("texts of old, and what is packed again", async () => {
		for (const [name, text] of Object.entries(legacyTexts)) {
			const bytes = text as Uint8Array;
			const read = await readUnpacking(coming(bytes, random(3)), { inflate: unpack });
			const whole = readProfile(bytes, { inflate: unpack });
			assert.equal(read.form, whole.form, name);
			assert.equal(profileText(read.profile), profileText(whole.profile), name);
		}
		let packed: Uint8Array = small;
		for (let i = 0; i < 2; i++) packed = gzipSync(packed);
		const read = await readUnpacking(coming(packed, random(5)), { inflate: unpack });
		assert.equal(profileText(read.profile), profileText(someProfile()));
		await assert.rejects(
			readUnpacking(coming(gzipSync(packed), random(5)), { inflate: unpack }),
			/more than 3 packings/,
		);
	});

	test("damage is the same parse error, and the limit holds", async () => {
		const next = seeded(99);
		for (let run = 0; run < 300; run++) {
			const damaged = Uint8Array.from(small);
			damaged[next() % damaged.length] = next();
			const bytes = run % 2 === 0 ? damaged : small.subarray(0, next() % small.length);
			let whole: string;
			try {
				whole = profileText(readProfile(bytes, { inflate: unpack }).profile);
			} catch (error) {
				assert.ok(error instanceof ParseError);
				whole = error.message;
			}
			const read = await readUnpacking(coming(bytes, random(run)), { inflate: unpack }).then(
				({ profile }) => profileText(profile),
				(error: unknown) => {
					assert.ok(error instanceof ParseError, String(error));
					return error.message;
				},
			);
			// a length beyond what is there is told with what there was of the file by then
			const comparable = (text: string) => text.replace(/expected at most \d+ bytes.*/, "");
			assert.equal(comparable(read), comparable(whole), `run ${run}`);
		}
		await assert.rejects(
			readUnpacking(coming(node, each(100)), { inflate: unpack, limit: node.length - 1 }),
			/expected at most/,
		);
	});
});

test("what is set aside for a profile is bounded, whatever the file says of its size", () => {
	const before = process.memoryUsage();
	const decoder = new ProfileDecoder(2 ** 32);
	decoder.push(small);
	assert.equal(profileText(decoder.finish(new Uint8Array(0))), profileText(someProfile()));
	// a thousand values in the first sample
	const types = 1000;
	const b = new ProfileBuilder(Array.from({ length: types }, (_, i) => ({ type: `t${i}`, unit: "count" })));
	b.sample([b.location({ address: 1 })], new Array<number>(types).fill(7));
	const wide = new ProfileDecoder(2 ** 32);
	wide.push(encodeProfile(b.finish()));
	const profile = wide.finish(new Uint8Array(0));
	assert.deepEqual([profile.samples.values.length, profile.samples.values[999]?.numbers[0]], [types, 7]);
	const after = process.memoryUsage();
	assert.ok(after.rss - before.rss < 128 * 2 ** 20, `${after.rss - before.rss} bytes resident`);
	assert.ok(after.arrayBuffers - before.arrayBuffers < 1024 * 2 ** 20, `${after.arrayBuffers} bytes set aside`);
});
