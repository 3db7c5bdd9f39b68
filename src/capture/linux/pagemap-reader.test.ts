import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { halted } from "../../../testing/settled.ts";
import { isUnavailable } from "../../evidence/bundle/unavailable.ts";
import type { Mapping } from "../../formats/procfs/mapping.ts";
import { parseMaps } from "../../formats/procfs/maps.ts";
import { parseSmaps } from "../../formats/procfs/smaps.ts";
import { hostFacts } from "./host-facts.ts";
import { framesVisible } from "./page-frames.ts";
import {
	type ResidencyReading,
	type ResidencyReadOptions,
	type ResidentMapping,
	readResidency,
} from "./pagemap-reader.ts";
import { openProcessMemory } from "./process-memory.ts";
import { startNode, startTarget, stateOf, until } from "./test-target.ts";

const MiB = 2 ** 20;
/** Far beyond what any of this takes: a bound, not a measurement. */
const LATEST_MS = 20_000;

function read(pid: number, mappings: readonly ResidentMapping[], options?: ResidencyReadOptions): ResidencyReading {
	const reading = readResidency(pid, mappings, options);
	assert.ok(!isUnavailable(reading), JSON.stringify(reading));
	return reading;
}

const smapsOf = (pid: number): ReturnType<typeof parseSmaps> => parseSmaps(readFileSync(`/proc/${pid}/smaps`, "utf8"));
const mapsOf = (pid: number): ReturnType<typeof parseMaps> => parseMaps(readFileSync(`/proc/${pid}/maps`, "utf8"));

const holder = `
	const bytes = new Uint8Array(${64 * MiB});
	bytes.fill(1, ${20 * MiB}, ${33 * MiB});
	setInterval(() => bytes.length, 1000);
	console.log("ready");`;

describe("readResidency", () => {
	it("has the same resident bytes as smaps, mapping by mapping, when zero pages are told apart", async (t) => {
		if (!framesVisible()) return t.skip("frame numbers are hidden: needs CAP_SYS_ADMIN");
		await using target = await startNode(holder);
		await halted(target.pid);
		// have zero pages mapped: plain reads of never-touched pages, 3 MiB in one place and a single page in another
		const array = smapsOf(target.pid).find((m) => m.size >= 64 * MiB && m.rss >= 13 * MiB && m.kind === "anon");
		assert.ok(array);
		const memory = openProcessMemory(target.pid);
		assert.ok(!isUnavailable(memory));
		memory.readInto(array.start + 40 * MiB, new Uint8Array(3 * MiB));
		memory.readInto(array.start + 55 * MiB, new Uint8Array(1));
		memory.close();

		const smaps = smapsOf(target.pid);
		const reading = read(target.pid, smaps);
		assert.equal(reading.zeroPagesMarked, true);
		assert.deepEqual(reading.skipped, []);
		assert.deepEqual(reading.unexplained, []);
		assert.ok(reading.residency.counts.zero * hostFacts().pageSize >= 3 * MiB + hostFacts().pageSize);
		for (const m of smaps) {
			if (m.kind === "vsyscall") continue;
			assert.equal(reading.residency.residentBytesIn(m.start, m.end), m.rss, `${m.start.toString(16)} ${m.path}`);
		}
		// from maps alone: the same pages
		const fromMaps = read(target.pid, mapsOf(target.pid));
		assert.equal(fromMaps.residency.residentBytes, reading.residency.residentBytes);

		// without looking for zero pages the excess is reported where it is
		const blind = read(target.pid, smaps, { zeroPages: false });
		assert.equal(blind.zeroPagesMarked, false);
		const zero = reading.residency.counts.zero * hostFacts().pageSize;
		assert.equal(
			blind.unexplained.reduce((sum, excess) => sum + excess.bytes, 0),
			zero,
		);
		assert.ok(blind.unexplained.some((excess) => excess.start === array.start));
	});

	it("passes over huge reservations, and stops at its time limit", async () => {
		await using target = await startNode(holder);
		await halted(target.pid);
		// WebAssembly and the garbage collector reserve tens of GiB in a Node process
		const maps = mapsOf(target.pid);
		const reserved = maps.filter((m) => m.end - m.start >= 2 ** 30).reduce((sum, m) => sum + m.end - m.start, 0);
		const start = performance.now();
		const reading = read(target.pid, smapsOf(target.pid));
		assert.ok(performance.now() - start < 30_000);
		assert.ok(reading.bytesRead < 16 * MiB, `${reading.bytesRead} bytes for ${reserved} reserved`);

		const none = { read: false, write: false, execute: false, shared: false };
		const template: Mapping = {
			start: 0,
			end: 0,
			permissions: none,
			offset: 0,
			device: "00:00",
			inode: 0,
			path: "",
			deleted: false,
			kind: "anon",
		};
		const huge: Mapping = { ...template, start: 2 ** 40, end: 2 ** 46 };
		assert.deepEqual(read(target.pid, [huge]).skipped, [{ start: huge.start, end: huge.end, why: "reservation" }]);
		const readable: Mapping = { ...huge, permissions: { ...none, read: true, write: true } };
		const before = performance.now();
		// long enough for something to be read, however busy the machine; all of it would take minutes
		const late = read(target.pid, [readable], { maxMs: 1000 });
		assert.ok(performance.now() - before < 30_000);
		assert.equal(late.skipped[0]?.why, "time");
		assert.ok(late.skipped[0].start > huge.start && late.skipped[0].end === huge.end);
	});

	it("says that the process has ended", async () => {
		const target = await startNode(holder);
		const maps = mapsOf(target.pid);
		await target.end();
		const reading = readResidency(target.pid, maps);
		assert.ok(isUnavailable(reading));
		assert.match(reading.unavailable, /has ended/);
		await using parent = await startTarget("sh", ["-c", "sleep 0.05 & echo $!; exec sleep 60"]);
		const zombie = Number(parent.said);
		await until(() => stateOf(zombie) === "Z", LATEST_MS, "a zombie");
		const empty = readResidency(zombie, maps.slice(0, 1));
		assert.ok(isUnavailable(empty) || empty.skipped[0]?.why === "ended", JSON.stringify(empty));
	});
});
