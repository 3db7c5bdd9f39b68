import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");
/** CI=1: nothing is skipped, whatever it costs. */
export const ci = Boolean(process.env["CI"]) && process.env["CI"] !== "false" && process.env["CI"] !== "0";

/** How a stage ended, in tests; a stage that is no test run counts as one. */
export interface Totals {
	readonly pass: number;
	readonly fail: number;
	readonly skipped: number;
}

/** What a stage lacks here, where bringing it costs more than two minutes. */
export interface Missing {
	readonly why: string;
	/** the command that adds it */
	readonly command: string;
}

/** One stage of `npm test`: a file testing/stages/<name>.stage.ts exports it as `stage`. */
export interface Stage {
	readonly name: string;
	readonly says: string;
	/** stages run in this order */
	readonly order: number;
	needs?(): Promise<Missing | undefined>;
	run(): Promise<Totals>;
}

/** Runs commands with this Node, one after another, as one check that passes when all exit with 0. */
export async function check(...commands: readonly (readonly string[])[]): Promise<Totals> {
	let failed = 0;
	for (const command of commands) if ((await run(command)).code !== 0) failed = 1;
	return { pass: 1 - failed, fail: failed, skipped: 0 };
}

/**
 * Runs the test files that the globs name. On 2 cores Node would run one file at a time, and most wait for processes that
 * they started: `concurrency` files at once. A glob that matches nothing is a failure, and so is a run without tests, and a
 * file whose results are not all there.
 */
export async function tests(globs: readonly string[], { concurrency = 3 } = {}): Promise<Totals> {
	for (const glob of globs) {
		if (globSync(glob, { cwd: root }).length > 0) continue;
		console.error(`no test file matches ${glob}`);
		return { pass: 0, fail: 1, skipped: 0 };
	}
	const folder = mkdtempSync(join(tmpdir(), "gomem-tests-"));
	try {
		const finished = join(folder, "finished");
		const { code, output } = await run(
			[
				"--test",
				`--test-concurrency=${concurrency}`,
				// of a test, and of a file: what a test leaves open that keeps its file alive fails it
				"--test-timeout=300000",
				...["--test-reporter=spec", "--test-reporter-destination=stdout"],
				...[`--test-reporter=${join(import.meta.dirname, "finished-files.ts")}`],
				...[`--test-reporter-destination=${finished}`],
				...globs,
			],
			true,
		);
		const total = (what: string) => Number(new RegExp(`^ℹ ${what} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
		const told = new Set(readFileSync(finished, "utf8").split("\n"));
		const lost = globSync(globs, { cwd: root }).filter((file) => !told.has(join(root, file)));
		for (const file of lost) console.error(`no results of ${file}`);
		// a file that breaks is told as a test that failed, too
		const fail = Math.max(total("fail") + total("cancelled"), lost.length);
		const empty = total("tests") === 0;
		if (empty) console.error(`no tests in ${globs.join(" ")}`);
		return { pass: total("pass"), fail: fail > 0 || (code === 0 && !empty) ? fail : 1, skipped: total("skipped") };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function run(args: readonly string[], keep = false): Promise<{ code: number | null; output: string }> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", keep ? "pipe" : "inherit", "inherit"] });
		let output = "";
		child.stdout?.setEncoding("utf8").on("data", (text: string) => {
			output += text;
			process.stdout.write(text);
		});
		child.on("error", reject);
		child.on("close", (code) => resolve({ code, output }));
	});
}
