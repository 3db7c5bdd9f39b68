import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { madeUpProfile, runtimeProfiles } from "./pprof-corpus.ts";
import { parked, until } from "./settled.ts";
import { memoryOf, presentIn, smapsOf, smapsSum, statusOf } from "./subject-proc.ts";
import {
	defaultGo,
	goVersions,
	type RunningSubject,
	type StartOptions,
	type SubjectMapping,
	skipReason,
	startSubject,
	subjectNames,
	toolchain,
} from "./subjects.ts";

// What each subject says of itself against the kernel's figures and MemStats: on the default release, in CI on all of
// goVersions, or on those that GOMEM_TEST_GO names ("1.24.13,1.26.8").

const mib = 1 << 20;

const named = process.env["GOMEM_TEST_GO"]?.split(",");
const releases = named ?? (process.env["CI"] ? goVersions : [defaultGo]);

const tested = new Set<string>();

function subject(name: string, check: (running: RunningSubject) => Promise<void>, options: StartOptions = {}): void {
	tested.add(name);
	for (const go of releases) {
		it(`${name} go${go}`, async (t) => {
			const reason = await skipReason(name, { ...options, go });
			if (reason !== false) return t.skip(reason);
			await using running = await startSubject(name, { ...options, go });
			await check(running);
		});
	}
}

/** A number of the holds. */
function held(holds: unknown, name: string): number {
	const value = (holds as Record<string, unknown>)[name];
	assert.equal(typeof value, "number", `holds.${name} is ${value}`);
	return value as number;
}

function mappings(running: RunningSubject): readonly (SubjectMapping & { readonly start: number })[] {
	const list = running.holds["mappings"] as readonly SubjectMapping[];
	return list.map((mapping) => ({ ...mapping, start: Number(mapping.address) }));
}

function between(value: number, low: number, high: number, what: string): void {
	assert.ok(value >= low && value <= high, `${what} is ${value}, not within ${low}…${high}`);
}

describe("the Go heap", () => {
	subject("livemap", async ({ holds, pid }) => {
		const requested = held(holds, "liveBytesRequested");
		const heapAlloc = held(holds, "heapAlloc");
		assert.ok(requested >= 63 * mib);
		between(heapAlloc, requested, requested * 1.2, "HeapAlloc");
		assert.ok(smapsSum(pid, "Rss") > heapAlloc);
	});

	subject("livemap", async (running) => {
		const before = held(running.holds, "liveBytesRequested");
		assert.ok(held(await running.ask("grow 8"), "liveBytesRequested") >= before + 7 * mib);
		await running.ask("gc");
		const { HeapAlloc, HeapInuse, HeapObjects } = await running.memstats();
		assert.ok(HeapAlloc > 0.85 * HeapInuse, `${HeapAlloc} of ${HeapInuse}`);
		assert.ok(HeapObjects >= held(running.holds, "liveObjects"));
		const { rate, records } = (await running.ask("memprofile")) as { rate: number; records: { functions: string[] }[] };
		assert.equal(rate, 512 * 1024);
		assert.ok(records.some(({ functions }) => functions.some((name) => name.endsWith("orders.(*Live).addBuffer"))));
	});

	subject("noprofile", async (running) => {
		between(held(running.holds, "heapAlloc"), 63 * mib, 76 * mib, "HeapAlloc");
		await assert.rejects(running.ask("memprofile"), /no command "memprofile"/);
		// The linker has written it (cmd/link, data.go): what the runtime takes for "sample nothing".
		const disabled = await addressOf(running.path, "runtime.disableMemoryProfiling");
		const rate = await addressOf(running.path, "runtime.MemProfileRate");
		assert.equal(memoryOf(running.pid, disabled, 1)[0], 1);
		assert.equal(memoryOf(running.pid, rate, 8).readBigUInt64LE(), 0n);
	});

	subject("garbage", async (running) => {
		const garbage = held(running.holds, "garbageBytesRequested");
		const before = await running.memstats();
		assert.equal(before.NumGC, 1);
		between(before.HeapAlloc, garbage, garbage * 1.05 + 2 * mib, "HeapAlloc");
		assert.ok(statusOf(running.pid, "RssAnon") > garbage);
		await running.ask("gc");
		assert.ok((await running.memstats()).HeapAlloc < 2 * mib);
	});

	subject("fragmentation", async (running) => {
		const { HeapAlloc, HeapInuse } = await running.memstats();
		assert.ok(HeapInuse > held(running.holds, "allocatedBytes") * 0.95);
		assert.ok(HeapInuse - HeapAlloc > 0.85 * HeapInuse, `${HeapAlloc} of ${HeapInuse}`);
		assert.ok(statusOf(running.pid, "RssAnon") > 0.95 * HeapInuse);
	});

	subject("idle", async (running) => {
		const idle = held(running.holds, "idleBytes");
		await sleep(1500); // the background scavenger would have begun
		const { HeapIdle, HeapReleased, HeapInuse } = await running.memstats();
		assert.ok(HeapIdle - HeapReleased > 0.98 * idle, `idle ${HeapIdle}, of it released ${HeapReleased}`);
		assert.ok(HeapInuse < 2 * mib);
		assert.ok(statusOf(running.pid, "RssAnon") > 0.98 * idle);
	});

	subject("released", async (running) => {
		const { HeapSys, HeapIdle, HeapReleased } = await running.memstats();
		assert.ok(HeapSys > held(running.holds, "releasedBytes"));
		assert.ok(HeapReleased > 0.98 * HeapIdle);
		assert.ok(statusOf(running.pid, "RssAnon") < 12 * mib);
	});

	subject("hugepages", async (running) => {
		if (running.holds["unsupported"] !== undefined) assert.fail(String(running.holds["unsupported"]));
		const surplus = held(running.holds, "surplusBytes");
		assert.ok(held(running.holds, "hugeRegions") >= 24);
		assert.equal(smapsSum(running.pid, "AnonHugePages"), held(running.holds, "hugeRegions") * 2 * mib);
		const { HeapSys, HeapReleased, HeapIdle } = await running.memstats();
		assert.ok(HeapReleased > 0.98 * HeapIdle);
		// Resident beyond what the runtime believes its heap to be.
		assert.ok(surplus > 0.98 * held(running.holds, "hugeRegions") * 2 * mib);
		assert.ok(statusOf(running.pid, "RssAnon") > HeapSys - HeapReleased + surplus);
	});

	subject("churn", async (running) => {
		const before = await running.memstats();
		const after = await until("it has allocated and collected", async () => {
			const now = await running.memstats();
			return now.TotalAlloc - before.TotalAlloc > 16 * mib && now.NumGC > before.NumGC ? now : undefined;
		});
		between(after.HeapAlloc, 0.8 * held(running.holds, "liveBytesRequested"), 160 * mib, "HeapAlloc");
	});

	subject(
		"slowleak",
		async (running) => {
			await running.ask("gc");
			const before = await running.memstats();
			for (let i = 0; i < 4; i++) await running.ask("step");
			await running.ask("gc");
			between((await running.memstats()).HeapAlloc - before.HeapAlloc, 4 * mib - 64 * 1024, 4.1 * mib, "the leak");
		},
		{ args: ["-rate", "0"] },
	);

	subject(
		"slowleak",
		async (running) => {
			const before = held(await running.ask("holds"), "leakedBytes");
			await until("it has leaked", async () => held(await running.ask("holds"), "leakedBytes") > before + mib);
		},
		{ args: ["-rate", String(8 * mib)] },
	);

	subject(
		"cache",
		async (running) => {
			for (let i = 0; i < 8; i++) await running.ask("step");
			await running.ask("gc");
			const full = await running.memstats();
			between(full.HeapAlloc, 32 * mib, 36 * mib, "HeapAlloc when full");
			for (let i = 0; i < 8; i++) await running.ask("step");
			await running.ask("gc");
			assert.ok(Math.abs((await running.memstats()).HeapAlloc - full.HeapAlloc) < mib);
			assert.equal(held(await running.ask("holds"), "cachedBytes"), 32 * mib);
		},
		{ args: ["-rate", "0"] },
	);

	subject("nestedjson", async ({ holds }) => {
		assert.ok(held(holds, "heapAlloc") > 5 * held(holds, "textBytes"));
	});
});

describe("stacks and threads", () => {
	subject("goroutines", async (running) => {
		const { total, groups } = await parked(running);
		assert.equal(total, 20_001);
		const said = running.holds["groups"] as readonly { function: string; wait: string; count: number }[];
		assert.equal(said.length, 8);
		for (const { function: name, wait, count } of said) {
			assert.deepEqual(
				groups.filter((group) => group.function === name),
				[{ function: name, createdBy: "main.start", state: wait, count }],
			);
		}
		const { StackInuse } = await running.memstats();
		between(StackInuse, 20_000 * 2048, 20_000 * 2048 + 8 * mib, "StackInuse");
		const { text } = (await running.ask("pprof goroutine")) as { text: string };
		assert.match(text, /^goroutine profile: total 20001\n7920 @/);
		await running.ask("step");
		assert.equal((await running.goroutines()).total, 20_101);
	});

	subject("deepstacks", async (running) => {
		const stacks = held(running.holds, "stackBytes");
		assert.equal(stacks, 32 * (64 + 128 + 256) * 1024);
		between((await running.memstats()).StackInuse, stacks, stacks + mib, "StackInuse");
	});

	subject("threadstacks", async (running) => {
		const touched = held(running.holds, "touchedPerThread");
		const { pid } = running;
		assert.ok(statusOf(pid, "Threads") >= 32);
		// Guards keep the stacks apart. The main thread may be one of those that were blocked.
		const deep = smapsOf(pid).filter(
			({ path, bytes }) => (path === "" || path === "[stack]") && (bytes["Rss"] ?? 0) >= touched,
		);
		assert.ok(deep.length >= 32, `${deep.length} mappings`);
		assert.ok(statusOf(pid, "RssAnon") > held(running.holds, "threadStackBytes"));
		assert.equal((await running.memstats()).StackInuse < 4 * mib, true);
		const { groups } = await running.goroutines();
		assert.equal(groups.find((group) => group.state === "syscall")?.count, 16);
	});
});

describe("beyond Go's runtime", () => {
	subject("anonmap", async (running) => {
		for (const { start, length, touched } of mappings(running)) {
			assert.equal(presentIn(running.pid, start, length), touched);
		}
		assert.ok(statusOf(running.pid, "RssAnon") >= held(running.holds, "anonymousBytes"));
		assert.ok((await running.memstats()).Sys < 16 * mib);
		await running.ask("grow 8");
		assert.ok(statusOf(running.pid, "RssAnon") >= 40 * mib);
	});

	subject("filemap", async (running) => {
		const [read, written, copied] = mappings(running).map((mapping) => {
			const vmas = smapsOf(running.pid).filter((vma) => vma.path === mapping.path);
			assert.deepEqual(
				vmas.map((vma) => vma.start),
				[mapping.start],
			);
			return vmas[0]?.bytes ?? {};
		});
		assert.deepEqual([read?.["Rss"], written?.["Rss"], copied?.["Rss"]], [16 * mib, 16 * mib, 16 * mib]);
		assert.deepEqual([read?.["Anonymous"], written?.["Anonymous"], copied?.["Anonymous"]], [0, 0, 8 * mib]);
		const status = running.holds["tmpfs"] === true ? "RssShmem" : "RssFile";
		assert.ok(statusOf(running.pid, status) >= held(running.holds, "fileBytes"));
	});

	subject("sharedmem", async (running) => {
		for (const { start, length, touched, path } of mappings(running)) {
			assert.equal(presentIn(running.pid, start, length), touched);
			const vma = smapsOf(running.pid).find((one) => one.start <= start && start < one.end);
			assert.ok(path === undefined || vma?.path.startsWith(path), `${vma?.path}`);
		}
		assert.equal(statusOf(running.pid, "RssShmem"), held(running.holds, "sharedBytes"));
	});

	subject("cheap", async (running) => {
		const c = held(running.holds, "cBytes");
		const info = running.holds["mallinfo"] as { arena: number; hblkhd: number; uordblks: number };
		if (info.arena > 0) assert.ok(info.uordblks + info.hblkhd >= c);
		assert.ok(statusOf(running.pid, "RssAnon") > c);
		assert.ok(smapsSum(running.pid, "Rss", (vma) => vma.path === "[heap]") > c / 3);
		assert.ok((await running.memstats()).Sys < 16 * mib);
	});

	subject(
		"cheap",
		async (running) => {
			const info = running.holds["mallinfo"] as { arena: number; fordblks: number };
			assert.ok(held(running.holds, "cFreedBytes") > 15 * mib);
			if (info.arena > 0) assert.ok(info.fordblks > held(running.holds, "cFreedBytes"));
			assert.ok(statusOf(running.pid, "RssAnon") > 48 * mib);
		},
		{ args: ["-drop"] },
	);

	subject("globals", async (running) => {
		const globals = running.holds["globals"] as readonly (SubjectMapping & { name: string; section: string })[];
		for (const { name, address, length } of globals) {
			assert.equal(await addressOf(running.path, name), Number(address));
			assert.ok(presentIn(running.pid, Number(address), length) >= length);
		}
		assert.ok(statusOf(running.pid, "RssAnon") > 4 * mib + 24 * mib + 4 * mib);
		assert.ok(statusOf(running.pid, "RssFile") > 4 * mib);
		assert.ok((await running.memstats()).Sys < 16 * mib);
	});

	subject("manymaps", async (running) => {
		const start = Number(running.holds["address"]);
		const end = start + held(running.holds, "length");
		const vmas = smapsOf(running.pid).filter((vma) => vma.start >= start && vma.start < end);
		assert.equal(vmas.length, held(running.holds, "mappingsMade"));
		assert.equal(presentIn(running.pid, start, end - start), held(running.holds, "anonymousBytes"));
	});

	for (const mode of ["plain", "cgo"] as const) {
		subject("mixed", (running) => checkMixed(running, mode), { mode });
	}
});

async function checkMixed(running: RunningSubject, mode: "plain" | "cgo"): Promise<void> {
	const { holds, pid } = running;
	const { StackInuse, HeapAlloc } = await running.memstats();
	const rss = smapsSum(pid, "Rss");
	assert.ok(StackInuse >= held(holds, "stackBytes"));
	assert.ok(HeapAlloc >= held(holds, "liveBytesRequested") + held(holds, "garbageBytesRequested"));
	assert.equal(held(holds, "cBytes") > 0, mode === "cgo");
	const groups = ["liveBytesRequested", "garbageBytesRequested", "stackBytes", "globalBytes", "cBytes"];
	let sum = 0;
	for (const bytes of [
		...groups.map((name) => held(holds, name)),
		...mappings(running).map(({ touched }) => touched),
	]) {
		assert.ok(bytes < rss / 3, `${bytes} of ${rss}`);
		sum += bytes;
	}
	between(sum, rss * 0.7, rss, "the sum of the groups");
}

tested.add("profiles");
it("profiles writes the runtime's profiles and made-up ones, and ends", async (t) => {
	const reason = await skipReason("profiles");
	if (reason !== false) return t.skip(reason);
	const folder = await runtimeProfiles();
	for (const name of ["heap", "allocs", "goroutine", "threadcreate", "mutex", "block", "cpu"]) {
		assert.ok(statSync(join(folder, `${name}.pb.gz`)).size > 100, name);
	}
	const made = gunzipSync(readFileSync(await madeUpProfile(5_000)));
	between(made.length, 5_000 * 60, 5_000 * 140, "the bytes of 5,000 stacks");
	const even = gunzipSync(readFileSync(await madeUpProfile(5_000, "even")));
	between(even.length, 5_000 * 160, 5_000 * 260, "the bytes of 5,000 stacks of 5,000 functions");
});

for (const name of ["allocsites", "stackshapes"]) {
	tested.add(name);
	it(`${name} writes its profiles in full`, async (t) => {
		const reason = await skipReason(name);
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject(name);
		const { base64 } = (await subject.ask("proto goroutine")) as { base64: string };
		assert.ok(gunzipSync(Buffer.from(base64, "base64")).includes("gomem.test/subjects/truth.Serve"));
	});
}

it("no subject is without a test", () => {
	assert.deepEqual([...tested].sort(), subjectNames());
});

/** Where `go tool nm` says a symbol lies; for programs that are not position-independent, where it is. */
async function addressOf(program: string, symbol: string): Promise<number> {
	const { go, env } = await toolchain();
	const lines = execFileSync(go, ["tool", "nm", program], { env, encoding: "utf8", maxBuffer: 64 * mib });
	const line = lines.split("\n").find((one) => one.endsWith(` ${symbol}`));
	assert.ok(line !== undefined, `no symbol ${symbol}`);
	return Number.parseInt(line.trim(), 16);
}
