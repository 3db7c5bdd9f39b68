import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

const main = join(import.meta.dirname, "main.ts");
const fixture = join(import.meta.dirname, "testdata/fixture.ts");
const folder = mkdtempSync(join(tmpdir(), "gomem-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
	readonly code: number | null;
	readonly out: string;
	readonly err: string;
}

function start(file: string, args: readonly string[], env: Record<string, string> = {}) {
	return spawn(process.execPath, [file, ...args], {
		cwd: folder,
		env: { PATH: process.env["PATH"], HOME: folder, NODE_ENV: "test", ...env },
	});
}

async function run(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
	const child = start(file, args, env);
	let out = "";
	let err = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
	child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
	const [code] = (await once(child, "close")) as [number | null];
	return { code, out, err };
}

describe("gomem", { concurrency: 3 }, () => {
	test("--help is grouped, fits 100 columns and loads no operation", async () => {
		const { code, out } = await run(main, ["--help"], { NODE_DEBUG: "" });
		assert.equal(code, 0);
		assert.match(out, /^gomem itself:\n(?: {2}\S.*\n)* {2}settings/m);
		assert.ok(
			out.split("\n").every((line) => line.length <= 100),
			out,
		);
	});

	test("--version", async () => {
		const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
		assert.deepEqual(await run(main, ["--version"]), { code: 0, out: `gomem ${version}\n`, err: "" });
	});

	test("settings: text, JSON, environment over file", async () => {
		const file = join(folder, "my.toml");
		writeFileSync(file, '[output]\ncolor = "always"\nformat = "json"\n');
		const { code, out } = await run(main, ["--config", file, "settings"], { GOMEM_OUTPUT_COLOR: "never" });
		assert.equal(code, 0);
		const document = JSON.parse(out);
		assert.deepEqual(Object.keys(document).slice(0, 2), ["schema", "file"]);
		const settings = Object.fromEntries(document.settings.map((one: { key: string }) => [one.key, one]));
		assert.equal(settings["output.color"].from, "GOMEM_OUTPUT_COLOR");
		assert.equal(settings["output.format"].from, `${file}:3`);
	});

	test("a mistyped command, flag and choice name the nearest", async () => {
		assert.match((await run(main, ["setings"])).err, /did you mean gomem settings\?/);
		assert.match((await run(main, ["settings", "--chnged"])).err, /did you mean --changed\?/);
		const choice = await run(main, ["settings", "--color", "red"]);
		assert.match(choice.err, /^gomem: --color cannot be "red"\n {2}expected one of auto, always, never\n/);
		assert.equal(choice.code, 2);
	});

	test("schema prints JSON Schemas", async () => {
		const { out } = await run(main, ["schema", "settings"]);
		assert.equal(JSON.parse(out).$id, "gomem.settings/1");
		assert.match((await run(main, ["schema", "setting", "--json"])).out, /"code":"unknown-operation"/);
	});
});

describe("the frame of a command", { concurrency: 3 }, () => {
	test("flags derive from the schema, with units, defaults and repetition", async () => {
		const args = ["tick", "--tags", "a", "--pause", "--tags", "b", "-m", "7", "--no-swap", "4242", "--json"];
		const { out } = await run(fixture, args);
		assert.deepEqual(JSON.parse(out), {
			schema: "gomem.tick/1",
			input: { tags: ["a", "b"], swap: false, pause: 500, minSize: 7, target: "4242" },
			reading: 1,
		});
	});

	test("a query without flags has its defaults", async () => {
		const { out } = await run(fixture, ["tick", "--json"]);
		assert.deepEqual(JSON.parse(out).input, { tags: [], swap: true });
	});

	test("wrong values are told by their flag", async () => {
		assert.match((await run(fixture, ["tick", "--min-size", "0"])).err, /--min-size cannot be 0\n {2}expected a whole/);
		assert.match((await run(fixture, ["tick", "--min-size", "1.5"])).err, /--min-size cannot be 1.5/);
		assert.match((await run(fixture, ["tick", "--every", "5"])).err, /--every cannot be "5"\n {2}expected a duration/);
	});

	test("--help has flags, defaults, effect", async () => {
		const { out } = await run(fixture, ["tick", "--help"]);
		assert.match(out, /--min-size <number>/);
		assert.match(out, /--pause\[=duration\] .*alone: 500ms/);
		assert.match(out, /--no-swap/);
		assert.match(out, /Effect: reads only; --pause pauses the target for a moment/);
		assert.match(out, /--every <duration>/);
	});

	test("--every and --for: one JSON document a line, exit 0", async () => {
		const { out, code } = await run(fixture, ["tick", "--every", "100ms", "--for", "4s", "--json"]);
		const lines = out.trimEnd().split("\n");
		assert.equal(code, 0);
		// beats that a busy machine missed are skipped
		assert.ok(lines.length > 2 && lines.length <= 41, `${lines.length} lines`);
		assert.deepEqual(
			lines.map((line) => JSON.parse(line).reading),
			lines.map((_, i) => i + 1),
		);
	});

	test("SIGINT ends a stream cleanly, which goes on until then", async () => {
		const child = start(fixture, ["tick", "--every", "100ms", "--json"]);
		let out = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			out += text;
			if (out.split("\n").length > 3 && !child.killed) child.kill("SIGINT");
		});
		assert.deepEqual(await once(child, "close"), [0, null]);
		const readings = out
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line).reading);
		assert.ok(readings.length >= 3, out);
	});

	test("a reader that goes away ends gomem quietly", async () => {
		const child = start(fixture, ["flood", "--json"]);
		let err = "";
		child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
		child.stdout.once("data", () => child.stdout.destroy());
		assert.deepEqual(await once(child, "exit"), [0, null]);
		assert.match(err, /^(flood ended\n)?$/);
	});

	test("failures: three lines, or a document; a stack only with --debug", async () => {
		const text = await run(fixture, ["fail"]);
		assert.deepEqual(text, { code: 2, out: "", err: "gomem: process 1 is gone\n  ESRCH\n  → start it again\n" });
		const json = await run(fixture, ["fail", "--json"]);
		assert.deepEqual(JSON.parse(json.out), {
			schema: "gomem.error/1",
			error: { code: "target-gone", message: "process 1 is gone", why: "ESRCH", hint: "start it again" },
		});
		assert.equal(json.err, "");
		const bug = await run(fixture, ["fail", "--bug"]);
		assert.match(bug.err, /TypeError: undefined is not a function\n.*--debug/);
		assert.doesNotMatch(bug.err, /at .*fixture/);
		assert.match((await run(fixture, ["fail", "--bug", "--debug"])).err, /at .*fixture/);
	});

	test("findings exit with 1; control characters of others do not reach the terminal", async () => {
		const found = await run(fixture, ["find", "--color", "never"]);
		assert.equal(found.code, 1);
		assert.match(found.out, /evil\\x1b]0;title\\x07 /);
		assert.equal((await run(fixture, ["find", "--found", "0"])).code, 0);
	});

	test("a report goes to the file of -o: what would be printed, without colour, for its owner only", async () => {
		const file = join(folder, "report.txt");
		writeFileSync(file, "old");
		const args = ["find", "--found", "0", "--color", "always"];
		const printed = await run(fixture, ["find", "--found", "0"]);
		assert.deepEqual(await run(fixture, [...args, "-o", file]), { code: 0, out: `wrote ${file}\n`, err: "" });
		assert.equal(readFileSync(file, "utf8"), printed.out);
		assert.equal(statSync(file).mode & 0o777, 0o600);

		const json = await run(fixture, ["find", "--json", `--output=${file}`]);
		assert.deepEqual(json, { code: 1, out: "", err: "" });
		assert.equal(readFileSync(file, "utf8"), (await run(fixture, ["find", "--json"])).out);

		assert.deepEqual(await run(fixture, [...args, "-o", "-"]), await run(fixture, args));
		const failed = await run(fixture, ["find", "-o", join(folder, "none/report.txt")]);
		assert.deepEqual([failed.code, failed.out], [2, ""]);
		assert.match(failed.err, /none\/report\.txt cannot be written/);
	});

	test("readings one after another do not go to the file of -o", async () => {
		const file = join(folder, "readings.txt");
		const many = await run(fixture, ["tick", "--every", "100ms", "--for", "1m", "-o", file]);
		assert.equal(many.code, 2);
		assert.match(many.err, /^gomem: -o takes one report[^\n]*\n {2}→ [^\n]*gomem tick … > FILE\n$/);
		assert.ok(!existsSync(file));
		assert.equal((await run(fixture, ["tick", "--every", "100ms", "--for", "250ms", "--json", "-o", "-"])).code, 0);
		assert.match((await run(fixture, ["flood", "-o", file])).err, /gomem flood has no flag -o/);
	});

	test("an artifact: named, unnamed, to standard output, to a device, half-way failure", async () => {
		const named = join(folder, "out.bin");
		writeFileSync(named, "old");
		const { out } = await run(fixture, ["dump", "-o", named]);
		assert.match(out, /^size {2}6 B$/m);
		assert.deepEqual([...readFileSync(named)], [1, 2, 3, 4, 5, 6]);
		assert.equal(statSync(named).mode & 0o777, 0o600);

		assert.equal((await run(fixture, ["dump"])).code, 0);
		assert.ok(existsSync(join(folder, "fixture.bin")));
		const again = await run(fixture, ["dump", "--json"]);
		assert.equal(JSON.parse(again.out).error.code, "output-exists");

		assert.equal((await run(fixture, ["dump", "-o", "-"])).out, "\x01\x02\x03\x04\x05\x06");
		assert.equal((await run(fixture, ["dump", "-o", "/dev/null"])).code, 0);
		assert.ok(statSync("/dev/null").isCharacterDevice());

		assert.match((await run(fixture, ["dump", "--fail", "-o", named])).err, /half of it/);
		assert.deepEqual([...readFileSync(named)], [1, 2, 3, 4, 5, 6]);
		assert.deepEqual(
			readdirSync(folder).filter((name) => name.includes("partial")),
			[],
		);
	});
});
