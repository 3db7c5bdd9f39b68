import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { operations } from "../../src/api/registry.gen.ts";
import { goProcesses } from "../../src/capture/go-processes.ts";
import { startNode } from "../../src/capture/linux/test-target.ts";
import { ownCommands } from "../../src/cli/own-commands.ts";
import { completed, lacksShell, shells } from "../../src/cli/testdata/shells.ts";
import { skipReason, startSubject } from "../subjects.ts";

const exec = promisify(execFile);
const launcher = join(import.meta.dirname, "../../bin/gomem");
const folder = mkdtempSync(join(tmpdir(), "gomem-completions-"));
after(() => rmSync(folder, { recursive: true, force: true }));
symlinkSync(launcher, join(folder, "gomem"));
writeFileSync(join(folder, "monday.gomem"), "");
chmodSync(folder, 0o755);
const path = [folder, process.env["PATH"]].join(delimiter);
const skip = await skipReason("cheap");

/**
 * Completion offers what it finds in a quarter of a second, which a busy machine may not be able to: in what is started here
 * that time does not pass.
 */
const standing = join(folder, "standing.mjs");
writeFileSync(standing, "performance.now = () => 0;\n");
process.env["NODE_OPTIONS"] = `--import=${standing}`;

for (const shell of shells) {
	test(`${shell}: what gomem completion ${shell} prints completes gomem itself`, {
		skip: lacksShell(shell) || skip,
	}, async () => {
		const { stdout } = await exec(launcher, ["completion", shell]);
		const script = join(folder, `script.${shell}`);
		writeFileSync(script, stdout);
		const offer = (typed: string) => completed(shell, script, typed, { cwd: folder, path });
		const commands = (await offer("gomem ")).filter((word) => !word.startsWith("-") && word !== "help");
		const firsts = [...operations, ...ownCommands].map((one) => one.name.split(" ")[0] ?? "");
		assert.deepEqual(commands, [...new Set(firsts)].sort());
		assert.deepEqual(await offer("gomem ps --sort g"), ["goroutines"]);
		assert.deepEqual(await offer("gomem why --pau"), ["--pause"]);
		await using subject = await startSubject("cheap");
		const pid = String(subject.pid);
		const offered = await offer(`gomem why ${pid}`);
		assert.ok(offered.includes(pid) && offered.every((word) => word.startsWith(pid)), offered.join(" "));
		assert.deepEqual(await offer("gomem why mon"), ["monday.gomem"]);
	});
}

describe("running Go processes for a TARGET", () => {
	test("are Go's, and no others", { skip }, async () => {
		await using subject = await startSubject("cheap");
		await using node = await startNode('console.log("ready"); process.stdin.resume();');
		const found = goProcesses(60_000);
		assert.equal(found.find((one) => one.pid === subject.pid)?.name, "cheap");
		assert.ok(!found.some((one) => one.pid === node.pid));
		assert.deepEqual(goProcesses(0), [], "no time, no answer");
	});

	test("gomem __complete says pid and name, and names of one process", { skip }, async () => {
		await using subject = await startSubject("cheap");
		const { stdout } = await exec(launcher, ["__complete"]);
		const lines = stdout.trimEnd().split("\n");
		assert.ok(
			lines.every((line) => /^\S+\t\S.*$/.test(line)),
			stdout,
		);
		assert.ok(lines.includes(`${subject.pid}\tcheap`), stdout);
	});

	test("an unknown shell is an error that names those there are", async () => {
		const failed = await exec(launcher, ["completion", "csh", "--json"]).catch((error: { stdout: string }) => error);
		assert.match(failed.stdout, /"code":"unknown-shell".*bash, zsh, fish/);
	});
});
