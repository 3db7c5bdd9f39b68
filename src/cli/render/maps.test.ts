import assert from "node:assert/strict";
import { test } from "node:test";
import type { MapsMapping, MapsOwner, MapsResult } from "../../api/maps-shape.ts";
import { ownerWhat } from "../../ledger/mapping-table.ts";
import { visible } from "../table.ts";
import { terminalFor } from "../terminal.ts";
import { render } from "./maps.ts";

const MiB = 2 ** 20;
const plain = terminalFor({ isTTY: true, columns: 100 }, "never", {});
const pipe = terminalFor({}, "never", {});

function owner(id: string, mib: number, more: Partial<MapsOwner> = {}): MapsOwner {
	const bytes = mib * MiB;
	return {
		owner: id,
		what: ownerWhat(id),
		mappings: 1,
		sizeBytes: bytes * 2,
		rssBytes: bytes,
		pssBytes: bytes,
		privateDirtyBytes: bytes,
		swapBytes: 0,
		hugeBytes: 0,
		...more,
	};
}

function mapping(start: string, name: string, mib: number, more: Partial<MapsMapping> = {}): MapsMapping {
	return {
		start,
		end: `${start}000`,
		owner: "anon.mmap",
		name,
		sizeBytes: mib * MiB,
		rssBytes: mib * MiB,
		pssBytes: mib * MiB,
		privateDirtyBytes: 0,
		swapBytes: 0,
		hugeBytes: 0,
		dirtyBytes: 0,
		permissions: "rw-p",
		offset: "0x0",
		device: "00:00",
		inode: "0",
		...more,
	};
}

function result(
	owners: readonly MapsOwner[],
	mappings: readonly MapsMapping[],
	more: Partial<MapsResult> = {},
): MapsResult {
	const sum = (of: (owner: MapsOwner) => number | undefined) => owners.reduce((n, o) => n + (of(o) ?? 0), 0);
	return {
		target: { pid: 4242, name: "orders-api", goVersion: "go1.26.8", exe: "/srv/orders-api", uptimeSeconds: 273600 },
		at: "2026-11-23T12:00:00.000Z",
		sizeBytes: sum((o) => o.sizeBytes),
		rssBytes: sum((o) => o.rssBytes),
		pssBytes: sum((o) => o.pssBytes),
		privateDirtyBytes: sum((o) => o.privateDirtyBytes),
		swapBytes: sum((o) => o.swapBytes),
		hugeBytes: sum((o) => o.hugeBytes),
		vmRssBytes: sum((o) => o.rssBytes),
		view: { all: false },
		owners: [...owners],
		mappings: [...mappings],
		unavailable: [],
		cost: { wallMs: 80, pausedMs: 0, bytesRead: 3 * MiB },
		...more,
	};
}

const OWNERS = [
	owner("heap", 512),
	owner("anon.mmap.unix.Mmap", 96),
	owner("libs.libcrypto.so.3", 3),
	owner("libs.libc.so.6", 2),
	owner("libs.ld-linux-x86-64.so.2", 1),
	owner("files./var/lib/orders/very/long/path/to/an/index/of/everything/that/was/ever/ordered.bolt", 64),
];

function fits(text: string): void {
	for (const line of text.split("\n")) assert.ok(visible(line) <= 100, `${visible(line)} columns: ${line}`);
}

test("a row per owner; small neighbours in one row; nothing wider than the terminal", () => {
	const text = render(result(OWNERS, []), plain);
	fits(text);
	assert.match(text, /^ {2}heap +Go's arenas.* +1 +1\.00 GiB +512\.0 MiB +512\.0 MiB +512\.0 MiB$/m);
	assert.match(text, /^ {2}libs +3: libcrypto\.so\.3, libc\.so\.6, ld-linux.* 3 +12\.0 MiB +6\.0 MiB/m);
	assert.match(text, /^ {2}files +…\/everything\/that\/was\/ever\/ordered\.bolt /m);
	assert.match(text, /^ {2}anon +mapped with unix\.Mmap/m);
	assert.doesNotMatch(text, /SWAP|HUGE|GROWTH|VmRSS/);
});

test("swap, huge pages and growth have columns where there is any; what changed is listed", () => {
	const owners = [owner("heap", 512, { swapBytes: MiB, hugeBytes: 2 * MiB, growthRssBytes: 5 * MiB })];
	const mappings = [
		mapping("0x7f0000000000", "syscall.Mmap", 8, { change: { kind: "new", rssBytes: 8 * MiB, sizeBytes: 8 * MiB } }),
		mapping("0x7f1000000000", "anonymous", 8),
	];
	const gone = [
		{ start: "0x1000", end: "0x2000", owner: "files./a", name: "/a", sizeBytes: 4 * MiB, rssBytes: 3 * MiB },
	];
	const growth = { seconds: 60, rssBytes: 5 * MiB, sizeBytes: 4 * MiB, new: 1, gone };
	const text = render(result(owners, mappings, { growth }), plain);
	fits(text);
	assert.match(text, /SWAP +HUGE +GROWTH$/m);
	assert.match(text, /in 1 min: RSS \+5\.0 MiB, address space \+4\.0 MiB, 1 new and 1 gone/);
	assert.match(text, /^ {2}new +\+8\.0 MiB +\+8\.0 MiB +7f0000000000 {2}syscall\.Mmap$/m);
	assert.match(text, /^ {2}gone +-3\.0 MiB +-4\.0 MiB +1000 {2}\/a$/m);
	assert.doesNotMatch(text, /7f1000000000/);
});

test("--all: a row per mapping, with who shares it and how many of the program's own it is", () => {
	const mappings = [
		mapping("0xc000000000", "Go heap arena", 64),
		mapping("0x7f0000000000", "unix.Mmap", 40, {
			registered: { count: 2, bytes: 40 * MiB },
			shares: [
				{ owner: "anon.mmap.unix.Mmap", sizeBytes: 24 * MiB, rssBytes: 24 * MiB },
				{ owner: "anon.mmap.syscall.Mmap", sizeBytes: 16 * MiB, rssBytes: 16 * MiB },
			],
		}),
		mapping("0x7f1000000000", "syscall.Mmap", 1, { registered: { count: 1200, bytes: MiB } }),
	];
	const text = render(result(OWNERS, mappings, { view: { all: true } }), plain);
	fits(text);
	assert.match(text, /^ +c000000000 {2}rw-p +64\.0 MiB .* Go heap arena$/m);
	assert.match(text, / unix\.Mmap \+ syscall\.Mmap$/m);
	assert.match(text, / syscall\.Mmap ×1,200$/m);
});

test("without the right to read mappings: the sums of status, and what is missing", () => {
	const { sizeBytes: _, ...bare } = owner("anon.all", 0);
	const owners: MapsOwner[] = [
		{ owner: bare.owner, what: "anonymous memory (RssAnon)", mappings: 0, rssBytes: 40 * MiB },
	];
	const {
		pssBytes: __,
		privateDirtyBytes: ___,
		hugeBytes: ____,
		...r
	} = result(owners, [], {
		sizeBytes: 1300 * MiB,
		unavailable: [
			{ part: "smaps", why: "process 4242 runs as uid 0, gomem as uid 1000", wouldHelp: "run gomem as root" },
		],
	});
	const text = render(r, plain);
	fits(text);
	assert.match(text, /RSS 40\.0 MiB · swap 0 B · VSZ 1\.27 GiB/);
	assert.match(text, /^ {2}anon +anonymous memory \(RssAnon\) +40\.0 MiB$/m);
	assert.match(text, /^Missing {3}smaps: process 4242 runs as uid 0/m);
	assert.match(text, /→ run gomem as root/);
});

test("VmRSS is told where it differs by more than it lags", () => {
	const r = result(OWNERS, []);
	assert.doesNotMatch(render({ ...r, vmRssBytes: (r.rssBytes ?? 0) + 4096 }, plain), /VmRSS/);
	assert.match(render({ ...r, vmRssBytes: (r.rssBytes ?? 0) + 3 * MiB }, plain), /VmRSS says .*\+3\.0 MiB/);
});

test("of a path that does not fit its end is shown, and a pipe has all of it", () => {
	const path = "/usr/lib/x86_64-linux-gnu/a-folder-of-a-distribution/with-another-one-in-it/libc.so.6";
	const deep = `/${"d".repeat(120)}/app.data`;
	const r = result(
		[owner(`libs.${path}`, 3), owner(`files.${deep}`, 3)],
		[mapping("0x7f0000000000", path, 3, { owner: `libs.${path}`, path }), mapping("0x7f1000000000", deep, 3)],
		{ view: { all: true } },
	);
	const shown = render(r, plain);
	assert.match(shown, /…(?:\/[\w-]+)*\/libc\.so\.6$/m);
	assert.match(shown, /…d+\/app\.data$/m);
	for (const line of shown.split("\n")) assert.ok(visible(line) <= 100, line);
	assert.ok(render(r, pipe).includes(`  ${path}\n`) && render(r, pipe).includes(`  ${deep}\n`));
	const owners = render({ ...r, view: { all: false } }, plain);
	assert.match(owners, /…(?:\/[\w-]+)*\/libc\.so\.6 /);
	assert.ok(render({ ...r, view: { all: false } }, pipe).includes(path));
});
