import assert from "node:assert/strict";
import { test } from "node:test";
import { type LedgerPoint, measureGrowth } from "./growth.ts";
import { changeInWords, shareOfGrowth } from "./growth-words.ts";
import { sameProcess, sameProgram } from "./identity.ts";
import { lineKind } from "./lines.ts";
import { freedShare, keptShare } from "./survival.ts";

const MiB = 2 ** 20;

function point(seconds: number, lines: Readonly<Record<string, number>>): LedgerPoint {
	const list = Object.entries(lines).map(([id, mib]) => ({
		id,
		bytes: mib * MiB,
		what: lineKind(id).what,
		source: "",
	}));
	return { at: seconds * 1000, ledger: { rssBytes: list.reduce((n, line) => n + line.bytes, 0), lines: list } };
}

test("one reading has no growth", () => {
	assert.equal(measureGrowth([point(0, { "heap.live": 10 })]), undefined);
});

test("the part that grows carries the growth, lines that came or went count whole", () => {
	const growth = measureGrowth([
		point(0, { "heap.live": 100, "c.heap": 10 }),
		point(60, { "heap.live": 101, "c.heap": 40, "files./x": 3 }),
	]);
	assert.equal(growth?.carrier, "c-memory");
	assert.equal(growth.rssBytes, 34 * MiB);
	assert.equal(growth.rssBytesPerHour, 34 * MiB * 60);
	assert.equal(growth.lines.get("files./x"), 3 * MiB);
	assert.equal(growth.lines.get("c.heap"), 30 * MiB);
});

test("several parts that grow alike carry it together", () => {
	const growth = measureGrowth([
		point(0, { "heap.live": 100, "c.heap": 100, "anon.mmap": 100 }),
		point(10, { "heap.live": 110, "c.heap": 110, "anon.mmap": 110 }),
	]);
	assert.equal(growth?.carrier, "mixed");
});

test("a heap that the collector empties and fills does not grow", () => {
	const sizes = [60, 90, 62, 88, 61, 91, 60, 90, 62];
	const growth = measureGrowth(
		sizes.map((mib, i) => point(i, { "heap.live": 50, "heap.new": mib - 50, "binary.text": 100 })),
	);
	assert.equal(growth?.carrier, undefined);
});

test("below a megabyte, and below a hundredth of Rss, it is noise", () => {
	assert.equal(measureGrowth([point(0, { "heap.live": 10 }), point(5, { "heap.live": 10.9 })])?.carrier, undefined);
	assert.equal(measureGrowth([point(0, { "heap.live": 1000 }), point(5, { "heap.live": 1005 })])?.carrier, undefined);
	assert.equal(measureGrowth([point(0, { "heap.live": 1000 }), point(5, { "heap.live": 1011 })])?.carrier, "live-heap");
});

test("shrinking is no growth", () => {
	const growth = measureGrowth([point(0, { "heap.idle": 100 }), point(5, { "heap.idle": 10 })]);
	assert.equal(growth?.carrier, undefined);
	assert.equal(growth?.rssBytes, -90 * MiB);
});

test("lines that one reading could not see did not grow", () => {
	const blind = { ...point(0, { "anon.all": 12, "files./x": 3 }), baseline: true, lacks: "no rights" };
	const growth = measureGrowth([blind, point(30, { "heap.new": 45, "stacks.used": 5, "files./x": 4 })]);
	assert.ok(growth !== undefined);
	assert.equal(growth.carrier, undefined);
	assert.deepEqual(
		[...growth.lines],
		[
			["anon.all", 38 * MiB],
			["files./x", MiB],
		],
	);
	assert.match(growth.missing[0]?.unavailable ?? "", /the baseline has no lines of the Go runtime \(no rights\)/);
	// among others that tell as much as the last, one that does not is left out
	const whole = measureGrowth([
		point(0, { "heap.live": 10, "files./x": 3 }),
		point(10, { "anon.all": 1 }),
		point(20, { "heap.live": 40, "files./x": 3 }),
	]);
	assert.equal(whole?.readings, 2);
	assert.equal(whole.lines.get("heap.live"), 30 * MiB);
	assert.match(whole.missing[0]?.unavailable ?? "", /1 of 3 readings tell less/);
});

test("a change is that of the window it is told for", () => {
	const points = Array.from({ length: 16 }, (_, i) => point(i, { "heap.live": 30 + 4 * i }));
	const growth = measureGrowth(points);
	assert.equal(growth?.seconds, 15);
	assert.equal(growth.rssBytes, 60 * MiB);
	assert.equal(growth.lines.get("heap.live"), 60 * MiB);
	assert.equal(Math.round((growth.rssBytesPerHour ?? 0) / MiB), 4 * 3600);
});

test("across processes of one program there is a change, and no rate", () => {
	const before = { pid: 1, name: "app", exe: "/app", startedAt: 0 };
	const growth = measureGrowth([
		{ ...point(0, { "heap.live": 10 }), baseline: true, process: before },
		{ ...point(60, { "heap.live": 30 }), process: { ...before, pid: 2, startedAt: 50_000 } },
	]);
	assert.deepEqual(growth?.other, before);
	assert.deepEqual([growth.rssBytes, growth.rssBytesPerHour, growth.carrier], [20 * MiB, undefined, undefined]);
});

test("what a collection between two readings left tells what new objects were", () => {
	const at = (seconds: number, live: number, fresh: number, numGc: number) => ({
		...point(seconds, { "heap.live": live, "heap.new": fresh }),
		numGc,
	});
	const freed = measureGrowth([at(0, 10, 100, 3), at(10, 12, 60, 4)])?.survival;
	assert.ok(freed !== undefined && freedShare(freed) > 0.8 && keptShare(freed) < 0.1);
	const kept = measureGrowth([at(0, 10, 100, 3), at(10, 108, 60, 4)])?.survival;
	assert.ok(kept !== undefined && freedShare(kept) === 0 && keptShare(kept) > 0.9);
	assert.equal(measureGrowth([at(0, 10, 100, 3), at(10, 10, 160, 3)])?.survival, undefined);
});

test("a part may grow by more than all together", () => {
	assert.equal(shareOfGrowth(12 * MiB, 15 * MiB, 60), "12.0 MiB of 15.0 MiB in 60 s");
	assert.match(shareOfGrowth(66 * MiB, 59 * MiB, 18), /^66\.0 MiB in 18 s, while RSS grew by 59\.0 MiB, .*7\.0 MiB$/);
	assert.equal(changeInWords({ rssBytes: 0, enough: false, seconds: 15 }), "RSS did not grow over 15 s");
});

test("one program, whatever its folder; one process, whatever its pid said before", () => {
	const app = { pid: 7, name: "app", exe: "/srv/v1/app", module: "x/app", startedAt: 1_000_000 };
	assert.ok(sameProgram(app, { ...app, exe: "/srv/v2/app" }));
	assert.ok(!sameProgram(app, { ...app, exe: "/srv/v1/other", module: "x/other" }));
	assert.ok(!sameProgram(app, { ...app, module: "y/app" }));
	assert.ok(sameProcess(app, { ...app, startedAt: 1_000_900 }));
	assert.ok(!sameProcess(app, { ...app, startedAt: 2_000_000 }));
	assert.ok(!sameProcess(app, { ...app, pid: 8 }));
});

test("with three sums at one end only Rss compares", () => {
	const sums = { "anon.all": 40, "files.all": 6, "shared.all": 1 };
	const growth = measureGrowth([{ ...point(0, sums), baseline: true }, point(30, { "heap.live": 90, "files./x": 3 })]);
	assert.deepEqual([growth?.rssBytes, growth?.enough, growth?.carrier], [46 * MiB, true, undefined]);
	assert.equal(growth?.lines.size, 0);
	assert.match(growth?.missing[0]?.unavailable ?? "", /three sums and no lines: only RSS compares/);
	const alike = measureGrowth([point(0, sums), point(30, { ...sums, "shared.all": 80 })]);
	assert.equal(alike?.carrier, "shared");
});

test("a reading without the runtime after others that have it: anonymous memory as a whole", () => {
	const growth = measureGrowth([
		point(0, { "heap.live": 10, "stacks.used": 1, "c.heap": 4, "libs.libc.so.6": 1 }),
		point(10, { "anon.all": 30, "libs.libc.so.6": 1 }),
	]);
	assert.deepEqual([...(growth?.lines ?? [])], [["anon.all", 15 * MiB]]);
	assert.equal(growth?.carrier, "anon-map");
	assert.match(growth?.missing[0]?.unavailable ?? "", /^this reading has no lines of the Go runtime/);
});

test("a baseline is not averaged with readings of the present", () => {
	const days = 86400;
	const points = [{ ...point(0, { "heap.live": 100 }), baseline: true }];
	for (let i = 0; i < 8; i++) points.push({ ...point(3 * days + i, { "heap.live": 400 }), baseline: false });
	const growth = measureGrowth(points);
	assert.equal(growth?.rssBytes, 300 * MiB);
	assert.equal(Math.round((growth.rssBytesPerHour ?? 0) / MiB), Math.round(300 / 72));
});

test("what a process was before it executed another program did not grow", () => {
	const shell = { pid: 7, name: "sh", exe: "/bin/sh", startedAt: 0 };
	const app = { ...shell, name: "app", exe: "/srv/app" };
	const before = { ...point(0, { "c.heap": 2 }), process: shell };
	assert.equal(measureGrowth([before, { ...point(1, { "heap.live": 90 }), process: app }]), undefined);
	const after = [1, 2].map((s) => ({ ...point(s, { "heap.live": 90 }), process: app }));
	assert.equal(measureGrowth([before, ...after])?.rssBytes, 0);
});

test("what rose by the medians and not to the last reading carries nothing", () => {
	const live = [50, 50, 50, 50, 50, 50, 90, 90, 20];
	const growth = measureGrowth(live.map((mib, i) => point(i, { "heap.live": mib, "heap.idle": 100 + i * 5 })));
	assert.equal(growth?.rssBytes, 10 * MiB);
	assert.notEqual(growth.carrier, "live-heap");
});
