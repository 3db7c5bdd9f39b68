import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "gomem launchers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A tree with the launcher in it and a "node" that says its pid and what it was asked to run. */
const tree = join(folder, "tree");
for (const path of ["bin", "src/cli", "dist", "node_modules/.bin"]) mkdirSync(join(tree, path), { recursive: true });
cpSync(join(root, "bin/gomem"), join(tree, "bin/gomem"));
writeFileSync(join(tree, "src/cli/main.ts"), "");
writeFileSync(join(tree, "package.json"), "{}");
writeFileSync(join(tree, "node_modules/.bin/node"), '#!/bin/sh\necho "$$ $@"\n');
chmodSync(join(tree, "node_modules/.bin/node"), 0o755);

function stamp(seconds: number): void {
	writeFileSync(join(tree, "dist/.stamp"), "");
	utimesSync(join(tree, "dist/.stamp"), Date.now() / 1000 + seconds, Date.now() / 1000 + seconds);
}

function launch(command: string, cwd = "/"): { pid: number; ran: string } {
	// a PATH with another node first: the launcher does not ask it
	const bad = join(folder, "bad");
	mkdirSync(bad, { recursive: true });
	writeFileSync(join(bad, "node"), "#!/bin/sh\necho wrong node\n", { mode: 0o755 });
	const child = spawnSync(command, ["why", "a b"], { cwd, env: { PATH: `${bad}:/usr/bin:/bin` }, encoding: "utf8" });
	assert.equal(child.stderr, "");
	const [pid, ...words] = child.stdout.trim().split(" ");
	assert.equal(Number(pid), child.pid, "the launcher becomes node, it does not start it");
	return { pid: Number(pid), ran: words.join(" ").replace(/^.*\/(src|dist)\//, "$1/") };
}

test("bin/gomem runs the sources without a bundle, and where the bundle is older", () => {
	assert.equal(launch(join(tree, "bin/gomem")).ran, "src/cli/main.ts why a b");
	stamp(-60);
	assert.equal(launch(join(tree, "bin/gomem")).ran, "src/cli/main.ts why a b");
});

test("bin/gomem runs the bundle that is newer than all sources, through symbolic links, from any folder", () => {
	stamp(60);
	assert.equal(launch(join(tree, "bin/gomem")).ran, "dist/main.js why a b");
	symlinkSync(join(tree, "bin/gomem"), join(folder, "absolute"));
	symlinkSync("absolute", join(folder, "relative"));
	assert.equal(launch(join(folder, "absolute")).ran, "dist/main.js why a b");
	assert.equal(launch(join(folder, "relative"), "/tmp").ran, "dist/main.js why a b");
	assert.equal(launch("./relative", folder).ran, "dist/main.js why a b");
	assert.equal(launch("./gomem", join(tree, "bin")).ran, "dist/main.js why a b");
	assert.equal(launch("bin/gomem", tree).ran, "dist/main.js why a b");
});

test("bin/gomem runs the bundle where only tests and their data are newer", () => {
	stamp(-60);
	const sources = [join(tree, "src/cli/main.ts"), join(tree, "package.json")];
	const before = Date.now() / 1000 - 120;
	for (const path of sources) utimesSync(path, before, before);
	mkdirSync(join(tree, "src/cli/testdata/deep"), { recursive: true });
	writeFileSync(join(tree, "src/cli/main.test.ts"), "");
	writeFileSync(join(tree, "src/cli/testdata/fixture.ts"), "");
	writeFileSync(join(tree, "src/cli/testdata/deep/fixture.ts"), "");
	assert.equal(launch(join(tree, "bin/gomem")).ran, "dist/main.js why a b");
	for (const path of sources) {
		utimesSync(path, Date.now() / 1000, Date.now() / 1000);
		assert.equal(launch(join(tree, "bin/gomem")).ran, "src/cli/main.ts why a b", path);
		utimesSync(path, before, before);
	}
});

test("bin/gomem without the repository's Node.js says what to do", () => {
	const bare = join(folder, "bare");
	mkdirSync(join(bare, "bin"), { recursive: true });
	cpSync(join(root, "bin/gomem"), join(bare, "bin/gomem"));
	const child = spawnSync(join(bare, "bin/gomem"), { encoding: "utf8" });
	assert.equal(child.status, 2);
	assert.match(child.stderr, /npm ci/);
});

test("the real launcher runs the real gomem", () => {
	const out = execFileSync(join(root, "bin/gomem"), ["--version"], { cwd: "/", encoding: "utf8" });
	assert.match(out, /^gomem \d+\.\d+\.\d+\n$/);
});
