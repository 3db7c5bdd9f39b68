import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { ParseError } from "../bytes/parse-error.ts";
import type { Packing, Unpacking } from "../formats/pprof/read.ts";
import { inflate, unpacking, unpackingFile } from "./inflate.ts";

const text = Buffer.from("where did the memory go? ".repeat(5_000));
const packings = [
	["gzip", gzipSync],
	["zstd", zstdCompressSync],
] as const;

for (const [packing, pack] of packings) {
	test(`${packing}: one part and several`, () => {
		assert.deepEqual(Buffer.from(inflate(pack(text), packing, text.length)), text);
		const parts = Buffer.concat([pack(text.subarray(0, 70_000)), pack(text.subarray(70_000))]);
		assert.deepEqual(Buffer.from(inflate(parts, packing, text.length)), text);
	});

	test(`${packing}: a byte more than the limit, damage and every cut are parse errors`, () => {
		const packed = pack(text);
		assert.throws(() => inflate(packed, packing, text.length - 1), /more than 124999 bytes/);
		for (let length = 0; length < packed.length; length++) {
			assert.throws(() => inflate(packed.subarray(0, length), packing, 1 << 20), ParseError, `${length} bytes`);
		}
		for (let at = 0; at < packed.length; at++) {
			const damaged = Uint8Array.from(packed);
			damaged[at] = (damaged[at] ?? 0) ^ 0xff;
			assert.equal(unpacks(damaged, packing) && packing === "gzip" && at > 9, false, `byte ${at}`);
		}
	});
}

for (const [packing, pack] of packings) {
	test(`${packing}: on another thread the same, of bytes and of a file`, async () => {
		const folder = mkdtempSync(join(tmpdir(), "gomem-inflate-"));
		const path = join(folder, "packed");
		try {
			for (const packed of [pack(text), Buffer.concat([pack(text.subarray(0, 9)), pack(text.subarray(9))])]) {
				writeFileSync(path, packed);
				for (const coming of [unpacking(packed, packing), unpackingFile(path, packing)]) {
					assert.deepEqual(await all(coming), text);
				}
			}
			const cut = pack(text).subarray(0, -9);
			writeFileSync(path, cut);
			await assert.rejects(all(unpacking(cut, packing)), ParseError);
			await assert.rejects(all(unpackingFile(path, packing)), ParseError);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	});

	test(`${packing}: zeros after it are refused, as Go refuses them`, async () => {
		for (const count of [1, 8, 100_000]) {
			const padded = Buffer.concat([pack(text), Buffer.alloc(count)]);
			assert.throws(() => inflate(padded, packing, 1 << 20), ParseError, `${count} zeros`);
			await assert.rejects(all(unpacking(padded, packing)), ParseError, `${count} zeros`);
		}
	});
}

async function all({ chunks }: Unpacking): Promise<Buffer> {
	const parts: Uint8Array[] = [];
	for await (const chunk of chunks) parts.push(chunk);
	return Buffer.concat(parts);
}

/** zstd as Node writes it has no checksum, and gzip's first ten bytes have a time and a system that nothing depends on. */
function unpacks(bytes: Uint8Array, packing: Packing): boolean {
	try {
		inflate(bytes, packing, 1 << 20);
		return true;
	} catch (error) {
		assert.ok(error instanceof ParseError, String(error));
		return false;
	}
}

test("gzip: a false size at the end is a hint that is not believed", () => {
	const packed = Uint8Array.from(gzipSync(text));
	for (const at of [1, 2, 3, 4]) packed[packed.length - at] = 0xff;
	assert.throws(() => inflate(packed, "gzip", 1 << 20), ParseError);
});
