import assert from "node:assert/strict";
import { test } from "node:test";
import { operation } from "../../src/api/maps.ts";
import type { MapsResult } from "../../src/api/maps-shape.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { mmapRegistries, type ProgramMmaps } from "../../src/goruntime/mmap-registries.ts";
import { documentOf } from "../operations.ts";
import { halted } from "../settled.ts";
import { goVersions, SubjectUnavailable } from "../subjects.ts";
import { type MmapsHeld, type MmapsOptions, startMmaps } from "./maps-program.ts";

const STRIPPED = ["-ldflags=-s -w"];

const cases: readonly (MmapsOptions & { readonly name: string })[] = [
	{ name: "symbols" },
	{ name: "stripped", flags: STRIPPED },
	{ name: "stripped, position-independent", flags: [...STRIPPED, "-buildmode=pie"] },
	{ name: "1.27 mapsplitgroup, stripped", go: "1.27.3", flags: STRIPPED, env: { GOEXPERIMENT: "mapsplitgroup" } },
	{ name: "1.24 noswissmap, stripped", go: "1.24.13", flags: STRIPPED, env: { GOEXPERIMENT: "noswissmap" } },
	...goVersions.map((go) => ({ name: `${go}, stripped`, go, flags: STRIPPED })),
];

/** start, length and function of each mapping, as the program says and as its lists were read. */
function told(held: MmapsHeld): string[] {
	const of = (list: MmapsHeld["syscall"], by: string) =>
		list.map((m) => `${m.address.replace(/^0x/, "")} ${m.length} ${by}`);
	return [...of(held.syscall, "syscall.Mmap"), ...of(held.unix, "unix.Mmap")].sort();
}

function read(mmaps: ProgramMmaps): string[] {
	return Array.from({ length: mmaps.count }, (_, i) => {
		const [start, end] = [mmaps.start[i] ?? 0, mmaps.end[i] ?? 0];
		return `${start.toString(16)} ${end - start} ${mmapRegistries[mmaps.by[i] ?? 0]?.function}`;
	}).sort();
}

for (const { name, ...options } of cases) {
	test(`the lists of syscall.Mmap and unix.Mmap are read exactly: ${name}`, { timeout: 300_000 }, async (t) => {
		let program: Awaited<ReturnType<typeof startMmaps>>;
		try {
			program = await startMmaps(options);
		} catch (error) {
			if (!(error instanceof SubjectUnavailable)) throw error;
			t.skip(error.message);
			return;
		}
		await using held = program;
		using observed = (await ObservedProcess.open(held.pid)) as ObservedProcess;
		assert.ok(!isUnavailable(observed));
		const first = await observed.read();
		assert.deepEqual(first.reading.unavailable, []);
		assert.ok(first.runtime !== undefined);
		assert.deepEqual(read(first.runtime.mmaps), told(held.held));
		await held.more();
		const second = await observed.read();
		assert.deepEqual(read(second.runtime?.mmaps ?? first.runtime.mmaps), told(held.held));
	});
}

test("maps: two packages' mappings that the kernel joined are told apart to the page", async () => {
	await using program = await startMmaps({ flags: STRIPPED });
	await halted(program.pid);
	const r = (await documentOf(operation, { target: String(program.pid) })) as unknown as MapsResult;
	const pages = (list: MmapsHeld["syscall"]) => list.reduce((n, m) => n + Math.ceil(m.length / 4096) * 4096, 0);
	const bytes = (owner: string) => r.owners.find((o) => o.owner === owner)?.rssBytes;
	assert.equal(bytes("anon.mmap.syscall.Mmap"), pages(program.held.syscall));
	assert.equal(bytes("anon.mmap.unix.Mmap"), pages(program.held.unix));
	assert.ok(r.mappings.some((m) => m.shares !== undefined && (m.registered?.count ?? 0) > 1));
	const registered = r.mappings.reduce((n, m) => n + (m.registered?.count ?? 0), 0);
	assert.ok(registered >= program.held.syscall.length + program.held.unix.length);
});
