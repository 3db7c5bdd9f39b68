import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { ByteCount } from "../api/operation.ts";
import { nearest } from "./nearest.ts";
import { visibleText } from "./output.ts";
import { renderAny } from "./render-any.ts";
import { clipPath, table } from "./table.ts";
import { terminalFor } from "./terminal.ts";
import { readWords } from "./words.ts";

const plain = terminalFor({}, "never", {});

test("a table aligns, and cuts its widest text column to fit", () => {
	const columns = [{ head: "name" }, { head: "bytes", right: true }];
	const rows = [
		["a", "1"],
		["b".repeat(40), "1,000"],
	];
	assert.equal(table(columns, [["a", "1"]]), "name  bytes\na         1");
	const lines = table(columns, rows, 30).split("\n");
	assert.ok(lines.every((line) => line.length <= 30));
	assert.equal(lines[2], `${"b".repeat(22)}…  1,000`);
});

test("a path is cut at its front, anything else at its end", () => {
	const path = "/usr/lib/x86_64-linux-gnu/libc.so.6";
	assert.equal(clipPath(path, 100), path);
	assert.equal(clipPath(path, path.length), path);
	assert.equal(clipPath(path, 28), "…/x86_64-linux-gnu/libc.so.6");
	assert.equal(clipPath(path, 26), "…86_64-linux-gnu/libc.so.6");
	assert.equal(clipPath(path, 15), "…/libc.so.6");
	assert.equal(clipPath(path, 11), "…/libc.so.6");
	assert.equal(clipPath(path, 1), "…");
	assert.equal(clipPath("mapped with syscall.Mmap", 11), "mapped wit…");
	assert.equal(table([{ head: "", paths: true }, { head: "" }], [[path, "x"]], 14), "…/libc.so.6  x");
});

test("a pipe is as wide as COLUMNS says; without it texts are made for 100, and rows have no end", () => {
	const widths = (stream: object, env: Record<string, string>) => {
		const { columns, rowColumns } = terminalFor(stream, "auto", env);
		return [columns, rowColumns];
	};
	assert.deepEqual(widths({}, {}), [100, Number.POSITIVE_INFINITY]);
	assert.deepEqual(widths({}, { COLUMNS: "180" }), [180, 180]);
	assert.deepEqual(widths({}, { COLUMNS: "7" }), [40, 40]);
	for (const none of ["", "0", "-5", "wide", "80.5"]) {
		assert.deepEqual(widths({}, { COLUMNS: none }), [100, Number.POSITIVE_INFINITY], none);
	}
	assert.deepEqual(widths({ isTTY: true, columns: 80 }, { COLUMNS: "180" }), [80, 80]);
	assert.deepEqual(widths({ isTTY: true, columns: 0 }, {}), [100, 100]);
});

test("any result becomes text: scalars, tables, nested objects", () => {
	const schema = Type.Object({
		heapInuse: ByteCount(),
		empty: Type.Array(Type.String()),
		rows: Type.Array(Type.Object({ name: Type.String(), size: Type.Optional(ByteCount()) })),
		inner: Type.Object({ ok: Type.Boolean() }),
	});
	const result = {
		schema: "gomem.x/1",
		heapInuse: 2048,
		empty: [],
		rows: [{ name: "a" }, { name: "b", size: 1024 }],
		inner: { ok: true },
	};
	assert.equal(
		renderAny(result, schema, plain),
		"heap inuse  2.0 KiB\nempty       none\n\nrows\n  name     size\n  a\n  b     1.0 KiB\n\ninner\n  ok  yes",
	);
});

test("control characters become visible, colour and line ends stay", () => {
	assert.equal(
		visibleText("a\x1b[31mb\x1b[0m\n\tc\x1b[2Jd\x9b\r\x00"),
		"a\x1b[31mb\x1b[0m\n\tc\\x1b[2Jd\\x9b\\x0d\\x00",
	);
});

test("colour: terminal, NO_COLOR, always", () => {
	assert.equal(terminalFor({ isTTY: true, columns: 80 }, "auto", {}).color, true);
	assert.equal(terminalFor({ isTTY: true }, "auto", { NO_COLOR: "1" }).color, false);
	assert.equal(terminalFor({ isTTY: true }, "auto", { NO_COLOR: "" }).color, true);
	assert.equal(terminalFor({}, "always", { NO_COLOR: "1" }).style("red", "x"), "\x1b[31mx\x1b[39m");
	assert.equal(terminalFor({}, "auto", {}).columns, 100);
});

test("the nearest word", () => {
	assert.equal(nearest("memstast", ["why", "memstats"]), "memstats");
	assert.equal(nearest("hwy", ["why", "memstats"]), "why");
	assert.equal(nearest("mems", ["why", "memstats"]), "memstats");
	assert.equal(nearest("zebra", ["why", "memstats"]), undefined);
});

test("the command is found among global flags, the longest name first", () => {
	const own = (name: string) =>
		({ name, summary: "", group: "gomem itself", usage: "", load: async () => async () => 0 }) as const;
	const entries = [own("heap"), own("heap top"), own("tune predict")];
	const found = (line: string) => {
		const words = readWords(line.split(" "), entries);
		return words.kind === "command" ? [words.entry.name, ...words.rest] : words.kind === "unknown" ? words.word : words;
	};
	assert.deepEqual(found("--json --color never heap 12"), ["heap", "--json", "--color", "never", "12"]);
	assert.deepEqual(found("heap top 12"), ["heap top", "12"]);
	assert.deepEqual(found("help heap"), ["heap", "--help"]);
	assert.deepEqual(found("tune"), { kind: "help", group: "tune" });
	assert.deepEqual(found("--json --help heap"), { kind: "help" });
	assert.equal(found("top"), "top");
});
