/** Mappings that neither Go's runtime nor glibc's malloc makes: the race detector's, and other allocators'. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { test } from "node:test";
import { operation } from "../../src/api/maps.ts";
import type { MapsResult } from "../../src/api/maps-shape.ts";
import { documentOf } from "../operations.ts";
import { halted } from "../settled.ts";
import { skipReason, startSubject } from "../subjects.ts";
import { startMmaps } from "./maps-program.ts";

const MiB = 2 ** 20;

const maps = async (pid: number): Promise<MapsResult> =>
	(await documentOf(operation, { target: String(pid) })) as unknown as MapsResult;

const bytes = (r: MapsResult, id: string): number =>
	r.owners.filter((o) => o.owner === id || o.owner.startsWith(`${id}.`)).reduce((n, o) => n + (o.rssBytes ?? 0), 0);

const hasCompiler = spawnSync("gcc", ["--version"]).status === 0;

test("a race build: shadow and metadata are the race detector's", {
	skip: hasCompiler ? false : "there is no C compiler",
	timeout: 300_000,
}, async () => {
	await using program = await startMmaps({ flags: ["-race"], env: { CGO_ENABLED: "1" } });
	await halted(program.pid);
	const r = await maps(program.pid);
	const shadow = r.mappings.filter((m) => m.owner === "runtime.race");
	assert.ok(shadow.length >= 2 && shadow.every((m) => /^0x[23][0-9a-f]{11}$/.test(m.start)));
	assert.ok(bytes(r, "runtime.race") > 256 * 1024);
	const pages = (list: readonly { readonly length: number }[]) =>
		list.reduce((n, m) => n + Math.ceil(m.length / 4096) * 4096, 0);
	assert.equal(bytes(r, "anon.mmap.syscall.Mmap"), pages(program.held.syscall));
	assert.equal(bytes(r, "anon.mmap.unix.Mmap"), pages(program.held.unix));
	// the detector allocates for itself, too; that is small
	const rest = bytes(r, "anon") - bytes(r, "anon.mmap.syscall.Mmap") - bytes(r, "anon.mmap.unix.Mmap");
	assert.ok(rest < 4 * MiB, `${rest} bytes of nobody`);
});

/** id: where its memory is told apart by place; guess: where all that is known is that it is loaded. */
const allocators = [
	{ name: "jemalloc", pattern: "libjemalloc.so.2", owner: "c.heap.jemalloc" },
	{ name: "tcmalloc", pattern: "libtcmalloc_minimal.so.4", owner: "c.heap" },
	{ name: "mimalloc", pattern: "libmimalloc.so.2", owner: "c.heap" },
] as const;

for (const { name, pattern, owner } of allocators) {
	const library = globSync(`/usr/lib/*-linux-gnu/${pattern}`)[0];
	const skip = library === undefined ? `${name} is not installed` : ((await skipReason("cheap")) ?? false);
	test(`C memory of ${name} is C's`, { skip }, async () => {
		await using subject = await startSubject("cheap", { mode: "cgo", env: { LD_PRELOAD: library ?? "" } });
		await subject.stop();
		const r = await maps(subject.pid);
		const held = Number(subject.holds["cBytes"]);
		const told = bytes(r, owner);
		assert.ok(told > held - MiB / 2 && told < held * 1.2 + 6 * MiB, `${owner}: ${told} of ${held}`);
		assert.ok(bytes(r, "anon") < MiB, `anon: ${bytes(r, "anon")}`);
		assert.ok(bytes(r, "threads") < MiB, `threads: ${bytes(r, "threads")}`);
		const named = r.mappings.filter((m) => m.owner === owner && (m.rssBytes ?? 0) > MiB);
		assert.ok(named.length > 0 && named.every((m) => m.name.includes("malloc") || m.name === "C heap (brk)"));
	});
}
