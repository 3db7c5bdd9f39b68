import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { ElfFile } from "../elf/model.ts";
import { ElfImage, findSection } from "../elf/read.ts";
import { findSymbols } from "../elf/symbols.ts";
import { buildGo, type GoBuild, goTool, openElf, run, tscBinary } from "../elf/testdata/go-binary.ts";
import { FUNC_FLAG_TOP_FRAME, wrapperFuncID } from "./func-record.ts";
import { locatePclntab } from "./locate.ts";
import type { Frame } from "./model.ts";
import { openPclntab, type Pclntab } from "./pclntab.ts";

const SOURCE = join(import.meta.dirname, "testdata/frames/main.go");
/** Go's own toolchain is a large real program with symbols: 20,000 functions and more. */
const COMPILER = goTool("compile");

function openTable(elf: ElfFile, goMinor: number, bias = 0): Pclntab {
	const location = locatePclntab(elf);
	assert(location !== undefined);
	const symbols = findSymbols(elf, new Set(["runtime.text", "runtime.pclntab", "go:func.*", "go.func.*"]));
	const address = (name: string): number => (symbols.get(name)?.address ?? Number.NaN) + bias;
	assert.equal(location.address + bias, address("runtime.pclntab"));
	const gofunc = symbols.has("go:func.*") ? address("go:func.*") : address("go.func.*");
	return openPclntab(elf.source, location, {
		text: address("runtime.text"),
		gofunc,
		rodata: new ElfImage(elf),
		bias,
		goMinor,
	});
}

/** Program output: stacks of lines "function|file|line" that end with empty lines. */
function stacksOf(text: string): string[][] {
	const stacks: string[][] = [[]];
	for (const line of text.split("\n")) {
		if (line === "") stacks.push([]);
		else if (line.includes("|")) stacks.at(-1)?.push(line);
	}
	return stacks.slice(0, -2); // behind the last empty line, and behind the last newline
}

/** The first line of the program's output: where main.main is in this run. */
function mainAddress(text: string): number {
	return Number.parseInt(/^main\.main ([0-9a-f]+)$/m.exec(text)?.[1] ?? "", 16);
}

/** Frames as the program prints them: what runtime.CallersFrames leaves out is left out here as well. */
function printed(frames: readonly Frame[], minor: number): string[] {
	return frames
		.filter((frame, i) => i === 0 || frame.funcID !== wrapperFuncID(minor))
		.map((frame) => `${frame.function}|${frame.file}|${frame.line}`);
}

/** Several pcs of each function, from the first byte on. */
function samplePcs(table: Pclntab): number[] {
	const pcs: number[] = [];
	for (let i = 0; i < table.functionCount; i++) {
		const entry = table.entry(i);
		const size = table.end(i) - entry;
		for (const share of size > 0 ? [0, 0.3, 0.6, 0.9] : []) pcs.push(entry + Math.floor(size * share));
	}
	// The program is asked about return addresses, one byte on; the runtime knows none at the end of the code.
	return pcs.filter((pc) => pc + 1 < table.textEnd);
}

/** Compares the frames of pcs all over the binary with what the program itself says about them. */
function compareLookups(command: readonly string[], table: Pclntab, minor: number): { inlined: number; pcs: number } {
	const pcs = samplePcs(table);
	const [program = "", ...args] = command;
	const output = run(program, [...args, "lookup"], pcs.map((pc) => pc.toString(16)).join("\n"));
	// The runtime reads name offset 0, which linkers give the first function, as "no name".
	const truth = stacksOf(output.replaceAll(/^\|/gm, `${table.name(0)}|`));
	assert.equal(truth.length, pcs.length);
	let inlined = 0;
	for (const [i, pc] of pcs.entries()) {
		const frames = table.frames(pc);
		inlined += frames.length - 1;
		const ours = printed(frames, minor);
		// Up to 1.22 CallersFrames gives the innermost of the frames only (runtime/symtab.go, Frames.Next).
		const comparable = minor < 23 ? ours.slice(0, 1) : ours;
		assert.deepEqual(comparable, truth[i], `pc 0x${pc.toString(16)}`);
	}
	return { inlined, pcs: pcs.length };
}

const nightly = process.env["GOMEM_TEST_MATRIX"] === "full" ? ["go1.20.14", "go1.21.13", "go1.22.12", "go1.23.12"] : [];

for (const toolchain of ["go1.18.10", "go1.19.13", "go1.24.13", "go1.25.9", "go1.26.8", "go1.27.3", ...nightly]) {
	const minor = Number(toolchain.split(".")[1]);
	const built = buildGo({ source: SOURCE, toolchain });
	describe(`pclntab of ${toolchain}`, { skip: "unavailable" in built ? built.unavailable : false }, () => {
		if ("unavailable" in built) return;
		const elf = openElf(built.path);
		const table = openTable(elf, minor);

		test("stacks equal what runtime.Callers saw, inlined and generic calls included", () => {
			const output = run(built.path, []);
			const stacks = output.trimEnd().split("\n\n");
			assert.equal(stacks.length, 4);
			for (const stack of stacks) {
				const lines = stack.split("\n");
				const pcs = lines.filter((l) => l.startsWith("pc ")).map((l) => Number.parseInt(l.slice(3), 16));
				const ours: string[] = [];
				// runtime.Callers gives one pc per logical frame; those of outer frames are virtual, and we expand them ourselves.
				while (ours.length < pcs.length) ours.push(...printed(table.frames(pcs[ours.length]! - 1), minor));
				assert.deepEqual(
					ours,
					lines.filter((l) => l.includes("|")),
				);
			}
			assert.match(output, /main\.pair\[\.\.\.\]\.walk\|/);
			assert.match(output, /main\.inlinedOnce\|/);
		});

		test("frames of pcs all over the binary equal runtime.CallersFrames", () => {
			const { inlined, pcs } = compareLookups([built.path], table, minor);
			assert(pcs > 5000);
			assert(inlined > pcs / 10, `${inlined} inlined calls in ${pcs} pcs`);
		});

		test("functions and their addresses equal those of go tool nm", () => {
			compareWithNm(built.path, table);
		});

		test("stack sizes equal those of the debug information (.debug_frame)", () => {
			assert(compareStackSizes(built.path, table) > 5000);
		});

		test("records say what the source says", () => {
			const i = table.findByName(new Set(["main.capture"])).get("main.capture") ?? -1;
			const capture = table.func(i);
			assert.equal(capture.name, "main.capture");
			assert.equal(capture.index, i);
			assert.equal(table.find(capture.entry), i);
			assert.equal(table.find(capture.end - 1), i);
			assert.equal(capture.startLine, minor < 20 ? undefined : 19);
			assert.equal(table.frames(capture.entry)[0]?.startLine, capture.startLine);
			assert.equal(table.file(capture.entry), SOURCE);
			assert.equal(table.line(capture.entry), 19);

			const goexit = table.findByName(new Set(["runtime.goexit"])).get("runtime.goexit") ?? -1;
			assert.equal(table.flag(goexit) & FUNC_FLAG_TOP_FRAME, FUNC_FLAG_TOP_FRAME);

			const wrapper = table.findByName(new Set(["main.(*pair[int,int]).walk", "main.(*pair[...]).walk"]));
			assert(wrapper.size > 0);
			for (const w of wrapper.values()) assert.equal(table.funcID(w), wrapperFuncID(minor));
		});
	});
}

/** Every text symbol that is a Go function of its own is found by address and by name. */
function compareWithNm(path: string, table: Pclntab): void {
	const symbols = run("go", ["tool", "nm", path])
		.split("\n")
		.map((line) => /^\s*([0-9a-f]+) [tT] (.*)$/.exec(line))
		.filter((match) => match !== null)
		.map((match) => ({ address: Number.parseInt(match[1]!, 16), name: match[2]! })); // both groups took part
	// Not functions: the marks of the linker, and what lies outside of the Go code.
	const functions = symbols.filter(
		(s) => s.address < table.textEnd && !["runtime.text", "runtime.etext"].includes(s.name),
	);
	assert(functions.length > 1000);
	// Aliases at one address, and names that the symbol table writes with an ABI suffix or type arguments, compare by address.
	const byAddress = new Map<number, string[]>();
	for (const { address, name } of functions) byAddress.set(address, [...(byAddress.get(address) ?? []), name]);
	for (const [address, names] of byAddress) {
		const i = table.find(address);
		assert.equal(table.entry(i), address, names.join());
		const plain = names.map((name) => name.replace(/\.abi(0|internal)$/, "")).filter((name) => !name.includes("["));
		if (plain.length > 0) {
			// Compilers up to 1.26 number local types with a middle dot, which the symbol table has as a dot.
			assert(plain.includes(table.symbolName(i).replaceAll("·", ".")), `${table.symbolName(i)}: ${names}`);
		}
	}
	assert.equal(byAddress.size, table.functionCount);

	const wanted = new Map<string, number>();
	for (let i = 0; i < table.functionCount; i += 7) {
		const name = table.symbolName(i);
		if (!wanted.has(name)) wanted.set(name, i);
	}
	const found = table.findByName(new Set([...wanted.keys(), "no.such.function", ""]));
	assert.equal(found.size, wanted.size);
	for (const [name, i] of found) {
		assert.equal(table.symbolName(i), name);
		assert(i <= (wanted.get(name) ?? -1));
	}
}

/** The linker writes .debug_frame from the same stack sizes, in another form: CFA = rsp + size + 8 from an address on. */
function compareStackSizes(path: string, table: Pclntab): number {
	let compared = 0;
	for (const line of run("readelf", ["--debug-dump=frames-interp", path]).split("\n")) {
		const row = /^([0-9a-f]{16}) rsp\+(\d+)/.exec(line);
		if (row === null) continue;
		const pc = Number.parseInt(row[1]!, 16); // the expression has both groups
		if (table.find(pc) < 0) continue;
		assert.equal(table.spDelta(pc), Number(row[2]) - 8, `pc 0x${pc.toString(16)} ${table.name(table.find(pc))}`);
		compared++;
	}
	return compared;
}

const variants: (Omit<GoBuild, "source"> & { readonly title: string })[] = [
	{ title: "position-independent", toolchain: "go1.26.8", flags: ["-buildmode=pie"] },
	{
		title: "position-independent, external linker",
		toolchain: "go1.26.8",
		flags: ["-buildmode=pie", "-ldflags=-linkmode=external"],
		cgo: true,
	},
	{
		title: "position-independent, external linker",
		toolchain: "go1.24.13",
		flags: ["-buildmode=pie", "-ldflags=-linkmode=external"],
		cgo: true,
	},
	{ title: "external linker", toolchain: "go1.27.3", flags: ["-ldflags=-linkmode=external"], cgo: true },
];
for (const variant of variants) {
	const built = buildGo({ source: SOURCE, ...variant });
	const skip = "unavailable" in built ? built.unavailable : false;
	test(`frames of ${variant.toolchain}, ${variant.title}, where the kernel loads it`, { skip }, () => {
		if ("unavailable" in built) return;
		const minor = Number(variant.toolchain.split(".")[1]);
		const elf = openElf(built.path);
		const linked = findSymbols(elf, new Set(["main.main"])).get("main.main")?.address ?? Number.NaN;
		// Without address randomisation two runs load it at the same place.
		const fixed = ["-R", built.path];
		const bias = mainAddress(run("setarch", [...fixed, "lookup"], "")) - linked;
		assert.equal(bias > 0, variant.title.startsWith("position"));
		assert(compareLookups(["setarch", ...fixed], openTable(elf, minor, bias), minor).pcs > 5000);
	});
}

/** Files, lines and functions of pcs all over a program against Go's own reader of the table (debug/gosym). */
function compareWithAddr2line(path: string, table: Pclntab): void {
	const pcs = samplePcs(table).filter((_, i) => i % 11 === 0);
	const input = pcs.map((pc) => `0x${pc.toString(16)}\n`).join("");
	const answers = run("go", ["tool", "addr2line", path], input).split("\n");
	for (const [i, pc] of pcs.entries()) {
		const place = `${table.file(pc)}:${table.line(pc)}`;
		// In the padding between functions addr2line says ":-1".
		assert.equal(place === "?:0" ? ":-1" : place, answers[2 * i + 1], `pc 0x${pc.toString(16)}`);
		const innermost = table.frames(pc)[0];
		assert.equal(`${innermost?.file}:${innermost?.line}`, place);
		assert.equal(table.symbolName(table.find(pc)), answers[2 * i]);
	}
}

test("files and lines of a large program equal go tool addr2line", () => {
	const minor = Number(/go1\.(\d+)/.exec(run("go", ["version", COMPILER]))?.[1]);
	const table = openTable(openElf(COMPILER), minor);
	assert(table.functionCount > 15_000);
	compareWithAddr2line(COMPILER, table);
});

const tsc = tscBinary();
test("files and lines of a stripped program equal go tool addr2line", { skip: tsc === undefined }, () => {
	const elf = openElf(tsc ?? "");
	const location = locatePclntab(elf);
	assert(location !== undefined);
	assert.throws(() => openPclntab(elf.source, location), /textStart: expected the address of the code/);
	// Built without cgo: the code starts where .text does.
	compareWithAddr2line(tsc ?? "", openPclntab(elf.source, location, { text: findSection(elf, ".text")?.addr }));
});
