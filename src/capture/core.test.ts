import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { BufferSource } from "../bytes/byte-source.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { CoreSegment } from "../formats/core/model.ts";
import { parseCore } from "../formats/core/parse.ts";
import { concat, type MadeCore, makeCore, words } from "../formats/core/testdata/core-bytes.ts";
import { seeded } from "../formats/elf/testdata/go-binary.ts";
import { parseAuxv } from "../formats/procfs/auxv.ts";
import { makeLedger } from "../ledger/ledger.ts";
import { ObservedCore } from "./core.ts";
import { coreEnvironment } from "./core-environment.ts";
import { coreMappings } from "./core-mappings.ts";
import { CoreMemory, piecesOf } from "./core-memory.ts";
import { readCorePages } from "./core-pages.ts";
import { coreTarget } from "./core-target.ts";

const PAGE = 4096;
const RW = 6;
const folder = mkdtempSync(join(tmpdir(), "gomem-core-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Pages by their first letter: "." is all zero, others are not. */
function pages(text: string): Uint8Array {
	const bytes = new Uint8Array(text.length * PAGE);
	for (let i = 0; i < text.length; i++) if (text[i] !== ".") bytes[(i + 1) * PAGE - 1] = text.charCodeAt(i);
	return bytes;
}

function opened(made: MadeCore) {
	const source = new BufferSource(makeCore(made));
	const core = parseCore(source);
	return { core, source, memory: new CoreMemory(piecesOf(core.segments, source)) };
}

describe("pages of a core", () => {
	const made: MadeCore = {
		segments: [
			{ start: 0x10000, size: 6 * PAGE, flags: 4, bytes: pages("a..bb.") },
			{ start: 0x20000, size: 3 * PAGE, flags: RW, bytes: pages("..c") },
			{ start: 0x23000, size: 4 * PAGE, flags: RW, bytes: pages("d") },
		],
		threads: [{ tid: 1, pc: 1, sp: 1 }],
	};

	test("that are all zero are not counted, and runs are joined over borders", async () => {
		const { core, source } = opened(made);
		const got = await readCorePages(core.segments, source);
		assert.deepEqual([...got.residency.starts], [0x10000, 0x13000, 0x22000]);
		assert.deepEqual([...got.residency.ends], [0x11000, 0x15000, 0x24000]);
		assert.equal(got.zeroBytes, 5 * PAGE);
		assert.equal(got.residency.residentBytes, 5 * PAGE);
		assert.equal(got.uncheckedBytes, 0);
	});

	test("beyond a limit are counted whole and said; writable memory is looked at first", async () => {
		const { core, source } = opened(made);
		const got = await readCorePages(core.segments, source, { bytes: 4 * PAGE, milliseconds: 60_000 });
		assert.equal(got.uncheckedBytes, 6 * PAGE);
		assert.equal(got.zeroBytes, 2 * PAGE);
		assert.deepEqual([...got.residency.starts], [0x10000, 0x22000]);
	});
});

describe("memory of a core", () => {
	test("what is not in the file is missing, and what the core has comes before the executable", () => {
		const { memory } = opened({
			segments: [
				{ start: 0x1000, size: 2 * PAGE, flags: RW, bytes: pages("a") },
				{ start: 0x4000, size: PAGE, flags: RW, bytes: pages("b") },
			],
		});
		const into = new Uint8Array(3 * PAGE);
		assert.equal(memory.readInto(0x1000, into), PAGE);
		assert.equal(memory.readInto(0x2000, into), 0);
		const file = new BufferSource(new Uint8Array(8 * PAGE).fill(9));
		memory.add([{ start: 0x0, end: 0x5000, source: file, offset: 0 }]);
		assert.equal(memory.readInto(0x0, into), 3 * PAGE);
		assert.deepEqual([into[0], into[2 * PAGE - 1], into[2 * PAGE]], [9, 0x61, 9]);
		assert.equal(memory.readInto(0x4ff0, into), 16);
		assert.equal(into[15], 0x62);
	});
});

describe("mappings of a core", () => {
	const stackTop = 0x7ffc00002000;
	const made: MadeCore = {
		maker: "gdb",
		segments: [
			{ start: 0x400000, size: PAGE, flags: 5, bytes: pages("t") },
			{ start: 0xc000000000, size: 2 * PAGE, flags: RW, bytes: pages("h.") },
			{ start: 0xc000002000, size: 2 * PAGE, flags: 4, bytes: pages("..") },
			{ start: 0x7f0000000000, size: PAGE, flags: 4, bytes: new Uint8Array(0) },
			{ start: 0x7f0000001000, size: PAGE, flags: 5, bytes: pages("v") },
			{ start: stackTop - 2 * PAGE, size: 2 * PAGE, flags: RW, bytes: pages(".s") },
		],
		threads: [{ tid: 7, pc: 1, sp: 1 }],
		files: [
			{ start: 0x400000, end: 0x401000, offset: 0, path: "/srv/app" },
			{ start: 0x401000, end: 0x405000, offset: PAGE, path: "/srv/app" },
			{ start: 0x7e0000000000, end: 0x7e0000002000, offset: 0, path: "/memfd:x (deleted)" },
		],
		auxv: [
			[33, 0x7f0000001000],
			[31, stackTop - 100],
		],
	};

	test("have the names that maps would give, and what gdb left out is in the list", async () => {
		const { core, source } = opened(made);
		const { residency } = await readCorePages(core.segments, source);
		assert.ok(core.auxv !== undefined);
		const got = coreMappings({ core, auxv: parseAuxv(core.auxv), program: undefined, residency });
		assert.deepEqual(
			got.mappings.map((m) => [m.start, m.path, m.kind, m.rss]),
			[
				[0x400000, "/srv/app", "file", PAGE],
				[0x401000, "/srv/app", "file", 0],
				[0xc000000000, "", "anon", PAGE],
				[0xc000002000, "", "anon", 0],
				[0x7e0000000000, "/memfd:x", "shmem", 0],
				[0x7f0000000000, "[vvar]", "vvar", 0],
				[0x7f0000001000, "[vdso]", "vdso", PAGE],
				[stackTop - 2 * PAGE, "[stack]", "stack", PAGE],
			],
		);
		assert.equal(got.fileBytesLeftOut, 6 * PAGE);
		// gdb says of reserved memory that it may be read
		assert.deepEqual(
			got.mappings.filter((m) => !m.permissions.read).map((m) => m.start),
			[0xc000002000],
		);
	});
});

describe("the environment in a core", () => {
	const STACK = 0x7ffc00000000;
	const vector = words([6, 4096, 31, STACK + 3000, 0, 0]);

	/** argc, argv, envp, the vector, then the strings. */
	function stack(variables: readonly string[]): Uint8Array {
		const strings = new TextEncoder().encode(`app\0${variables.map((v) => `${v}\0`).join("")}`);
		const at = 3000 - strings.length;
		let next = at + 4;
		const pointers = variables.map((v) => {
			const pointer = STACK + next;
			next += v.length + 1;
			return pointer;
		});
		const head = concat([words([1, STACK + at, 0, ...pointers, 0]), vector]);
		const bytes = new Uint8Array(PAGE);
		bytes.set(head, 512);
		bytes.set(strings, at);
		return bytes;
	}

	function environmentOf(variables: readonly string[], made: Partial<MadeCore> = {}) {
		const { memory } = opened({
			segments: [{ start: STACK, size: PAGE, flags: RW, bytes: stack(variables) }],
			...made,
		});
		return coreEnvironment(memory, { bytes: vector, parsed: parseAuxv(vector) });
	}

	test("only what gomem may know is read", () => {
		assert.deepEqual(environmentOf(["GOGC=50", "PASSWORD=x", "GOMEMLIMIT=1GiB", "GOTRACEBACK=all"]), {
			GOGC: "50",
			GOMEMLIMIT: "1GiB",
		});
		assert.deepEqual(environmentOf([]), {});
	});

	test("a stack that is not there is said", () => {
		assert.ok(isUnavailable(environmentOf(["GOGC=50"], { segments: [] })));
		const { memory } = opened({ segments: [{ start: STACK, size: PAGE, flags: RW, bytes: pages("x") }] });
		assert.ok(isUnavailable(coreEnvironment(memory, { bytes: vector, parsed: parseAuxv(vector) })));
		assert.ok(isUnavailable(coreEnvironment(memory, undefined)));
	});
});

describe("files by their first bytes", () => {
	test("cores, other ELF files, compressed cores, and what is neither", () => {
		const core = makeCore({ segments: [], threads: [{ tid: 1, pc: 1, sp: 1 }] });
		assert.deepEqual(coreTarget("c", core), { kind: "core", path: "c" });
		const program = core.slice();
		program[16] = 2;
		const said = (head: Uint8Array) => JSON.stringify(coreTarget("c", head));
		assert.match(said(program), /program or a library/);
		assert.match(said(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0)), /zstd -d c/);
		assert.match(said(Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0, 0)), /lz4 -d c/);
		const random = seeded(1);
		const long = concat([core, Uint8Array.from({ length: 60_000 }, () => random())]);
		assert.match(said(gzipSync(long).subarray(0, 4096)), /gunzip -k c/);
		assert.equal(coreTarget("c", gzipSync("a profile")), undefined);
		assert.equal(coreTarget("c", new TextEncoder().encode("HeapAlloc = 1")), undefined);
	});
});

describe("a core of no Go program", () => {
	const made: MadeCore = {
		segments: [
			{ start: 0x400000, size: PAGE, flags: RW, bytes: pages("x") },
			{ start: 0x600000, size: 4 * PAGE, flags: RW, bytes: pages("y.z.") },
		],
		threads: [{ tid: 7, pc: 1, sp: 1, signal: 11 }],
	};

	test("has lines that make up what it holds, and says what is missing", async () => {
		const path = join(folder, "core");
		writeFileSync(path, makeCore(made));
		const core = ObservedCore.open(path);
		assert.ok(core instanceof ObservedCore);
		const { reading, runtime } = await core.read();
		core.close();
		assert.equal(runtime, undefined);
		assert.equal(reading.core?.signal, 11);
		const ledger = makeLedger(reading, runtime);
		assert.equal(ledger.rssBytes, 3 * PAGE);
		assert.equal(
			ledger.lines.reduce((n, line) => n + line.bytes, 0),
			3 * PAGE,
		);
		const missing = reading.unavailable.map((part) => part.part);
		assert.ok(missing.includes("executable") && missing.includes("environment") && missing.includes("time"));
	});

	test("flipped bytes never end the run", async () => {
		const random = seeded(3);
		const bytes = makeCore({
			...made,
			files: [{ start: 0x400000, end: 0x401000, offset: 0, path: "/nowhere/app" }],
			auxv: [
				[3, 0x400040],
				[31, 0x600800],
				[33, 0x603000],
			],
		});
		const path = join(folder, "flipped");
		for (let round = 0; round < 300; round++) {
			const damaged = bytes.slice();
			for (let flips = 0; flips < 4; flips++) damaged[random() % 1400] = random() & 0xff;
			writeFileSync(path, damaged);
			const core = ObservedCore.open(path);
			if (isUnavailable(core)) continue;
			const { reading, runtime } = await core.read();
			core.close();
			const ledger = makeLedger(reading, runtime);
			const sum = ledger.lines.reduce((n, line) => n + line.bytes, 0);
			assert.equal(sum + ledger.residualBytes, ledger.rssBytes);
		}
	});
});

test("a segment's bytes never reach past what the file has", () => {
	const bytes = makeCore({ segments: [{ start: 0x1000, size: PAGE, flags: RW, bytes: pages("a") }] });
	const core = parseCore(new BufferSource(bytes.subarray(0, bytes.length - 1000)));
	const [segment] = core.segments as readonly CoreSegment[];
	assert.deepEqual([segment?.dumped, segment?.present, core.cutBytes], [PAGE, PAGE - 1000, 1000]);
});
