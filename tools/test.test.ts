import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "gomem-stages-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What `tests` of a stage makes of these globs, in a process that does not report to this run. */
function totalsOf(...globs: readonly string[]): unknown {
	const { NODE_TEST_CONTEXT: _, ...env } = process.env;
	const code = `const { tests } = await import(${JSON.stringify(join(root, "testing/stages/stage.ts"))});
		console.log("\\n" + JSON.stringify(await tests(${JSON.stringify(globs)})));`;
	const child = spawnSync(process.execPath, ["--input-type=module", "-e", code], { cwd: root, env, encoding: "utf8" });
	return JSON.parse(child.stdout.trim().split("\n").at(-1) ?? "");
}

function write(name: string, text: string): string {
	writeFileSync(join(folder, name), text);
	return relative(root, join(folder, name));
}

test("a stage counts what passed, failed and was skipped", () => {
	const mixed = write(
		"mixed.test.mjs",
		`import { test } from "node:test";
		test("a", () => {}); test("b", () => { throw new Error("no"); }); test("c", { skip: true }, () => {});`,
	);
	assert.deepEqual(totalsOf(mixed), { pass: 1, fail: 1, skipped: 1 });
});

test("a glob without a file, and a file that breaks, are failures", () => {
	assert.deepEqual(totalsOf("src/none/*.test.ts"), { pass: 0, fail: 1, skipped: 0 });
	const broken = write("broken.test.mjs", "throw new Error('at once');");
	assert.deepEqual(totalsOf(broken), { pass: 0, fail: 1, skipped: 0 });
});

test("an unknown stage is an error that lists the stages", () => {
	const child = spawnSync(process.execPath, ["tools/test.ts", "unti"], { cwd: root, encoding: "utf8" });
	assert.equal(child.status, 2);
	assert.match(child.stderr, /no stage unti; the stages are packages, types, lint, /);
});

test("a file that ends before its results are told is a failure", () => {
	const quiet = write(
		"quiet.test.mjs",
		`import { test } from "node:test";
		test("a", () => {}); test("b", () => process.exit(0));`,
	);
	const { fail } = totalsOf(quiet) as { fail: number };
	assert.ok(fail > 0);
});
