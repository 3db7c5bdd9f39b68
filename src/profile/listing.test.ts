import assert from "node:assert/strict";
import { test } from "node:test";
import { ProfileBuilder } from "../formats/pprof/builder.ts";
import { listing, listReport } from "./listing.ts";
import { prepare } from "./prepare.ts";

const b = new ProfileBuilder([{ type: "space", unit: "bytes" }]);
const put = b.function({ name: "cache.Put", filename: "/src/cache.go", startLine: 3 });
const main = b.function({ name: "main.main", filename: "/src/main.go" });
const unknown = b.function({ name: "cache.Nowhere" });
const line = (of: number, at: number) => b.location({ lines: [{ function: of, line: at }] });
b.sample([line(put, 5), line(main, 20)], [1024]);
b.sample([line(put, 5), line(main, 21)], [1024]);
b.sample([line(put, 4), line(main, 20)], [512]);
b.sample([line(unknown, 0)], [1]);
const profile = b.finish();
const text = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`);

function listed(pattern: string) {
	const prepared = prepare(profile, { format: "list", pattern });
	assert.ok(!("error" in prepared));
	const read = (path: string) => (path === "/src/cache.go" ? { lines: text } : { error: `open ${path}: no such file` });
	return { prepared, found: listing(prepared, read) };
}

test("lines from the function's first to some after the last with samples", () => {
	const { found } = listed("Put");
	assert.ok(!("error" in found));
	const [only] = found;
	assert.deepEqual([found.length, only?.flat, only?.cum], [1, 2560, 2560]);
	assert.deepEqual(
		only?.lines.map((one) => [one.line, one.text, one.flat]),
		[3, 4, 5, 6, 7, 8, 9, 10].map((at) => [at, `line ${at}`, at === 5 ? 2048 : at === 4 ? 512 : 0]),
	);
});

test("what has no source says so, and pprof's text is made of it", () => {
	const { prepared, found } = listed("cache|main");
	assert.ok(!("error" in found));
	const report = [...listReport(prepared, found)].join("");
	assert.match(report, /^Total: 2\.50kB\nNo source information for cache\.Nowhere\n/);
	assert.match(
		report,
		/ROUTINE =+ main\.main in \/src\/main\.go\n +0 +2\.50kB \(flat, cum\) +100% of Total\n Error: open \/src\/main\.go/,
	);
	assert.match(report, / {7}2kB {8}2kB {6}5:line 5\n/);
});

test("a pattern that matches nothing is an error", () => {
	assert.deepEqual(listed("none").found, { error: "no matches found for regexp: none" });
});
