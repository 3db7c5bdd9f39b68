import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openBundle, readBundleFile } from "../../src/capture/bundle-file.ts";
import { nodeCodec } from "../../src/capture/record-codec.ts";
import { appendReading, readPart } from "../../src/evidence/bundle/bundle.ts";
import { isPresent } from "../../src/evidence/bundle/manifest.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { makeLedger } from "../../src/ledger/ledger.ts";
import { skipReason, startSubject } from "../subjects.ts";
import { captured, folder, rejectsWith, rewritten, whyOf } from "./captures.ts";

const skip = await skipReason("livemap");

describe("a damaged file", { skip }, () => {
	/** A small capture, made once. */
	async function sample(): Promise<string> {
		await using subject = await startSubject("livemap", { args: ["-mib", "4"] });
		await subject.stop();
		return (await captured("sample.gomem", { target: String(subject.pid), force: true })).path;
	}

	test("is refused with what to do: cut, no capture, newer", async () => {
		const bytes = readFileSync(await sample());
		const path = join(folder, "damaged.gomem");
		for (const length of [4, 100, bytes.length >> 1, bytes.length - 1]) {
			writeFileSync(path, bytes.subarray(0, length));
			const error = await rejectsWith(whyOf(path), "bundle-unreadable");
			assert.match(error.hint ?? "", /another copy/);
			await rejectsWith(whyOf(String(process.pid), { baseline: path }), "bundle-unreadable");
		}
		const bundle = readBundleFile(join(folder, "sample.gomem"));
		assert.ok(!isUnavailable(bundle));
		const newer = await rewritten("newer.gomem", {
			...bundle,
			manifest: { ...bundle.manifest, schema: "gomem.bundle/2" },
		});
		assert.match((await rejectsWith(whyOf(newer), "bundle-newer")).hint ?? "", /that gomem, or a later one/);
		const empty = await rewritten("empty.gomem", {
			...bundle,
			manifest: { ...bundle.manifest, readings: [], parts: [] },
		});
		await rejectsWith(whyOf(empty), "bundle-empty");
	});

	test("works without the parts that are damaged, and names them", async () => {
		const bundle = readBundleFile(await sample());
		assert.ok(!isUnavailable(bundle));
		for (const part of bundle.manifest.parts) {
			if (!isPresent(part)) continue;
			const entry = bundle.files.get(part.file);
			assert.ok(entry !== undefined);
			const bad = new Map(bundle.files).set(part.file, { ...entry, packed: entry.packed.map((byte) => byte ^ 0x55) });
			const path = await rewritten("part.gomem", { ...bundle, files: bad });
			if (part.id === "stat" || part.id === "status") {
				await rejectsWith(whyOf(path), "bundle-empty");
				continue;
			}
			const result = await whyOf(path);
			const named = result.unavailable.map((one) => `${one.part}: ${one.why}`).join("; ");
			if (["goroutines", "symbols", "heap-profile"].includes(part.id)) assert.equal(named, "");
			else assert.match(named, new RegExp(`${part.id}: part ${part.id} is damaged`));
			if (part.id === "runtime-memory") assert.equal(result.runtime, undefined);
		}
	});

	test("never ends in anything but a result, whatever its parts say", async () => {
		const bundle = readBundleFile(await sample());
		assert.ok(!isUnavailable(bundle));
		const [reading] = bundle.manifest.readings;
		assert.ok(reading !== undefined);
		let seed = 12345;
		const next = (below: number) => {
			seed = (seed * 1103515245 + 12345) % 2 ** 31;
			return seed % below;
		};
		const all: { id: string; source: string; time: string; content: Uint8Array }[] = [];
		for (const { id, source, time } of bundle.manifest.parts) {
			const found = await readPart(bundle, id, "1", nodeCodec);
			if (!isUnavailable(found)) all.push({ id, source, time, content: found.content });
		}
		assert.ok(all.length > 8);
		const head = { manifest: { ...bundle.manifest, readings: [], parts: [] }, files: new Map() };
		let usable = 0;
		for (const part of all) {
			for (let i = 0; i < 12; i++) {
				const content = Uint8Array.from(part.content);
				const cut = i % 5 === 0 ? next(content.length) : content.length;
				// near the start damage meets heads and pointers, anywhere else the rest
				const reach = i % 2 === 0 ? content.length : Math.min(200, content.length);
				for (let flips = 0; flips < 4; flips++) content[next(reach)] = next(256);
				const parts = all.map((one) => (one === part ? { ...one, content: content.subarray(0, cut) } : one));
				const changed = await appendReading(head, { time: reading.time, more: reading.more, parts }, nodeCodec);
				const opened = await openBundle(await rewritten("fuzzed.gomem", changed));
				if (isUnavailable(opened)) continue;
				const observation = await opened.next();
				assert.ok(observation !== undefined);
				makeLedger(observation.reading, observation.runtime);
				usable++;
			}
		}
		assert.ok(usable > all.length * 6, `${usable} of ${all.length * 12} could be used`);
	});
});
