import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, describe, test } from "node:test";
import { operations } from "../api/registry.gen.ts";
import { scripts } from "./completion-command.ts";
import { type DescribedCommand, describeCommands, verbsOf } from "./described.ts";
import { ownCommands } from "./own-commands.ts";
import { completed, lacksShell, type Shell, shells } from "./testdata/shells.ts";

const help = { long: "--help", short: "-h", bare: false, repeats: false, about: "its help" };
const target = { name: "TARGET", required: true, repeats: false, target: true, about: "a pid: or [a file]" };

/** Everything that a schema can make of a command, with words that shells take for something of their own. */
const commands: readonly DescribedCommand[] = [
	{
		name: "tune",
		group: "x",
		summary: 'It\'s the "default" verb; $HOME `x` [1]: \\',
		arguments: [target],
		flags: [
			{
				long: "--mode",
				value: "value",
				bare: false,
				choices: ["fast", "slow"],
				repeats: false,
				about: "how: [fast] or 'slow'",
			},
			{ long: "--pause", value: "duration", bare: true, repeats: false, about: "stop it" },
			{ long: "--output", short: "-o", value: "file", bare: false, repeats: false, about: "where to" },
			{ long: "--tag", value: "text", bare: false, repeats: true, about: "a word (may repeat)" },
			{ long: "--no-swap", bare: false, repeats: false, about: "without swap" },
			help,
		],
		examples: [],
	},
	{
		name: "tune predict",
		group: "x",
		summary: "What if",
		arguments: [target],
		flags: [{ ...help, long: "--limit", short: "-l", value: "size" }],
		examples: [],
	},
	{ name: "profile top", group: "x", summary: "Lines", arguments: [], flags: [help], examples: [] },
	{
		name: "schema",
		group: "x",
		summary: "A schema",
		arguments: [
			{
				name: "OPERATION",
				required: false,
				repeats: false,
				target: false,
				choices: ["why", "tune-predict"],
				about: "which",
			},
		],
		flags: [help],
		examples: [],
	},
];

const folder = mkdtempSync(join(tmpdir(), "gomem-completion-"));
after(() => rmSync(folder, { recursive: true, force: true }));
// what scripts call for a TARGET
writeFileSync(
	join(folder, "gomem"),
	"#!/bin/sh\n[ \"$1\" = __complete ] && printf '4242\\torders\\n4243\\tpayments\\npayments\\tpid 4243\\n'\n",
);
chmodSync(join(folder, "gomem"), 0o755);
writeFileSync(join(folder, "some file.gomem"), "");
for (const [shell, make] of Object.entries(scripts)) writeFileSync(join(folder, `script.${shell}`), make(commands));

const rows: readonly { readonly typed: string; readonly offered: readonly string[] }[] = [
	{ typed: "gomem pro", offered: ["profile"] },
	{ typed: "gomem profile ", offered: ["top"] },
	{ typed: "gomem tune pre", offered: ["predict"] },
	{ typed: "gomem tune --mode ", offered: ["fast", "slow"] },
	{ typed: "gomem tune --mode=f", offered: ["fast"] },
	{ typed: "gomem tune --no-", offered: ["--no-swap"] },
	{ typed: "gomem tune 424", offered: ["4242", "4243"] },
	{ typed: "gomem tune --pause 424", offered: ["4242", "4243"] },
	{ typed: "gomem tune --mode fast pay", offered: ["payments"] },
	{ typed: "gomem tune predict --l", offered: ["--limit"] },
	{ typed: "gomem --color always sch", offered: ["schema"] },
	{ typed: "gomem --color al", offered: ["always"] },
	{ typed: "gomem schema tu", offered: ["tune-predict"] },
	{ typed: "gomem tune --output some", offered: ["some file.gomem"] },
];

for (const shell of shells) {
	describe(`completion in ${shell}`, { skip: lacksShell(shell), concurrency: 1 }, () => {
		for (const { typed, offered } of rows) {
			test(typed, async () => {
				const found = await offer(shell, typed);
				assert.deepEqual(found, offered);
			});
		}
		test("all commands, and no flags among them", async () => {
			const found = await offer(shell, "gomem ");
			assert.deepEqual(
				found.filter((word) => !word.startsWith("-") && word !== "help"),
				["profile", "schema", "tune"],
			);
		});
	});
}

async function offer(shell: Shell, typed: string): Promise<readonly string[]> {
	const path = [folder, process.env["PATH"]].join(delimiter);
	const found = await completed(shell, join(folder, `script.${shell}`), typed, { cwd: folder, path });
	// --flag=value: some shells offer the whole word; files: some escape the space
	return found.map((word) => word.replace(/^--[a-z]+=/, "").replaceAll("\\ ", " "));
}

describe("the scripts of this version", () => {
	test("name every command, flag and choice, and parse", async () => {
		const described = await describeCommands([...operations, ...ownCommands]);
		for (const shell of shells) {
			const script = scripts[shell]?.(described) ?? "";
			for (const command of described) {
				assert.ok(script.includes(command.name.split(" ")[0] ?? "?"), `${shell}: ${command.name}`);
				for (const flag of command.flags) {
					assert.ok(
						script.includes(shell === "fish" ? `-l ${flag.long.slice(2)} ` : flag.long),
						`${shell}: ${flag.long}`,
					);
					for (const choice of flag.choices ?? []) assert.ok(script.includes(choice), `${shell}: ${choice}`);
				}
			}
			if (lacksShell(shell) !== false) continue;
			const file = join(folder, `whole.${shell}`);
			writeFileSync(file, script);
			execFileSync(shell, ["-n", file]);
		}
	});

	test("flags say whether they take a value", async () => {
		const [why] = await describeCommands(operations.filter((one) => one.name === "why"));
		const flag = (long: string) => why?.flags.find((one) => one.long === long);
		assert.deepEqual([flag("--pause")?.bare, flag("--pause")?.value], [true, "duration"]);
		assert.deepEqual([flag("--json")?.value, flag("--color")?.choices], [undefined, ["auto", "always", "never"]]);
		assert.deepEqual([flag("--output")?.short, flag("--output")?.value], ["-o", "file"]);
		assert.equal(why?.arguments[0]?.name, "TARGET");
	});

	test("verbs of a group", () => {
		assert.deepEqual(
			[...verbsOf(commands)],
			[
				["tune", ["predict"]],
				["profile", ["top"]],
			],
		);
	});
});
