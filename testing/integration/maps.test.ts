import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { operation } from "../../src/api/maps.ts";
import type { MapsResult } from "../../src/api/maps-shape.ts";
import { operation as whyOperation } from "../../src/api/why.ts";
import type { WhyResult } from "../../src/api/why-shape.ts";
import { startNode } from "../../src/capture/linux/test-target.ts";
import { documentOf, run } from "../operations.ts";
import { halted } from "../settled.ts";
import { skipReason, startSubject } from "../subjects.ts";
import { captured, folder } from "./captures.ts";
import { assertWhole, maps, ownerBytes, stopped, sum } from "./maps-truth.ts";
import { lineBytes } from "./why-truth.ts";

const why = async (pid: number): Promise<WhyResult> =>
	(await documentOf(whyOperation, { target: String(pid) })) as unknown as WhyResult;

interface PmapRow {
	readonly address: number;
	readonly kbytes: number;
	readonly rss: number;
	readonly dirty: number;
	readonly mode: string;
	readonly mapping: string;
}

function pmap(pid: number): PmapRow[] {
	const text = execFileSync("pmap", ["-x", String(pid)], { encoding: "utf8", maxBuffer: 1 << 28 });
	return text.split("\n").flatMap((line) => {
		const found = /^([0-9a-f]{16})\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S{5})\s+(.*?)\s*$/.exec(line);
		if (found === null) return [];
		const [, address = "", kbytes, rss, dirty, mode = "", mapping = ""] = found;
		return [
			{
				address: Number(`0x${address}`),
				kbytes: Number(kbytes),
				rss: Number(rss),
				dirty: Number(dirty),
				mode,
				mapping,
			},
		];
	});
}

function assertBetween(bytes = 0, least = Number.NaN, most = Number.NaN, what: string): void {
	assert.ok(bytes / 1024 >= least && bytes / 1024 <= most, `${what}: ${bytes} bytes, ${least} to ${most} kB by pmap`);
}

const hasPmap = ["/usr/bin/pmap", "/bin/pmap"].some((path) => existsSync(path));

test("pmap -x shows a subset: the same addresses, sizes, Rss and dirty pages", {
	skip: hasPmap ? ((await skipReason("threadstacks")) ?? false) : "pmap (procps) is not installed",
}, async () => {
	for (const name of ["filemap", "sharedmem", "manymaps", "threadstacks"]) {
		await using subject = await stopped(name, { mode: name === "threadstacks" ? "cgo" : "plain" });
		// vsyscall is at the end of the address space, where pmap has no words for it in some releases
		const theirs = () => pmap(subject.pid).filter((row) => row.address < 2 ** 63);
		const before = theirs();
		const r = await maps(subject.pid);
		const after = theirs();
		assertWhole(r, subject.pid);
		assert.ok(before.length > 20, "pmap was understood");
		const ours = r.mappings.filter((m) => m.path !== "[vsyscall]");
		for (const rows of [before, after]) {
			assert.deepEqual(
				ours.map((m) => [m.start, m.sizeBytes / 1024, m.permissions.replace("p", "-")]),
				rows.map((row) => [`0x${row.address.toString(16)}`, row.kbytes, row.mode.slice(0, 4)]),
				name,
			);
		}
		// the kernel may write pages of files back, and drop them, though the process stands still
		for (const [i, m] of ours.entries()) {
			const [was, is] = [before[i], after[i]];
			assertBetween(m.rssBytes, is?.rss, was?.rss, `${name}: Rss of ${m.start}`);
			assertBetween(m.dirtyBytes, is?.dirty, was?.dirty, `${name}: dirty pages of ${m.start}`);
		}
		assert.ok(before.filter((row) => row.mapping.includes("anon")).length > 3);
	}
});

test("the owners have what the lines of why have, and what the subject says it holds", {
	skip: (await skipReason("cheap")) ?? false,
}, async () => {
	const MiB = 2 ** 20;
	const subjects: readonly (readonly [
		name: string,
		owner: string,
		bytes: (holds: Record<string, unknown>) => number,
	])[] = [
		["anonmap", "anon.mmap.syscall.Mmap", (holds) => Number(holds["anonymousBytes"])],
		["manymaps", "anon.mmap.syscall.Mmap", (holds) => Number(holds["anonymousBytes"])],
		["filemap", "files", () => 48 * MiB],
		["sharedmem", "shared", (holds) => Number(holds["sharedBytes"])],
	];
	for (const [name, owner, held] of subjects) {
		await using subject = await stopped(name);
		const r = await maps(subject.pid);
		assertWhole(r, subject.pid);
		assert.equal(ownerBytes(r, owner), held(subject.holds), `${name}: ${owner}`);
		const ledger = await why(subject.pid);
		for (const id of ["binary", "c", "threads", "libs", "files", "shared", "anon"])
			assert.equal(ownerBytes(r, id), lineBytes(ledger, id), `${name}: ${id}`);
		assert.equal(
			ownerBytes(r, "heap") + ownerBytes(r, "runtime"),
			lineBytes(ledger, "heap") + lineBytes(ledger, "stacks") + lineBytes(ledger, "runtime") + ledger.residualBytes,
			`${name}: Go's own`,
		);
	}
	await using c = await stopped("cheap", { mode: "cgo" });
	const r = await maps(c.pid);
	assertWhole(r, c.pid);
	assert.ok(Math.abs(ownerBytes(r, "c.heap") - Number(c.holds["cBytes"])) < 6 * MiB);
});

test("threads' stacks by their thread, with guards; Go's arenas, metadata and the binary by name", {
	skip: (await skipReason("threadstacks")) ?? false,
}, async () => {
	await using subject = await stopped("threadstacks", { mode: "cgo" });
	const r = await maps(subject.pid);
	const names = (owner: string) => r.mappings.filter((m) => m.owner === owner).map((m) => m.name);
	const told = names("threads.stacks").flatMap((name) => /^stack of thread (\d+)$/.exec(name)?.[1] ?? []);
	const tids = new Set(execFileSync("ls", [`/proc/${subject.pid}/task`], { encoding: "utf8" }).split("\n"));
	assert.ok(told.length >= 30 && told.every((tid) => tids.has(tid)), `threads: ${told.join(" ")}`);
	assert.equal(new Set(told).size, told.length, "each thread once");
	assert.ok(names("threads.stacks").includes("guard of a thread's stack"));
	assert.ok(names("threads.stacks").includes("stack of the main thread"));
	assert.ok(names("heap").every((name) => name === "Go heap arena") && names("heap").length > 0);
	assert.ok(names("binary.text").includes(subject.path));
	assert.ok(names("binary.data").includes(`${subject.path} (bss)`));
	assert.ok(r.owners.some((o) => o.owner === "libs.libc.so.6"));
	assert.ok(r.owners.some((o) => o.owner.startsWith("runtime.metadata.page-summary")));
	await assert.rejects(maps(subject.pid, { owner: "bogus" }), {
		code: "owner-unknown",
		hint: /^owners here are .*\bbinary\.text, .*\bheap, .*\bthreads\.stacks/,
	});
	const only = await maps(subject.pid, { owner: "threads", all: true });
	assert.ok(only.mappings.every((m) => m.owner === "threads.stacks" && m.counters !== undefined));
	assert.equal(only.rssBytes, r.rssBytes);
});

test("growth between readings: against a saved document, a capture, and within --every", async () => {
	const MiB = 2 ** 20;
	await using subject = await startSubject("anonmap");
	const json = join(folder, "before.json");
	const before = await maps(subject.pid);
	writeFileSync(json, JSON.stringify(before));
	const { path: bundle } = await captured("maps-before.gomem", { target: String(subject.pid) });
	await subject.ask("grow 16");
	await subject.stop();
	for (const [baseline, then] of [
		[json, before],
		[bundle, await maps(bundle)],
	] as const) {
		const after = await maps(subject.pid, { baseline });
		const owner = after.owners.find((o) => o.owner === "anon.mmap.syscall.Mmap");
		assert.equal(owner?.growthRssBytes, 16 * MiB);
		assert.equal(owner?.growthSizeBytes, 16 * MiB);
		// the rest of the process may have grown too, or shrunk
		assert.equal(after.growth?.rssBytes, (after.rssBytes ?? 0) - (then.rssBytes ?? 0));
		// the kernel may have joined the new one with a block of the runtime's
		const changed = after.mappings.filter((m) => m.change !== undefined && m.owner === "anon.mmap.syscall.Mmap");
		const grown = sum(changed, (m) => m.change?.rssBytes);
		assert.ok(grown >= 16 * MiB && grown < 17 * MiB, `${grown} bytes`);
		assert.equal(
			sum(after.mappings, (m) => m.change?.rssBytes) - sum(after.growth.gone, (m) => m.rssBytes),
			after.growth.rssBytes,
		);
	}
	await assert.rejects(maps(subject.pid, { baseline: "/proc/version" }), { code: "baseline-unreadable" });
	await assert.rejects(maps(subject.pid, { baseline: join(folder, "none.json") }), { code: "baseline-unreadable" });
	writeFileSync(json, JSON.stringify(await maps(subject.pid, { owner: "anon" })));
	await assert.rejects(maps(subject.pid, { baseline: json }), { code: "baseline-unreadable" });
});

test("a capture gives what the live process gave, pseudonyms and pids of threads aside", async () => {
	await using subject = await stopped("anonmap");
	const live = await maps(subject.pid);
	const { path } = await captured("maps-replay.gomem", { target: String(subject.pid), full: true });
	const replayed = await maps(path);
	assert.deepEqual(replayed.mappings, live.mappings);
	assert.deepEqual(replayed.owners, live.owners);
	assert.equal(replayed.rssBytes, live.rssBytes);
});

test("--every: each reading against the first one", async () => {
	await using subject = await startSubject("anonmap");
	const outcome = await run(operation, { target: String(subject.pid), every: "200ms" });
	assert.ok(outcome.kind === "documents");
	const seen: MapsResult[] = [];
	for await (const document of outcome.documents) {
		seen.push(document as unknown as MapsResult);
		if (seen.length === 1) await subject.ask("grow 8");
		if (seen.length === 3) break;
	}
	assert.deepEqual([seen.length, seen[0]?.growth], [3, undefined]);
	for (const later of seen.slice(1)) {
		const owner = later.owners.find((o) => o.owner === "anon.mmap.syscall.Mmap");
		assert.equal(owner?.growthRssBytes, 8 * 2 ** 20);
	}
});

test("not a Go program: everything is owned all the same", async () => {
	await using node = await startNode('console.log("ready"); process.stdin.resume();');
	await halted(node.pid);
	const r = await maps(node.pid);
	assertWhole(r, node.pid);
	for (const owner of ["binary.text", "binary.data", "c.heap", "libs.libc.so.6", "threads.stacks", "anon.all"])
		assert.ok(ownerBytes(r, owner) > 0, owner);
	assert.ok(r.unavailable.some((u) => /not a Go program/.test(u.why)));
});
