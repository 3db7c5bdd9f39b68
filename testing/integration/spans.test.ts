import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import { operation, type SpansResult, spansResult } from "../../src/api/spans.ts";
import { operation as why } from "../../src/api/why.ts";
import type { WhyResult } from "../../src/api/why-shape.ts";
import { type Observation, ObservedProcess } from "../../src/capture/process.ts";
import { render } from "../../src/cli/render/spans.ts";
import { terminalFor } from "../../src/cli/terminal.ts";
import type { RuntimeState } from "../../src/goruntime/runtime-state.ts";
import { sweepState } from "../../src/goruntime/spans.ts";
import { documentOf, run } from "../operations.ts";
import { halted, lookStill, until } from "../settled.ts";
import {
	type BuildMode,
	type RunningSubject,
	type StartOptions,
	type SubjectMemStats,
	skipReason,
	startSubject,
} from "../subjects.ts";
import { captured, folder, rejectsWith } from "./captures.ts";

// What subjects know of their heap, and what the runtime counts by itself, against the spans read from outside.

const builds: readonly (readonly [go: string, mode: BuildMode])[] = [
	["1.26.8", "plain"],
	["1.26.8", "stripped"],
	["1.24.13", "pie"],
	["1.27.3", "cgo"],
	["1.19.13", "plain"],
];

async function spansOf(target: string | number, input: Record<string, unknown> = {}): Promise<SpansResult> {
	return (await documentOf(operation, { target: String(target), ...input })) as unknown as SpansResult;
}

/** Looks at the subject while it stands still, and judges what is seen. */
async function onStopped<T>(
	name: string,
	options: StartOptions,
	look: (subject: RunningSubject) => Promise<T>,
	check: (spans: SpansResult, looked: T) => void,
): Promise<void> {
	await using subject = await startSubject(name, options);
	const { seen, truth } = await lookStill(subject, async () => ({
		spans: await spansOf(subject.pid),
		looked: await look(subject),
	}));
	const { spans, looked } = seen;
	check(spans, looked);
	assert.deepEqual(
		[spans.totals.spanBytes, spans.totals.objectBytes, spans.totals.objects],
		[truth.HeapInuse, truth.HeapAlloc, truth.HeapObjects],
	);
	const bySize = new Map(spans.classes.map((row) => [row.size, row.objects]));
	for (const { Size, Mallocs, Frees } of truth.BySize.slice(1)) {
		assert.equal(bySize.get(Size) ?? 0, Mallocs - Frees, `objects of ${Size} bytes`);
	}
}

/**
 * Everything that must add up in one document, whatever the process is. A stop by a signal may hit an allocation half done:
 * then the runtime's counters are apart from its spans by that much.
 */
function assertConsistent(r: SpansResult, halfDone = 0): void {
	const sum = (of: (row: SpansResult["classes"][number]) => number) => r.classes.reduce((all, row) => all + of(row), 0);
	const t = r.totals;
	assert.ok(Math.abs(t.spanBytes - r.accounts.heapInuseBytes) <= halfDone, `HeapInuse ${r.accounts.heapInuseBytes}`);
	assert.ok(Math.abs(t.objectBytes - r.accounts.heapAllocBytes) <= halfDone, `HeapAlloc ${r.accounts.heapAllocBytes}`);
	assert.equal(t.wasteBytes, t.spanBytes - t.objectBytes);
	assert.equal(t.wasteBytes, t.freeSlotBytes + t.tailBytes + t.bitmapBytes);
	for (const name of ["spans", "objects", "freeSlots", "wasteBytes", "spanBytes"] as const) {
		assert.equal(
			sum((row) => row[name]),
			t[name],
			name,
		);
	}
	assert.equal(
		sum((row) => row.residentBytes ?? Number.NaN),
		t.residentBytes,
	);
	for (const row of r.classes) {
		assert.equal(row.objectBytes, row.class === 0 ? row.spanBytes : row.objects * row.size);
		assert.ok(row.tailBytes >= 0 && row.bitmapBytes >= 0 && row.noscan.spans <= row.spans, `class ${row.class}`);
		assert.ok(row.cachedFreeSlots <= row.freeSlots && (row.residentBytes ?? 0) <= row.spanBytes);
	}
	const small = t.spans - (r.classes.find((row) => row.class === 0)?.spans ?? 0);
	const uncached = r.occupancy.reduce((all, row) => all + row.spans, 0);
	const off = Math.abs(uncached - (small - sum((row) => row.cached)));
	assert.ok(off <= (halfDone === 0 ? 0 : HALF_DONE_SPANS), `${uncached} spans are cached by no P, off by ${off}`);
}

/** Spans that Ps may be taking or handing back at the moment of a stop. */
const HALF_DONE_SPANS = 4;

describe("gomem spans of a process that stands still", () => {
	for (const name of ["fragmentation", "livemap", "noprofile"]) {
		for (const [go, mode] of name === "fragmentation" ? builds : builds.slice(0, 1)) {
			test(`is what MemStats has by class: ${name}, go${go} ${mode}`, async (t) => {
				const reason = await skipReason(name, { go, mode });
				if (reason !== false) return t.skip(reason);
				const look = async (subject: RunningSubject) =>
					(await documentOf(why, { target: String(subject.pid) })) as unknown as WhyResult;
				await onStopped(name, { go, mode }, look, (spans, ledger) => {
					assertConsistent(spans);
					assert.deepEqual([spans.blur.heapBytes, spans.rates, spans.list], [0, undefined, undefined]);
					// resident bytes are those of the ledger's lines
					const line = (id: string) => ledger.lines.find((one) => one.id === id)?.bytes ?? 0;
					assert.equal(
						spans.totals.residentBytes,
						["heap.live", "heap.new", "heap.dead", "heap.free-slots", "runtime.metadata.heap-bits"]
							.map(line)
							.reduce((a, b) => a + b),
					);
					assert.equal(spans.totals.residentWasteBytes, line("heap.free-slots"));
				});
			});
		}
	}

	test("names the classes that are fragmented, and the spans that few objects hold", async (t) => {
		const reason = await skipReason("fragmentation");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("fragmentation");
		const r = await spansOf(subject.pid, { limit: 100, sort: "live", class: 10 });
		const objects = Number(subject.holds["liveObjects"]);
		const [worst, second] = [...r.classes].sort((a, b) => b.wasteBytes - a.wasteBytes);
		assert.deepEqual([worst?.size, second?.size], [256, 128]);
		for (const row of [worst, second]) {
			assert.ok(row !== undefined && row.objects >= objects / 2 && row.objects < objects / 2 + 200);
			// one in 16 was kept
			assert.ok(row.freeSlots / row.objects > 14 && row.freeSlots / row.objects < 16, `${row.freeSlots}`);
		}
		assert.ok((worst?.noscan.spans ?? 9) < 9 && second?.noscan.spans === second?.spans);
		const sparse = r.occupancy.filter((row) => row.upTo <= 1 / 8).reduce((all, row) => all + row.spanBytes, 0);
		assert.ok(sparse > 0.95 * ((worst?.spanBytes ?? 0) + (second?.spanBytes ?? 0)));
		const { spans, leftOut } = r.sparsest;
		assert.equal(spans.length, 100);
		assert.ok(spans.every((span, i) => span.liveBytes >= (spans[i - 1]?.liveBytes ?? 0) && span.liveBytes > 0));
		assert.ok(leftOut.spans > 7000 && leftOut.spanBytes > 60 * 2 ** 20);
		const list = r.list;
		assert.ok(list !== undefined && list.spans.length === 100);
		assert.equal(list.spans.length + list.leftOut.spans, second?.spans);
		assert.ok(
			list.spans.every((span) => span.class === 10 && span.elemsize === 128 && span.noscan && span.npages === 1),
		);
	});

	test("tells swept spans from those that wait for it, and garbage from objects", async (t) => {
		const reason = await skipReason("churn");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("churn");
		const states = new Set<string>();
		await until("both are seen", async () => {
			const r = await spansOf(subject.pid, { pause: "30s", class: 38, limit: 100_000 });
			assert.equal(r.blur.paused, true);
			assertConsistent(r, 2 ** 18);
			let halfDone = 0;
			for (const span of r.list?.spans ?? []) {
				states.add(span.sweep);
				assert.ok(span.deadObjects === 0 || /unswept|sweeping/.test(span.sweep), span.sweep);
				if (span.sweep.startsWith("cached") !== (span.cachedBy !== undefined)) halfDone++;
			}
			assert.ok(halfDone <= HALF_DONE_SPANS);
			return states.has("unswept") && states.has("swept");
		});
		assert.ok(!states.has("unknown"), [...states].join());
	});
});

describe("caches and central lists", () => {
	test("hold each span in use once, and say which P allocates from it", async (t) => {
		const reason = await skipReason("livemap");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("livemap", { env: { GOMAXPROCS: "3", GOGC: "off" } });
		await subject.ask("grow 4");
		await halted(subject.pid);
		const { caches = [] } = await spansOf(subject.pid, { caches: true });
		const wanted = caches.flatMap((p) => p.cached ?? []).find((one) => one.class !== 0)?.class;
		assert.ok(wanted !== undefined, "something is cached");
		const r = await spansOf(subject.pid, { caches: true, class: wanted, limit: 100_000 });
		assertConsistent(r, 2 ** 16);
		assert.deepEqual(
			r.caches?.map((p) => p.p),
			[0, 1, 2],
		);
		assert.ok(r.caches?.some((p) => p.spans > 0 && p.freeSlotBytes > 0));
		assert.ok(r.caches?.some((p) => p.tinyBlock !== undefined && p.tinyUsedBytes > 0));
		assert.ok(r.caches?.every((p) => p.stackBytes.length === 4 && !p.stale));
		for (const row of r.classes) {
			const { partialSwept = 0, partialUnswept = 0, fullSwept = 0, fullUnswept = 0 } = row.central ?? {};
			assert.equal(partialUnswept + fullUnswept, 0, "all is swept");
			assert.equal(partialSwept + fullSwept + row.cached, row.spans, `class ${row.class}`);
		}
		const cached = new Map(
			r.caches?.flatMap((p) =>
				(p.cached ?? []).filter((one) => one.class === wanted).map((one) => [one.startAddr, p.p]),
			),
		);
		const listed = r.list?.spans.filter((span) => span.cachedBy !== undefined) ?? [];
		assert.deepEqual(new Map(listed.map((span) => [span.startAddr, span.cachedBy])), cached);
		assert.ok(listed.length > 0 && listed.every((span) => span.sweep === "cached"));
		subject.kill("SIGCONT");
	});
});

describe("rates", () => {
	/** Refills as the spans themselves tell: those that have more objects, and were not cached before. */
	function refilled(before: RuntimeState, now: RuntimeState): number {
		const then = new Map<number, number>();
		const cached = new Set<number>();
		for (let i = 0; i < before.spans.count; i++) {
			then.set(before.spans.base[i] ?? 0, before.spans.allocCount[i] ?? 0);
			if (sweepState(before.spans, i) === "cached") cached.add(before.spans.base[i] ?? 0);
		}
		let refills = 0;
		for (let i = 0; i < now.spans.count; i++) {
			const base = now.spans.base[i] ?? 0;
			if (now.spans.state[i] !== 1 || (now.spans.spanClass[i] ?? 0) < 2 || cached.has(base)) continue;
			if ((now.spans.allocCount[i] ?? 0) > (then.get(base) ?? 0)) refills++;
		}
		return refills;
	}

	test("are what the program allocated, and refills are counted where no GC comes between", async (t) => {
		const reason = await skipReason("livemap");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("livemap", { env: { GOGC: "off" } });
		using observed = (await ObservedProcess.open(subject.pid)) as ObservedProcess;
		const read = async (): Promise<Observation> => {
			await subject.stop();
			const observation = await observed.read();
			return observation;
		};
		const results: SpansResult[] = [];
		const readings: RuntimeState[] = [];
		const truths: SubjectMemStats[] = [];
		const outcome = await run(operation, { target: String(subject.pid), every: "100ms" });
		assert.ok(outcome.kind === "documents");
		const documents = outcome.documents[Symbol.asyncIterator]();
		for (let i = 0; i < 2; i++) {
			const { runtime } = await read();
			assert.ok(runtime !== undefined);
			readings.push(runtime);
			results.push((await documents.next()).value as unknown as SpansResult);
			truths.push(await subject.resume());
			if (i === 0) await subject.ask("grow 8");
		}
		await documents.return?.();
		const [before, now] = truths;
		const [, r] = results;
		assert.ok(before !== undefined && now !== undefined && r?.rates !== undefined);
		assert.deepEqual([results[0]?.rates, r.rates.collections], [undefined, 0]);
		const seconds = r.rates.seconds;
		for (const row of r.classes) {
			const at = before.BySize.findIndex((one) => one.Size === row.size);
			if (at <= 0) continue;
			const truth: number = (now.BySize[at]?.Mallocs ?? 0) - (before.BySize[at]?.Mallocs ?? 0);
			const ours = (row.rates?.allocationsPerSecond ?? 0) * seconds;
			// what the runtime's own threads allocate between ReadMemStats and the stop
			assert.ok(Math.abs(ours - truth) <= 8, `class ${row.class}: ${ours}, as the subject counts ${truth}`);
			assert.equal(row.rates?.refillsFrom, "counted");
		}
		const bytes = r.rates.bytesPerSecond * seconds;
		assert.ok(Math.abs(bytes - (now.TotalAlloc - before.TotalAlloc)) < 65536, `${bytes} bytes`);
		assert.ok(bytes > 8 * 2 ** 20);
		const [first, second] = readings;
		assert.ok(first !== undefined && second !== undefined);
		const refills = Math.round((r.rates.refillsPerSecond ?? 0) * seconds);
		const told = refilled(first, second);
		// ReadMemStats takes what is cached away: a span that is then taken again has been refilled twice
		assert.ok(refills >= told && refills <= told + 60, `${refills} refills, as spans tell ${told}`);
		assert.ok(told > 500);
	});

	test("of a program that collects all the time are estimates above a bound", async (t) => {
		const reason = await skipReason("churn");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("churn");
		const outcome = await run(operation, { target: String(subject.pid), every: "400ms" });
		assert.ok(outcome.kind === "documents");
		const documents = outcome.documents[Symbol.asyncIterator]();
		const next = async () => (await documents.next()).value as unknown as SpansResult;
		await next();
		const last = await until("it has collected between two readings", async () => {
			const result = await next();
			return (result.rates?.collections ?? 0) > 0 ? result : undefined;
		});
		await documents.return?.();
		assert.ok(last.rates !== undefined && last.rates.allocationsPerSecond > 1000);
		const seconds = last.rates.seconds;
		const estimated = last.classes.flatMap((row) => (row.rates?.refillsFrom === "estimated" ? [row.rates] : []));
		assert.ok(estimated.length > 0);
		for (const rates of estimated) {
			assert.ok((rates.refillsPerSecond ?? 0) * seconds >= (rates.refillsAtLeast ?? Number.NaN) - 0.001);
		}
	});
});

describe("a capture", () => {
	test("says what the process said", async (t) => {
		const reason = await skipReason("fragmentation");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("fragmentation", { env: { GOGC: "off" } });
		await subject.ask("grow 2");
		await halted(subject.pid);
		const pid = String(subject.pid);
		const input = { class: 18, limit: 50, caches: true };
		const { path } = await captured("spans.gomem", { target: pid, full: true });
		const [live, replayed] = [await spansOf(pid, input), await spansOf(path, input)];
		assert.ok((live.caches ?? []).some((p) => p.spans > 0));
		for (const part of ["classes", "totals", "accounts", "occupancy", "sparsest", "list", "caches"] as const) {
			assert.deepEqual(replayed[part], live[part], part);
		}
		subject.kill("SIGCONT");
		await subject.ask("grow 2");
		await captured("spans.gomem", { target: pid, full: true, append: true });
		const two = await spansOf(`${folder}/spans.gomem`);
		assert.ok((two.rates?.bytesPerSecond ?? 0) > 0, "the last reading is compared with the one before");
	});
});

describe("what cannot be told", () => {
	test("is absent: resident bytes without pagemap, caches where the list of Ps is not to be believed", async (t) => {
		const reason = await skipReason("livemap");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("livemap", { args: ["-mib", "1"] });
		using observed = (await ObservedProcess.open(subject.pid)) as ObservedProcess;
		const { reading, runtime } = await observed.read();
		assert.ok(runtime !== undefined);
		const { residency: _, ...withoutPages } = reading;
		const input = { target: "4242", sort: "waste", limit: 3, all: false, caches: true, class: 5 } as const;
		const r = spansResult({ reading: withoutPages }, { ...runtime, caches: undefined }, input);
		assert.ok(r.totals.spans > 0 && r.classes.every((row) => row.central === undefined && row.cached === 0));
		assert.equal(JSON.stringify(r).match(/resident\w*Bytes/), null);
		assert.equal(r.caches, undefined);
		assert.ok(r.unavailable.some((part) => part.part === "caches"));
		assert.match(render(r, terminalFor({}, "never", {})), /missing: caches/);
	});

	test("a class that is not there, and a process that is no Go program", async (t) => {
		const reason = await skipReason("livemap");
		if (reason !== false) return t.skip(reason);
		await using subject = await startSubject("livemap", { args: ["-mib", "1"] });
		const error = await rejectsWith(spansOf(subject.pid, { class: 100 }), "size-class-unknown");
		assert.match(error.hint ?? "", /class 9, with slots of 112 bytes/);
		const child = spawn("sleep", ["60"]);
		try {
			await rejectsWith(spansOf(child.pid ?? 0), "runtime-unreadable");
			await rejectsWith(spansOf("http://localhost:1/"), "target-not-observable");
		} finally {
			child.kill();
		}
	});
});
