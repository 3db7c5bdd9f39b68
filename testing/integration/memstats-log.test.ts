import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { operation } from "../../src/api/memstats.ts";
import type { MemStatsResult, Trend } from "../../src/api/memstats-shape.ts";
import { documentOf, run } from "../operations.ts";
import { until } from "../settled.ts";

const root = join(import.meta.dirname, "../..");
const pages = join(root, "src/formats/memstats/testdata");
const folder = mkdtempSync(join(tmpdir(), "gomem-memstats-log-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
	const path = join(folder, name);
	writeFileSync(path, text);
	return path;
}

async function read(target: string, input: Record<string, unknown> = {}): Promise<MemStatsResult> {
	return (await documentOf(operation, { target, ...input })) as unknown as MemStatsResult;
}

function trend(document: MemStatsResult, name: string): Trend {
	const found = document._series?.trends.find((one) => one.name === name);
	assert.ok(found !== undefined, name);
	return found;
}

const minute = (i: number) => new Date(Date.UTC(2026, 0, 5) + i * 60_000).toISOString();
const MIB = 2 ** 20;

describe("gomem memstats of a log", () => {
	test("a line that rises by 1 MiB a minute rises by 60 MiB an hour", async () => {
		const lines = Array.from(
			{ length: 200 },
			(_, i) => `${minute(i)} INFO mem Alloc=${100 * MIB + i * MIB} Sys=${300 * MIB}\n${minute(i)} GET /orders 200\n`,
		);
		const document = await read(file("rise.log", lines.join("")));
		const { slope, low, high, direction } = trend(document, "Alloc");
		assert.ok(Math.abs((slope ?? 0) - 60 * MIB) < 1, `${slope}`);
		assert.ok((low ?? 0) <= 60 * MIB + 1 && (high ?? 0) >= 60 * MIB - 1);
		assert.equal(direction, "up");
		assert.equal(trend(document, "Sys").direction, "flat");
		assert.equal(document._series?.readings, 200);
		assert.equal(document._series?.skippedLines, 200);
		assert.equal(document.Alloc, 299 * MIB);
		assert.equal(document._readings?.length, 200);
	});

	test("a sawtooth over a flat live heap does not rise, one over a rising one does", async () => {
		// 5 readings per GC; the heap doubles in between
		const saw = (leak: number) =>
			Array.from(
				{ length: 300 },
				(_, i) =>
					`time=${minute(i)} heap_alloc=${Math.round((100 + leak * Math.floor(i / 5)) * MIB * (1 + (i % 5) / 5))} num_gc=${Math.floor(i / 5) + 1}`,
			).join("\n");
		const flat = await read(file("flat.log", saw(0)));
		assert.equal(trend(flat, "live").direction, "flat");
		assert.equal(trend(flat, "live").readings, 59);
		assert.equal(flat._series?.collections, 59);
		const leaks = await read(file("leaks.log", saw(1)));
		assert.equal(trend(leaks, "live").direction, "up");
		assert.ok(Math.abs((trend(leaks, "live").slope ?? 0) - 12 * MIB) < MIB / 10, "1 MiB per 5 minutes");
	});

	test("without time stamps slopes are per reading; units may be words", async () => {
		const document = await read(
			file("bare.log", Array.from({ length: 20 }, (_, i) => `Alloc = ${10 + 2 * i} MiB\tNumGC = ${i}`).join("\n")),
		);
		assert.equal(document._series?.per, "reading");
		assert.equal(trend(document, "Alloc").slope, 2 * MIB);
		assert.equal(document._meta.rounded, true);
		assert.equal(document._meta.at, undefined);
	});

	test("a restart in the log is not a negative number of GCs", async () => {
		const gcs = [5, 8, 9, 1, 2];
		const document = await read(
			file("restart.log", gcs.map((n, i) => `${minute(i)} NumGC=${n} TotalAlloc=${n * MIB}`).join("\n")),
		);
		assert.equal(document._series?.collections, 4 + 1 + 1);
	});

	test("saved pages are read as what they are", async () => {
		for (const [name, source] of [
			["debug-vars.txt", "expvar"],
			["heap-debug1.txt", "heap-debug1"],
			["metrics.txt", "prometheus"],
		] as const) {
			const document = await read(join(pages, name));
			assert.equal(document._meta.source, source);
			assert.ok(Number(document.HeapSys) > 0);
		}
	});

	test("what gomem printed with --json is read back, reading by reading", async () => {
		const outcome = await run(operation, {
			target: file("twice.log", `${minute(0)} HeapAlloc=5 Sys=9 NumGC=1\n${minute(1)} HeapAlloc=7 Sys=9 NumGC=1\n`),
			watch: true,
		});
		if (outcome.kind !== "documents") return assert.fail();
		const lines: string[] = [];
		for await (const one of outcome.documents) lines.push(JSON.stringify(one));
		const again = await read(file("again.log", lines.join("\n")));
		assert.deepEqual(
			again._readings?.map(({ HeapAlloc, Sys, time }) => [HeapAlloc, Sys, time]),
			[
				[5, 9, minute(0)],
				[7, 9, minute(1)],
			],
		);
	});

	test("a file without MemStats, and one that is not there", async () => {
		await assert.rejects(read(file("prose.log", "nothing to see\n".repeat(100))), { code: "no-memstats" });
		await assert.rejects(read(file("empty.log", "")), { code: "target-unknown", message: /is empty/ });
		await assert.rejects(read(join(folder, "missing.log")), { code: "target-not-found" });
		await assert.rejects(read(file("broken.json", '{\n"memstats": {"HeapSys": 1, "BySize": [')), /no MemStats/);
	});

	test("standard input, line by line as it comes; a line without an end is cut", async () => {
		const child = spawn(join(root, "bin/gomem"), ["memstats", "-", "--watch", "--json"], {
			stdio: ["pipe", "pipe", "inherit"],
		});
		let out = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
		const told = async (count: number) => {
			await until(`${count} lines are told`, () => out.split("\n").length > count);
			assert.equal(out.split("\n").length - 1, count);
		};
		try {
			child.stdin.write("HeapAlloc=1 ");
			child.stdin.write("Sys=2\n");
			await told(1);
			child.stdin.write(`HeapAlloc=2 ${"x".repeat(1 << 20)}`);
			child.stdin.write(`${"y".repeat(1 << 20)}\nHeapAlloc=3\n`);
			await told(3);
			child.stdin.end("HeapAlloc=4");
			await told(4);
		} finally {
			child.kill();
		}
		assert.deepEqual(
			out
				.trimEnd()
				.split("\n")
				.map((line) => (JSON.parse(line) as MemStatsResult).HeapAlloc),
			[1, 2, 3, 4],
		);
	});

	test("a large log takes bounded memory", { timeout: 120_000 }, async () => {
		const path = join(folder, "large.log");
		const stream = createWriteStream(path);
		const noise = `${"GET /orders 200 a line that says nothing of memory ".repeat(3)}\n`.repeat(9);
		for (let i = 0; i < 40_000; i++) {
			if (!stream.write(`${minute(i)} HeapAlloc=${MIB + i} NumGC=${i >> 3}\n${noise}`))
				await new Promise((resolve) => stream.once("drain", resolve));
		}
		await new Promise((resolve) => stream.end(resolve));
		const script = `const { operation } = await import(${JSON.stringify(join(root, "src/api/memstats.ts"))});
			const { documentOf } = await import(${JSON.stringify(join(root, "testing/operations.ts"))});
			const d = await documentOf(operation, { target: ${JSON.stringify(path)} });
			console.log(JSON.stringify([d._series.readings, d._readings.length, d._series.trends[0].slope, process.resourceUsage().maxRSS]));`;
		const [readings, rows, slope, kib] = JSON.parse(
			execFileSync(process.execPath, ["--max-old-space-size=96", "--input-type=module", "-e", script], {
				encoding: "utf8",
			}),
		) as [number, number, number, number];
		assert.equal(readings, 40_000);
		assert.ok(rows <= 513 && rows >= 256);
		assert.ok(Math.abs(slope - 60) < 0.01, "1 byte a minute");
		assert.ok(kib < 300 * 1024, `${kib} KiB for 60 MB of log`);
	});
});
