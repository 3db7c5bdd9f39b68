import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { operations } from "../api/registry.gen.ts";
import { manualText } from "./man-command.ts";
import { manPage } from "./man-page.ts";
import { ownCommands } from "./own-commands.ts";

const EPOCH = "1700000000";
const has = (program: string) => spawnSync(program, ["--help"]).error === undefined;

describe("the man page", () => {
	test("tells every command with its flags and examples", async () => {
		const text = (await manualText(EPOCH)).replaceAll("\\-", "-");
		assert.match(text, /^\.TH GOMEM 1 2023-11-14 "gomem \d+\.\d+\.\d+"/m);
		for (const { name, summary } of [...operations, ...ownCommands]) {
			assert.ok(text.includes(`\n.SS gomem ${name}`), name);
			// lines are filled anew
			assert.ok(text.replace(/\n/g, " ").includes(summary.split(" ").slice(0, 3).join(" ")), summary);
		}
		assert.match(text, /^\.B --pause\[=duration\]$/m);
		assert.match(text, /^\.B gomem why 4242$/m);
	});

	test("mandoc finds nothing to warn of", { skip: !has("mandoc") && "there is no mandoc here" }, async () => {
		const { status, stdout, stderr } = spawnSync("mandoc", ["-T", "lint", "-W", "all"], {
			input: await manualText(EPOCH),
		});
		assert.deepEqual([status, String(stdout), String(stderr)], [0, "", ""]);
	});

	test("mandoc shows what was written", { skip: !has("mandoc") && "there is no mandoc here" }, () => {
		const about = '.TH isn\'t \\fB a "request" --x, 10\u00a0\u00b5s: \u2026 C:\\new.';
		const page = manPage(
			[
				{
					name: "odd",
					group: "gomem itself",
					summary: about,
					arguments: [],
					flags: [],
					examples: [{ command: ".odd 'x' \\n", says: "'tis" }],
				},
			],
			{ version: "1.2.3", date: "2026-01-02" },
		);
		const { stdout } = spawnSync("mandoc", ["-T", "utf8", "-O", "width=200"], { input: page });
		// bold is letter, backspace, letter
		const shown = String(stdout)
			.replace(/.[\b]/gu, "")
			.replace(/[\u2010\u2011]/g, "-");
		for (const text of ['.TH isn\'t \\fB a "request" --x, 10', "C:\\new.", ".odd 'x' \\n", "'tis"]) {
			assert.ok(shown.includes(text), `${text} in ${shown}`);
		}
	});
});
