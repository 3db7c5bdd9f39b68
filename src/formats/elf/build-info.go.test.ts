import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { type BuildInfo, readBuildInfo } from "./build-info.ts";
import { parseBuildInfoText } from "./build-info-text.ts";
import { findGoVersion, findGoVersionInData } from "./go-version.ts";
import { findSection } from "./read.ts";
import {
	buildGo,
	elfOf,
	fileBytes,
	goTool,
	openElf,
	run,
	tscBinary,
	withoutSectionHeaders,
} from "./testdata/go-binary.ts";

const SOURCE = join(import.meta.dirname, "../pclntab/testdata/frames/main.go");

/** The text of `go version -m`, from our model. */
function asGoPrints(info: BuildInfo): string[] {
	const lines = [info.goVersion, `path\t${info.path}`];
	const add = (
		word: string,
		m: { path: string; version: string; sum?: string; replace?: { path: string; version: string; sum?: string } },
	): void => {
		lines.push(
			m.replace === undefined ? `${word}\t${m.path}\t${m.version}\t${m.sum ?? ""}` : `${word}\t${m.path}\t${m.version}`,
		);
		if (m.replace !== undefined) add("=>", m.replace);
	};
	if (info.main !== undefined) add("mod", info.main);
	for (const m of info.dependencies) add("dep", m);
	for (const [key, value] of Object.entries(info.settings)) lines.push(`build\t${key}=${value}`);
	return lines;
}

function truth(path: string): string[] {
	const [first = "", ...rest] = run("go", ["version", "-m", path]).trimEnd().split("\n");
	return [first.slice(path.length + 2), ...rest.map((line) => line.slice(1).replaceAll('"', ""))];
}

const binaries = ["asm", "compile", "link", "vet"].map(goTool);
const tsc = tscBinary();
if (tsc !== undefined) binaries.push(tsc);
const go27 = buildGo({ source: SOURCE, toolchain: "go1.27.3" });
const pie = buildGo({
	source: SOURCE,
	toolchain: "go1.24.13",
	flags: ["-buildmode=pie", "-ldflags=-linkmode=external"],
	cgo: true,
});
const stripped = buildGo({
	source: SOURCE,
	toolchain: "go1.26.8",
	flags: ["-ldflags=-s -w", "-race=false", "-tags=a,b"],
});
for (const built of [go27, pie, stripped]) if ("path" in built) binaries.push(built.path);

test("the Go tools are there", () => {
	assert(readdirSync(dirname(goTool("compile"))).includes("compile"));
});

for (const path of binaries) {
	describe(path.slice(path.lastIndexOf("/") + 1), () => {
		const elf = openElf(path);
		const expected = truth(path);

		test("build info equals go version -m", () => {
			const info = readBuildInfo(elf);
			assert(info !== undefined);
			assert.deepEqual(
				asGoPrints(info).map((line) => line.replaceAll('"', "")),
				expected,
			);
			assert.deepEqual(findGoVersion(elf), { version: expected[0], source: "build info" });
		});

		test("build info is found without section headers", () => {
			const bytes = withoutSectionHeaders(fileBytes(path));
			assert.deepEqual(readBuildInfo(elfOf(bytes)), readBuildInfo(elf));
		});

		test("the version is known without build info, by name and without", () => {
			// As esbuild's published binaries: no build info; then no symbols; then no section headers.
			const bytes = fileBytes(path);
			const section = findSection(elf, ".go.buildinfo");
			assert(section !== undefined);
			bytes.fill(0, section.offset, section.offset + section.size);
			const bare = elfOf(bytes);
			assert.equal(readBuildInfo(bare), undefined);
			assert.equal(findGoVersion(bare)?.version, expected[0]);
			const nameless = elfOf(withoutSectionHeaders(bytes));
			assert.deepEqual(findGoVersionInData(nameless), { version: expected[0], source: "variable" });
		});
	});
}

test("what is not Go has neither build info nor a version", () => {
	for (const path of ["/bin/ls", process.execPath]) {
		const elf = openElf(path);
		assert.equal(readBuildInfo(elf), undefined, path);
		assert.equal(findGoVersion(elf), undefined, path);
	}
});

describe("build info text", () => {
	test("replaced modules, quoted settings and modules without sums", () => {
		const text = [
			"path\texample.com/cmd/x",
			"mod\texample.com\t(devel)\t",
			"dep\ta.example/one\tv1.2.3",
			"=>\t../one\t(devel)\t",
			"dep\tb.example/two\tv0.1.0\th1:abc=",
			'build\t-ldflags="-s -w -X main.version=\\"1 2\\""',
			"build\t`odd key`=`raw \\n`",
			"build\t__proto__=own",
			'build\tbroken="no end',
			"build\t=nothing",
			"dep\ttoo\tmany\tcolumns\there",
			"",
		].join("\n");
		const info = parseBuildInfoText(text);
		assert.equal(info.path, "example.com/cmd/x");
		assert.deepEqual(info.main, { path: "example.com", version: "(devel)" });
		assert.deepEqual(info.dependencies, [
			{ path: "a.example/one", version: "v1.2.3", replace: { path: "../one", version: "(devel)" } },
			{ path: "b.example/two", version: "v0.1.0", sum: "h1:abc=" },
		]);
		assert.deepEqual(Object.entries(info.settings), [
			["-ldflags", '-s -w -X main.version="1 2"'],
			["odd key", "raw \\n"],
			["__proto__", "own"],
		]);
	});

	test("escapes are Go's", () => {
		const { settings } = parseBuildInfoText(
			'build\ta="\\a\\x41\\102\\u00e9\\U0001F600\\t\\\\"\nbuild\tb="\\q"\nbuild\tc="\\U7fffffff"\n',
		);
		assert.deepEqual(Object.entries(settings), [["a", "\x07AB\u00e9\u{1F600}\t\\"]]);
	});
});
