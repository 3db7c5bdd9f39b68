import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { test } from "node:test";
import { halted } from "../../../testing/settled.ts";
import { RepeatedPfns, ResidencyBuilder } from "./pagemap.ts";
import { deserialiseResidency, serialiseResidency } from "./residency-codec.ts";
import { parseSmaps, type SmapsEntry } from "./smaps.ts";

const KPF_ZERO_PAGE = 24;

/** A process with memory of every kind that is easily had: 24 MiB read and never written, among others. */
const CHILD = `
const zeros = Buffer.alloc(24 << 20);
let sum = 0;
for (let i = 0; i < zeros.length; i += 4096) sum += zeros[i];
for (let i = 0; i < 4 << 20; i += 8192) zeros[i] = 1;
process.stdout.write("ready");
setInterval(() => zeros[0], 60000);
`;

function pread(fd: number, position: number, length: number): Uint8Array {
	const bytes = new Uint8Array(length);
	return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}

function* blocks(fd: number, entries: readonly SmapsEntry[]): Generator<[start: number, entries: Uint8Array]> {
	for (const entry of entries) {
		if (entry.kind === "vsyscall" || (entry.rss === 0 && entry.kind !== "anon")) continue;
		for (let start = entry.start; start < entry.end; start += 4096 * 4096) {
			const pages = Math.min(4096, (entry.end - start) / 4096);
			yield [start, pread(fd, (start / 4096) * 8, pages * 8)];
		}
	}
}

async function stopped(child: ChildProcess): Promise<void> {
	await new Promise<void>((done) => child.stdout?.once("data", () => done()));
	assert.ok(child.pid !== undefined);
	await halted(child.pid);
}

test("live: present pages without zero pages are Rss, mapping by mapping", async (t) => {
	const child = spawn(process.execPath, ["-e", CHILD], { stdio: ["ignore", "pipe", "inherit"] });
	try {
		await stopped(child);
		const entries = parseSmaps(readFileSync(`/proc/${child.pid}/smaps`, "utf8"));
		const pagemap = openSync(`/proc/${child.pid}/pagemap`, "r");
		const repeated = new RepeatedPfns();
		for (const [, block] of blocks(pagemap, entries)) repeated.add(block);
		const zero = zeroPages(repeated.candidates());
		if (zero === undefined) return t.skip("page frame numbers or /proc/kpageflags are not readable here (needs root)");
		const builder = new ResidencyBuilder({ zeroPfn: (pfn) => zero.has(pfn) });
		for (const [start, block] of blocks(pagemap, entries)) builder.add(start, block);
		closeSync(pagemap);
		const residency = builder.build();
		let different = 0;
		for (const entry of entries) {
			if (entry.kind === "vvar" || entry.kind === "vsyscall") continue; // present without being in Rss
			if (residency.residentBytesIn(entry.start, entry.end) !== entry.rss) different++;
		}
		assert.equal(different, 0, "mappings whose resident bytes differ from Rss");
		assert.ok(residency.counts.zero * 4096 >= 16 << 20, `${residency.counts.zero} zero pages`);
		const serial = serialiseResidency(residency);
		assert.deepEqual(deserialiseResidency(serial), residency);
		assert.ok(serial.length < 8 * residency.runCount + 32);
		const rss = entries.reduce((sum, entry) => sum + entry.rss, 0);
		t.diagnostic(
			`Rss ${rss} B in ${entries.length} mappings, ${residency.runCount} runs, ${residency.counts.zero} zero pages, ` +
				`${serial.length} B serial`,
		);
	} finally {
		child.kill("SIGKILL");
	}
});

/** Those of the frames that are the kernel's zero pages; undefined where that cannot be known. */
function zeroPages(candidates: readonly number[]): Set<number> | undefined {
	if (candidates.length === 0) return undefined;
	try {
		const flags = openSync("/proc/kpageflags", "r");
		const zero = candidates.filter((pfn) => ((pread(flags, pfn * 8, 8)[KPF_ZERO_PAGE >> 3] ?? 0) & 1) === 1);
		closeSync(flags);
		return new Set(zero);
	} catch {
		return undefined;
	}
}
