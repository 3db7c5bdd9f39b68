import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

let folder = "";
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "gomem-imports-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function check(tool: string, files: Readonly<Record<string, string>>): { status: number | null; problems: string[] } {
	const all = {
		"package.json": '{ "dependencies": { "typebox": "1" }, "devDependencies": { "fast-check": "4" } }',
		...files,
	};
	for (const [path, text] of Object.entries(all)) {
		mkdirSync(join(folder, dirname(path)), { recursive: true });
		writeFileSync(join(folder, path), text);
	}
	const child = spawnSync(process.execPath, [join(import.meta.dirname, tool), "--root", folder], { encoding: "utf8" });
	return {
		status: child.status,
		problems: child.stderr
			.trim()
			.split("\n")
			.filter((line) => line !== ""),
	};
}

test("imports: what is allowed", () => {
	const { status, problems } = check("check-imports.ts", {
		"src/bytes/a.ts": "export const a = 1;\n",
		"src/formats/x/b.ts": 'import { a } from "../../bytes/a.ts";\nexport { a };\n',
		"src/formats/x/b.test.ts":
			'import "node:fs";\nimport fc from "fast-check";\nimport { b } from "./testdata/t.ts";\n',
		"src/formats/x/testdata/t.ts": 'import { readFileSync } from "node:fs";\n',
		"src/capture/c.ts": 'import { readFileSync } from "node:fs";\nimport {\n\ta,\n} from "../bytes/a.ts";\n',
		"src/api/why.ts": 'import { Type } from "typebox";\nimport type { W } from "./model.ts";\nexport type V = W;\n',
		"src/api/model.ts": 'import type { V } from "./why.ts";\nexport const load = () => import("./why.ts");\n',
		"src/ui/page.tsx": 'import type { V } from "../api/why.ts";\nimport { a } from "../bytes/a.ts";\n',
	});
	assert.deepEqual(problems, []);
	assert.equal(status, 0);
});

test("imports: what is not", () => {
	const { status, problems } = check("check-imports.ts", {
		"src/bytes/a.ts": '\nimport { readFileSync } from "node:fs";\nimport {\n\tb,\n} from "../formats/b.ts";\n',
		"src/formats/b.ts": 'export * from "../evidence/none.ts";\nimport "left-pad";\nimport fc from "fast-check";\n',
		"src/formats/c.ts": 'import { d } from "./d.ts";\nconst x = await import("../api/run.ts");\n',
		"src/formats/d.ts": 'import { c } from "./c.ts";\n',
		"src/api/run.ts": 'import { x } from "../../tools/x.ts";\n',
		"src/ui/page.ts": 'import { run } from "../api/run.ts";\nimport "../capture/e.ts";\nimport "node:fs";\n',
		"src/capture/e.ts": 'import "../odd/f.ts";\n',
		"src/odd/f.ts": "",
	});
	assert.equal(status, 1);
	assert.deepEqual(problems, [
		"src/api/run.ts:1: tools/x.ts is outside of src/",
		"src/bytes/a.ts:2: bytes/ is pure: no node:fs",
		"src/bytes/a.ts:3: bytes/ stands before formats/ and may not import from it",
		"src/capture/e.ts:1: odd/ is in no layer",
		"src/formats/b.ts:1: src/evidence/none.ts does not exist",
		"src/formats/b.ts:2: left-pad is no dependency of package.json",
		"src/formats/b.ts:3: fast-check is no dependency of package.json",
		"src/formats/c.ts:2: formats/ stands before api/ and may not import from it",
		"src/ui/page.ts:1: ui/ takes only types from api/, and pure layers: not api/",
		"src/ui/page.ts:2: ui/ takes only types from api/, and pure layers: not capture/",
		"src/ui/page.ts:3: ui/ is pure: no node:fs",
		"cycle: src/formats/c.ts → src/formats/d.ts → src/formats/c.ts",
	]);
});

test("documents: cited paths exist", () => {
	const { status, problems } = check("check-docs.ts", {
		"src/api/why.ts": "",
		"README.md":
			"See `src/api/<name>.ts`, `src/api/why.ts`, [more](LICENSE#top) and `go/types`.\n\n`src/api/gone.ts` `dist/x`\n",
	});
	assert.equal(status, 1);
	assert.deepEqual(problems, ["README.md:1: LICENSE does not exist", "README.md:3: src/api/gone.ts does not exist"]);
});
