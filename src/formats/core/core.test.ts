import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { BufferSource } from "../../bytes/byte-source.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { FileSource, seeded } from "../elf/testdata/go-binary.ts";
import { parseAuxv } from "../procfs/auxv.ts";
import type { CoreFile } from "./model.ts";
import { parseCore } from "./parse.ts";
import { type MadeCore, makeCore } from "./testdata/core-bytes.ts";

const RW = 6;
const page = (fill: number) => new Uint8Array(4096).fill(fill);

/** Text that was left out but for its first page, data, memory of nobody, a stack. */
const MADE: MadeCore = {
	segments: [
		{ start: 0x400000, size: 0x3000, flags: 5, bytes: page(1) },
		{ start: 0x404000, size: 0x1000, flags: RW, bytes: page(2) },
		{ start: 0xc000000000, size: 0x400000, flags: 0, bytes: new Uint8Array(0) },
		{ start: 0x7ffc00000000, size: 0x2000, flags: RW, bytes: new Uint8Array(8192).fill(3) },
	],
	threads: [
		{ tid: 4242, pc: 0x401234, sp: 0x7ffc00001000, lr: 0x401288, signal: 6 },
		{ tid: 4243, pc: 0x401300, sp: 0xc000002000 },
	],
	name: "orders-api",
	files: [
		{ start: 0x400000, end: 0x403000, offset: 0, path: "/srv/orders-api" },
		{ start: 0x404000, end: 0x405000, offset: 0x3000, path: "/srv/orders-api (deleted)" },
	],
	auxv: [
		[6, 4096],
		[9, 0x401000],
		[31, 0x7ffc00001f00],
	],
};

const parse = (bytes: Uint8Array) => parseCore(new BufferSource(bytes));

function assertMade(core: CoreFile): void {
	assert.deepEqual(
		core.segments.map((s) => [s.start, s.end, s.dumped, s.present, s.flags]),
		[
			[0x400000, 0x403000, 4096, 4096, 5],
			[0x404000, 0x405000, 4096, 4096, RW],
			[0xc000000000, 0xc000400000, 0, 0, 0],
			[0x7ffc00000000, 0x7ffc00002000, 8192, 8192, RW],
		],
	);
	const linked = (lr: number) => (core.arch === "arm64" ? { lr } : {});
	assert.deepEqual(core.threads, [
		{ tid: 4242, signal: 6, registers: { pc: 0x401234, sp: 0x7ffc00001000, ...linked(0x401288) } },
		{ tid: 4243, signal: 0, registers: { pc: 0x401300, sp: 0xc000002000, ...linked(0) } },
	]);
	assert.deepEqual(core.process, { pid: 4242, ppid: 0, uid: 0, gid: 0, name: "orders-api", state: "S" });
	assert.deepEqual(core.files, [
		{ start: 0x400000, end: 0x403000, offset: 0, path: "/srv/orders-api", deleted: false },
		{ start: 0x404000, end: 0x405000, offset: 0x3000, path: "/srv/orders-api", deleted: true },
	]);
	assert.ok(core.auxv !== undefined);
	const auxv = parseAuxv(core.auxv);
	assert.deepEqual([auxv.pageSize, auxv.entry, auxv.execFileName], [4096, 0x401000, 0x7ffc00001f00]);
	assert.deepEqual(core.problems, []);
	assert.equal(core.cutBytes, 0);
}

describe("cores by their makers and machines", () => {
	for (const maker of ["kernel", "gdb"] as const) {
		for (const arch of ["amd64", "arm64"] as const) {
			test(`${maker}, ${arch}`, () => {
				const core = parse(makeCore({ ...MADE, maker, arch }));
				assertMade(core);
				assert.equal(core.maker, maker);
				assert.equal(core.arch, arch);
			});
		}
	}

	test("a count of segments that does not fit in 16 bits", () => {
		const bytes = makeCore({ ...MADE, extended: true });
		assertMade(parse(bytes));
		// the header that has the count is the file's last one; without it, what 65,535 headers would be is not there
		assert.throws(() => parse(bytes.subarray(0, bytes.length - 1)), ParseError);
	});

	test("memory that a hostile header claims is not believed", () => {
		const [text, ...rest] = MADE.segments;
		assert.ok(text !== undefined);
		const over = { ...text, start: text.start + 0x1000 };
		const odd = { ...text, start: 0x600123 };
		const core = parse(makeCore({ ...MADE, segments: [text, over, odd, ...rest] }));
		assert.deepEqual(
			core.segments.map((s) => s.start),
			MADE.segments.map((s) => s.start),
		);
		assert.match(core.problems.join(), /^2 segments overlap/);
	});

	test("a list of files that is longer than its note", () => {
		const bytes = makeCore(MADE);
		new DataView(bytes.buffer).setUint32(findFileNote(bytes), 1_000_000, true);
		const core = parse(bytes);
		assert.deepEqual(core.files, []);
		assert.match(core.problems.join(), /list of mapped files cannot be read/);
	});
});

/** Where the content of NT_FILE begins. */
function findFileNote(bytes: Uint8Array): number {
	const view = new DataView(bytes.buffer);
	for (let at = 64; at < 4096; at += 4) if (view.getUint32(at, true) === 0x46494c45) return at + 12;
	throw new Error("no NT_FILE");
}

describe("damaged cores", () => {
	test("cut at every byte: what is missing is said, or there is a ParseError", () => {
		const bytes = makeCore(MADE);
		let whole = 0;
		for (let length = 0; length <= bytes.length; length += length < 2048 ? 1 : 257) {
			try {
				const core = parse(bytes.subarray(0, length));
				const present = core.segments.reduce((n, s) => n + s.present, 0);
				assert.equal(core.cutBytes + present, 4 * 4096);
				assert.ok(core.cutBytes > 0 || core.threads.length === 2);
				whole++;
			} catch (error) {
				assert.ok(error instanceof ParseError, String(error));
				assert.ok(length < 64 + 5 * 56, `${length} bytes have the program headers`);
			}
		}
		assert.ok(whole > 1000);
	});

	test("flipped bytes: only ParseError escapes", () => {
		const random = seeded(7);
		for (const maker of ["kernel", "gdb"] as const) {
			const bytes = makeCore({ ...MADE, maker });
			const notes = maker === "gdb" ? bytes.length - 1200 : 64;
			for (let round = 0; round < 4000; round++) {
				const damaged = bytes.slice();
				for (let flips = 0; flips < 3; flips++) {
					const at = random() % 2 === 0 ? random() % 400 : notes + (random() % 1200);
					damaged[at] = random() & 0xff;
				}
				try {
					const core = parse(damaged);
					assert.ok(core.segments.every((s) => s.present <= s.dumped && s.dumped <= s.end - s.start));
				} catch (error) {
					assert.ok(error instanceof ParseError, String((error as Error).stack));
				}
			}
		}
	});

	test("what is no core says so", () => {
		assert.throws(() => parse(new Uint8Array(readFileSync(process.execPath)).slice(0, 65536)), /ET_CORE/);
		assert.throws(() => parse(new TextEncoder().encode("no ELF")), ParseError);
	});
});

describe("a core of this kernel", () => {
	const folder = mkdtempSync(join(tmpdir(), "gomem-core-"));
	after(() => rmSync(folder, { recursive: true, force: true }));

	test("as readelf reads it", (t) => {
		const pattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim();
		if (pattern.includes("/") || pattern.startsWith("|")) return t.skip(`this kernel's cores go to ${pattern}`);
		const child = spawnSync("sh", ["-c", "ulimit -c unlimited && kill -ABRT $$"], { cwd: folder });
		if (child.signal !== "SIGABRT") return t.skip(`cores cannot be allowed here: ${String(child.stderr)}`);
		const path = execFileSync("sh", ["-c", "ls core*"], { cwd: folder, encoding: "utf8" }).trim();
		const core = parseCore(new FileSource(join(folder, path)));
		assert.equal(core.maker, "kernel");
		assert.equal(core.process?.pid, child.pid);
		assert.deepEqual(
			core.threads.map((thread) => [thread.tid, thread.signal]),
			[[child.pid, 6]],
		);
		const sp = core.threads[0]?.registers?.sp ?? 0;
		assert.ok(core.segments.some((s) => sp >= s.start && sp < s.end && s.present > 0));
		assert.ok(core.files.some((f) => /\/(da|ba)?sh$/.test(f.path) && f.offset === 0));
		const listed = execFileSync("readelf", ["-lW", join(folder, path)], { encoding: "utf8" })
			.split("\n")
			.map((line) => /^\s+LOAD\s+(0x\w+) (0x\w+) 0x\w+ (0x\w+) (0x\w+)/.exec(line))
			.filter((match) => match !== null)
			.map(([, offset, start, dumped, size]) => [offset, start, dumped, size].map(Number))
			.filter(([, start]) => (start ?? 0) < 2 ** 53);
		assert.deepEqual(
			core.segments.map((s) => [s.offset, s.start, s.dumped, s.end - s.start]),
			listed,
		);
	});
});
