import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { halted } from "../../../testing/settled.ts";
import { isUnavailable } from "../../evidence/bundle/unavailable.ts";
import { hostFacts } from "./host-facts.ts";
import { openProcessMemory, type ProcessMemory } from "./process-memory.ts";
import { openSafeMemory, type SafeMemory, type SafeMemoryOptions } from "./safe-memory.ts";
import { memoryTask } from "./task-state.ts";
import { startNode, startTarget, stateOf, type TestTarget, until } from "./test-target.ts";

const MiB = 1 << 20;
const { pageSize } = hostFacts();
/** Far beyond what any of this takes: a bound, not a measurement. */
const LATEST_MS = 20_000;

interface Area {
	readonly start: number;
	readonly end: number;
	readonly rss: number;
	readonly text: string;
}

/** The mappings with their Rss, as smaps says. */
function areasOf(pid: number): readonly Area[] {
	const areas: Area[] = [];
	for (const part of readFileSync(`/proc/${pid}/smaps`, "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
		const [, start, end, text] = part.match(/^([0-9a-f]+)-([0-9a-f]+) (.*)$/m) ?? [];
		if (start === undefined || end === undefined || text === undefined) continue;
		const rss = Number(part.match(/^Rss:\s+(\d+) kB$/m)?.[1]) * 1024;
		areas.push({ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), rss, text });
	}
	return areas;
}

/** Present pages according to pagemap, the zero page's mappings included. */
function presentPages(pid: number, area: { readonly start: number; readonly end: number }): number {
	const count = (area.end - area.start) / pageSize;
	const dd = spawnSync(
		"dd",
		[`if=/proc/${pid}/pagemap`, "bs=8", `skip=${area.start / pageSize}`, `count=${count}`, "status=none"],
		{ maxBuffer: 64 * MiB },
	);
	let present = 0;
	for (let i = 0; i < count; i++) if (((dd.stdout[i * 8 + 7] ?? 0) & 0x80) !== 0) present++;
	return present;
}

function open(pid: number): ProcessMemory {
	const memory = openProcessMemory(pid);
	assert.ok(!isUnavailable(memory), JSON.stringify(memory));
	return memory;
}

function openSafe(pid: number, options?: SafeMemoryOptions): SafeMemory {
	const memory = openSafeMemory(pid, options);
	assert.ok(!isUnavailable(memory), JSON.stringify(memory));
	return memory;
}

/**
 * A process with 96 MiB of anonymous memory, of which the pages at 16 MiB to 17 MiB were written (with 0x5a) and all
 * others never touched. Its two-step timer keeps it alive.
 */
const holder = `
	const bytes = new Uint8Array(${96 * MiB});
	bytes.fill(0x5a, ${16 * MiB}, ${17 * MiB});
	setInterval(() => bytes.length, 1000);
	console.log("ready");`;

describe("reading a live process", () => {
	let target: TestTarget;
	let area: Area;
	/** address of the first written page */
	let written: number;

	before(async () => {
		target = await startNode(holder);
		// so that the process itself adds nothing: every thread of it
		await halted(target.pid);
		const found = areasOf(target.pid).find(
			(a) => a.end - a.start >= 96 * MiB && a.rss >= MiB && / 00:00 0\s*$/.test(a.text),
		);
		assert.ok(found, "the mapping of the array");
		area = found;
		const memory = openSafe(target.pid);
		const byte = new Uint8Array(1);
		written = -1;
		for (let at = area.start; at < area.end && written < 0; at += pageSize) {
			if (memory.readInto(at, byte) === 1 && byte[0] === 0x5a) written = at;
		}
		memory.close();
		assert.ok(written >= 0);
	});
	after(() => target.end());

	it("returns what is there, over many chunks, and counts it", () => {
		const memory = open(target.pid);
		const bytes = new Uint8Array(5 * MiB);
		assert.equal(memory.readInto(written - 2 * MiB, bytes), bytes.length);
		// the array's data may begin within the first page, so the ends are left out
		assert.ok(bytes.subarray(2 * MiB + pageSize, 3 * MiB - pageSize).every((byte) => byte === 0x5a));
		assert.ok(bytes.subarray(0, 2 * MiB - pageSize).every((byte) => byte === 0));
		assert.equal(memory.bytesRead, bytes.length);
		assert.equal(memory.calls, 5);
		memory.close();
		assert.throws(() => memory.readInto(written, bytes), /after close/);
	});

	it("returns a short count where the mapping ends, and 0 where nothing is", () => {
		const memory = open(target.pid);
		const areas = areasOf(target.pid);
		const last = areas.find((a, i) => (areas[i + 1]?.start ?? 0) > a.end + MiB && a.text.startsWith("r"));
		assert.ok(last);
		const bytes = new Uint8Array(2 * pageSize);
		assert.equal(memory.readInto(last.end - 100, bytes), 100);
		for (const offset of [0, -1, 1.5, last.end, 2 ** 52, 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY]) {
			assert.equal(memory.readInto(offset, bytes), 0, String(offset));
		}
		memory.close();
	});

	it("never touches an absent page through SafeMemory, where a plain read does", () => {
		const untouched = { start: written + 40 * MiB, end: written + 42 * MiB };
		const bytes = new Uint8Array(2 * MiB);

		const before = presentPages(target.pid, area);
		const safe = openSafe(target.pid);
		assert.equal(safe.readInto(untouched.start, bytes), 0);
		assert.equal(safe.readInto(written + pageSize, bytes.subarray(0, pageSize)), pageSize);
		assert.equal(safe.readInto(area.start, bytes.subarray(0, 100)) <= 100, true);
		assert.equal(presentPages(target.pid, area), before, "no page came in");
		assert.equal(safe.bytesRead <= pageSize + 100, true, "nothing but resident bytes was asked for");

		const plain = open(target.pid);
		assert.equal(plain.readInto(untouched.start, bytes), bytes.length);
		const after = presentPages(target.pid, area);
		assert.ok(after >= before + 1, `zero pages were mapped: ${before} -> ${after}`);
		assert.equal(presentPages(target.pid, untouched), (2 * MiB) / pageSize);
		safe.close();
		plain.close();
	});

	it("leaves Rss and file pages as they were while it sweeps every mapping", () => {
		const rollup = (): number =>
			Number(readFileSync(`/proc/${target.pid}/smaps_rollup`, "utf8").match(/^Rss:\s+(\d+)/m)?.[1]);
		const areas = areasOf(target.pid).filter((a) => a.end < 2 ** 47);
		const before = rollup();
		const safe = openSafe(target.pid);
		let got = 0;
		const page = new Uint8Array(pageSize);
		for (const a of areas) {
			if (a.end - a.start > 256 * MiB) continue;
			for (let at = a.start; at < a.end; at += pageSize) got += safe.readInto(at, page);
		}
		assert.equal(rollup(), before);
		assert.ok(got > 20 * MiB, `${got} bytes were read`);
		// the same with plain reads of the program's text brings file pages in: the assertion above can fail
		const plain = open(target.pid);
		const text = areas.find((a) => a.text.startsWith("r-xp") && a.text.includes("/node") && a.rss < a.end - a.start);
		assert.ok(text, "a program text that is not all resident");
		const all = new Uint8Array(text.end - text.start);
		assert.equal(plain.readInto(text.start, all), all.length);
		assert.ok(rollup() > before);
		safe.close();
		plain.close();
	});

	it("reads never-touched pages as zeros where told that they are, without touching them", () => {
		const untouched = { start: written + 50 * MiB, end: written + 52 * MiB };
		const safe = openSafe(target.pid, {
			// two mappings that touch, then a hole
			zeroWhereAbsent: [
				{ start: area.start, end: untouched.start + MiB },
				{ start: untouched.start + MiB, end: untouched.end },
			],
		});
		const bytes = new Uint8Array(4 * MiB).fill(1);
		assert.equal(safe.readInto(untouched.start + 10, bytes), 2 * MiB - 10);
		assert.ok(bytes.subarray(0, 2 * MiB - 10).every((byte) => byte === 0));
		assert.equal(bytes[2 * MiB - 10], 1, "nothing is written beyond the count");
		assert.equal(presentPages(target.pid, untouched), 0);
		assert.equal(safe.bytesRead, 0);
		// across the border between present and absent
		assert.equal(safe.readInto(written - MiB, bytes), bytes.length);
		assert.ok(bytes.subarray(MiB + pageSize, 2 * MiB - pageSize).every((byte) => byte === 0x5a));
		assert.equal(bytes[0], 0);
		safe.close();
	});

	it("sees pages that came in after invalidate", async () => {
		await using toggler = await startNode(`
			const bytes = new Uint8Array(${96 * MiB});
			process.stdin.on("data", () => { bytes.fill(0x77); console.log("filled"); });
			console.log("ready");`);
		const found = areasOf(toggler.pid).find(
			(a) => a.end - a.start >= 96 * MiB && / 00:00 0\s*$/.test(a.text) && a.rss < MiB,
		);
		assert.ok(found);
		const at = found.start + 48 * MiB;
		const safe = openSafe(toggler.pid);
		const byte = new Uint8Array(1);
		assert.equal(safe.readInto(at, byte), 0);
		const { stdin, stdout } = toggler.child;
		assert.ok(stdin !== null && stdout !== null);
		const filled = once(stdout, "data");
		stdin.write("x");
		await filled; // the page is there before its bytes are
		assert.equal(presentPages(toggler.pid, { start: at, end: at + pageSize }), 1);
		assert.equal(safe.readInto(at, byte), 0, "still what the window said");
		safe.invalidate();
		assert.equal(safe.readInto(at, byte), 1);
		assert.equal(byte[0], 0x77);
		safe.close();
	});

	it("reads 0 bytes once the process has ended, and cannot be opened then", async () => {
		const ending = await startNode(holder);
		const memory = open(ending.pid);
		const safe = openSafe(ending.pid);
		const [first] = areasOf(ending.pid);
		assert.ok(first);
		const bytes = new Uint8Array(100);
		assert.equal(memory.readInto(first.start, bytes), 100);
		await ending.end();
		assert.equal(memory.readInto(first.start, bytes), 0);
		assert.equal(safe.readInto(first.start, bytes), 0);
		memory.close();
		safe.close();
		const again = openProcessMemory(ending.pid);
		assert.ok(isUnavailable(again));
		assert.match(again.unavailable, /has ended/);
	});
});

describe("a process whose first thread has exited", () => {
	it("is read through another thread", async (t) => {
		const folder = mkdtempSync(join(tmpdir(), "gomem-leader-"));
		try {
			writeFileSync(
				join(folder, "leader.c"),
				`#include <pthread.h>
				#include <stdio.h>
				#include <unistd.h>
				char mark[] = "still here";
				static void *stay(void *x) { usleep(20000); printf("%p\\n", (void *)mark); fflush(stdout); pause(); return x; }
				int main(void) { pthread_t t; pthread_create(&t, 0, stay, 0); pthread_exit(0); }`,
			);
			const made = spawnSync("cc", ["-pthread", "-o", join(folder, "leader"), join(folder, "leader.c")]);
			if (made.status !== 0) return t.skip("needs a C compiler");
			await using target = await startTarget(join(folder, "leader"), []);
			await until(() => stateOf(target.pid) === "Z", LATEST_MS, "the first thread is a zombie");
			assert.notEqual(memoryTask(target.pid), target.pid);
			for (const memory of [open(target.pid), openSafe(target.pid)]) {
				const bytes = new Uint8Array(10);
				assert.equal(memory.readInto(Number(target.said), bytes), 10);
				assert.equal(Buffer.from(bytes).toString(), "still here");
				memory.close();
			}
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});
