import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, globSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const copy = mkdtempSync(join(tmpdir(), "gomem-new-"));
const made = ["check zz-size", "format zz-list", "operation zz-say", "operation zzlen"];

before(async () => {
	// without the tests: the other parts have theirs
	for (const path of ["src", "tools", "testing/operations.ts", "package.json", "tsconfig.json", "biome.json"]) {
		cpSync(join(root, path), join(copy, path), {
			recursive: true,
			filter: (from) => !from.endsWith(".test.ts") && !from.includes("testdata"),
		});
	}
	symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
	for (const words of made) await run(process.execPath, ["tools/new.ts", ...words.split(" ")], { cwd: copy });
});

after(() => rmSync(copy, { recursive: true, force: true }));

test("what a scaffold writes passes its own tests", async () => {
	const files = globSync(["src/checks/zz*.test.ts", "src/formats/zz*/*.test.ts", "src/api/zz*.test.ts"], { cwd: copy });
	assert.equal(files.length, made.length);
	// a run inside of a test run would report to the outer one
	const { NODE_TEST_CONTEXT: _, ...env } = process.env;
	const { stdout } = await run(process.execPath, ["--test", ...files], { cwd: copy, env });
	assert.match(stdout, /^ℹ pass 10$/m);
	assert.match(stdout, /^ℹ fail 0$/m);
});

test("a new operation is a command at once, with flags and schema", async () => {
	const { stdout } = await run(process.execPath, ["src/cli/main.ts", "zz", "say", "--text", "four", "--json"], {
		cwd: copy,
	});
	assert.deepEqual(JSON.parse(stdout), { schema: "gomem.zz-say/1", text: "four", characters: 4 });
	assert.deepEqual(globSync("docs/schemas/zz*.json", { cwd: copy }).sort(), [
		"docs/schemas/zz-say.json",
		"docs/schemas/zzlen.json",
	]);
});

test("what a scaffold writes is formatted and typed", async () => {
	const files = globSync("src/**/zz*.ts", { cwd: copy });
	await run(
		process.execPath,
		[
			join(root, "node_modules/@biomejs/biome/bin/biome"),
			"check",
			"--vcs-enabled=false",
			...files,
			"src/checks/check.ts",
		],
		{ cwd: copy },
	);
	const types = run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"], {
		cwd: copy,
	});
	const output = await types.then(
		() => "",
		(error: { stdout: string }) => error.stdout,
	);
	assert.deepEqual(
		output.split("\n").filter((line) => /zz|checks/.test(line)),
		[],
	);
});

test("an existing file is never overwritten, and a bad name is refused", async () => {
	await assert.rejects(run(process.execPath, ["tools/new.ts", "operation", "zz-say"], { cwd: copy }), /exists already/);
	await assert.rejects(run(process.execPath, ["tools/new.ts", "operation", "Zz"], { cwd: copy }), /is no name/);
});
