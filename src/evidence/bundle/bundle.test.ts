import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { zipSync } from "fflate";
import { ParseError } from "../../bytes/parse-error.ts";
import {
	appendReading,
	type Bundle,
	checkBundle,
	emptyBundle,
	type NewPart,
	readBundle,
	readPart,
	writeBundle,
} from "./bundle.ts";
import { NewerBundle } from "./manifest.ts";
import { isUnavailable } from "./unavailable.ts";
import { inflateEntry, readZip, type ZipLimits, zipLimits } from "./zip.ts";

const time = "2026-01-02T03:04:05Z";
const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const head = {
	tool: { name: "gomem", version: "0.1.0" },
	host: { kernel: "6.18.0", pageSize: 4096 },
	target: { pid: 4242, startTime: 99 },
};
const maps: NewPart = {
	id: "maps",
	source: "/proc/PID/maps",
	time,
	content: text("00400000-00401000 r-xp\n".repeat(200)),
};
const noPagemap: NewPart = {
	id: "pagemap",
	source: "/proc/PID/pagemap",
	time,
	unavailable: "process 4242 runs as uid 7",
	wouldHelp: "run gomem as root",
};

function unzip(bytes: Uint8Array, limits: ZipLimits = zipLimits): Map<string, Uint8Array> {
	return new Map([...readZip(bytes, limits)].map(([name, entry]) => [name, inflateEntry(name, entry)]));
}

async function fileOf(bundle: Bundle): Promise<Uint8Array> {
	return new Uint8Array(Buffer.concat(await writeBundle(bundle)));
}

async function small(): Promise<Bundle> {
	return appendReading(emptyBundle(head), { time, parts: [maps, noPagemap] });
}

/** A zip whose manifest is the given object. */
function withManifest(manifest: unknown, files: Record<string, Uint8Array> = {}): Uint8Array {
	return zipSync({ "manifest.json": text(JSON.stringify(manifest)), ...files });
}

const bare = { schema: "gomem.bundle/1", tool: head.tool, readings: [], parts: [] };

describe("a bundle", () => {
	it("reads what was written, byte for byte and reading after reading", async () => {
		const once = await fileOf(await small());
		const second = await appendReading(readBundle(once), { time, parts: [{ ...maps, content: text("new") }] });
		const read = readBundle(await fileOf(second));
		assert.deepEqual(await checkBundle(read), []);
		assert.deepEqual(
			read.manifest.readings.map((reading) => reading.id),
			["1", "2"],
		);
		const first = await readPart(read, "maps", "1");
		assert.ok("content" in first && maps.content !== undefined);
		assert.deepEqual(first.content, maps.content);
		assert.equal(first.part.sha256, sha256(first.content));
		const later = await readPart(read, "maps", "2");
		assert.ok("content" in later);
		assert.deepEqual(later.content, text("new"));
		assert.deepEqual(await readPart(read, "pagemap", "1"), {
			unavailable: "process 4242 runs as uid 7",
			wouldHelp: "run gomem as root",
		});
		assert.match(JSON.stringify(await readPart(read, "pagemap", "2")), /no part pagemap/);
		assert.deepEqual(await fileOf(read), await fileOf(second), "the same bundle, the same bytes");
	});

	it("is a zip to others", async (t) => {
		if (spawnSync("python3", ["--version"]).status !== 0) return t.skip("needs python3");
		const folder = mkdtempSync(join(tmpdir(), "gomem-bundle-"));
		try {
			writeFileSync(join(folder, "x.gomem"), await fileOf(await small()));
			const script =
				"import zipfile,sys; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.namelist()); print(len(z.read('readings/1/maps')))";
			const out = execFileSync("python3", ["-c", script, join(folder, "x.gomem")], { encoding: "utf8" });
			assert.equal(out, `['manifest.json', 'readings/1/maps']\n${23 * 200}\n`);
			execFileSync("python3", [
				"-c",
				"import zipfile,sys; z=zipfile.ZipFile(sys.argv[1],'w',zipfile.ZIP_DEFLATED); z.writestr('a/b', b'x'*70000); z.writestr('c', b'')",
				join(folder, "y.zip"),
			]);
			const { readFileSync } = await import("node:fs");
			const files = unzip(readFileSync(join(folder, "y.zip")));
			assert.equal(files.get("a/b")?.length, 70000);
			assert.equal(files.get("c")?.length, 0);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});

	it("keeps parts, fields and entries that it does not know", async () => {
		const content = text("from the future");
		const manifest = {
			...bare,
			schema: "gomem.bundle/1",
			novelty: { deep: [1, null, "x"] },
			readings: [{ id: "1", time, clock: "tai" }],
			parts: [
				{
					id: "dream",
					reading: "1",
					source: "?",
					time,
					file: "elsewhere/dream",
					bytes: content.length,
					sha256: sha256(content),
					hue: 7,
				},
				{ id: "nap", source: "?", time, unavailable: "awake", since: 3 },
			],
		};
		const read = readBundle(withManifest(manifest, { "elsewhere/dream": content, "notes/unlisted": text("kept") }));
		const again = readBundle(await fileOf(await appendReading(read, { time, parts: [maps] })));
		assert.deepEqual(again.manifest.more, { novelty: { deep: [1, null, "x"] } });
		assert.deepEqual(again.manifest.readings[0], { id: "1", time, more: { clock: "tai" } });
		const dream = await readPart(again, "dream", "1");
		assert.ok("content" in dream);
		assert.deepEqual(dream.content, content);
		assert.deepEqual(dream.part.more, { hue: 7 });
		assert.deepEqual(again.manifest.parts[1]?.more, { since: 3 });
		assert.deepEqual(unzip(await fileOf(again)).get("notes/unlisted"), text("kept"));
	});

	it("refuses a newer major version, and says so", async () => {
		assert.throws(
			() => readBundle(withManifest({ ...bare, schema: "gomem.bundle/2" })),
			(error) => error instanceof NewerBundle && /gomem\.bundle\/2: it takes a newer gomem/.test(error.message),
		);
		assert.throws(() => readBundle(withManifest({ ...bare, schema: "gomem.diff/1" })), ParseError);
		assert.throws(() => readBundle(zipSync({ "readme.txt": text("hello") })), /a zip, but not a bundle/);
	});

	it("reports a part that does not match its hash, and gives the others", async () => {
		const part = (id: string, file: string, content: Uint8Array, hashed: Uint8Array): object => ({
			id,
			source: "s",
			time,
			file,
			bytes: content.length,
			sha256: sha256(hashed),
		});
		const good = text("good");
		const read = readBundle(
			withManifest(
				{
					...bare,
					parts: [
						part("good", "p/good", good, good),
						part("bad", "p/bad", good, text("evil")),
						part("lost", "p/lost", good, good),
						{ ...part("short", "p/good", good, good), bytes: 3 },
					],
				},
				{ "p/good": good, "p/bad": good },
			),
		);
		assert.deepEqual(
			(await checkBundle(read)).map((d) => [d.part.id, d.why.slice(0, 20)]),
			[
				["bad", "its SHA-256 is 770e6"],
				["lost", "its entry is missing"],
				["short", "4 bytes instead of 3"],
			],
		);
		assert.ok("content" in (await readPart(read, "good", undefined)));
		const bad = await readPart(read, "bad", undefined);
		assert.ok(isUnavailable(bad));
		assert.match(bad.unavailable, /damaged/);
	});

	it("refuses names that leave the folder, doubles, and what is beyond the limits", async () => {
		for (const name of ["../x", "/etc/passwd", "a/../../b", "a//b", "C:\\x", ".hidden", "a..b", "x\u0000y", "é"]) {
			assert.throws(() => unzip(zipSync({ [name]: text("x") })), ParseError, name);
		}
		assert.throws(() => unzip(zipSync({ a: text("x"), b: text("y") }), { ...zipLimits, entries: 1 }), /entry count/);
		assert.throws(() => unzip(zipSync({ a: text("xyz") }), { ...zipLimits, entryBytes: 2 }), /size/);
		assert.throws(
			() => unzip(zipSync({ a: text("xyz"), b: text("xyz") }), { ...zipLimits, totalBytes: 5 }),
			/total size/,
		);
		assert.throws(() => unzip(zipSync({ a: new Uint8Array(4 << 20) }), { ...zipLimits, ratio: 100 }), /times/);
		const twice = await appendReading(emptyBundle(head), { time, parts: [maps] });
		await assert.rejects(appendReading(twice, { time, parts: [maps, maps] }), RangeError);
		const listedTwice = { id: "a", source: "s", time, unavailable: "x" };
		assert.throws(() => readBundle(withManifest({ ...bare, parts: [listedTwice, listedTwice] })), /each id once/);
		const outside = { id: "a", source: "s", time, file: "../x", bytes: 0, sha256: "0".repeat(64) };
		assert.throws(() => readBundle(withManifest({ ...bare, parts: [outside] })), ParseError);
		const doubled = zipSync({ ab: text("x"), ac: text("y") });
		// rename the second entry in its local header and in the directory
		for (let i = 0; i + 1 < doubled.length; i++)
			if (doubled[i] === 0x61 && doubled[i + 1] === 0x63) doubled[i + 1] = 0x62;
		assert.throws(() => unzip(doubled), /each name once/);
	});

	it("stops a bomb that declares less than it inflates to", () => {
		const bomb = zipSync({ a: new Uint8Array(16 << 20) }, { level: 9 });
		const at = bomb.length - 22 - (46 + 1) + 24; // the size in the directory's only record
		new DataView(bomb.buffer, bomb.byteOffset).setUint32(at, 1000, true);
		const start = performance.now();
		assert.throws(() => unzip(bomb), /1000 bytes, found more/);
		assert.ok(performance.now() - start < 30_000);
	});

	it("lets only ParseError escape where the file is cut or changed", async () => {
		const whole = await fileOf(await small());
		const attempt = async (bytes: Uint8Array): Promise<boolean> => {
			try {
				await checkBundle(readBundle(bytes));
				return true;
			} catch (error) {
				assert.ok(error instanceof ParseError, String(error));
				return false;
			}
		};
		for (let length = 0; length < whole.length; length++)
			assert.equal(await attempt(whole.slice(0, length)), false, `cut at ${length}`);
		let read = 0;
		for (let at = 0; at < whole.length; at++) {
			for (const flip of [0x01, 0x80, 0xff]) {
				const changed = whole.slice();
				changed[at] = (changed[at] ?? 0) ^ flip;
				if (await attempt(changed)) read++;
			}
		}
		assert.ok(read > 0, "some bytes do not matter, such as times");
		const random = fc.uint8Array({ maxLength: 200 });
		await fc.assert(
			fc.asyncProperty(random, async (bytes) => void (await attempt(bytes))),
			{ numRuns: 500 },
		);
	});

	it("lets only ParseError escape for any JSON as a manifest", async () => {
		const shapes = fc.record(
			{
				schema: fc.constant("gomem.bundle/1"),
				tool: fc.oneof(fc.constant(head.tool), fc.jsonValue()),
				readings: fc.oneof(fc.constant([]), fc.jsonValue()),
				parts: fc.array(
					fc.oneof(
						fc.jsonValue(),
						fc.record({ id: fc.string(), source: fc.string(), time: fc.string(), unavailable: fc.jsonValue() }),
					),
				),
			},
			{ requiredKeys: ["schema"] },
		);
		await fc.assert(
			fc.asyncProperty(shapes, async (manifest) => {
				try {
					const read = readBundle(withManifest(manifest));
					const again = readBundle(await fileOf(read));
					assert.deepEqual(again.manifest, read.manifest);
				} catch (error) {
					assert.ok(error instanceof ParseError, String(error));
				}
			}),
			{ numRuns: 300 },
		);
	});
});
