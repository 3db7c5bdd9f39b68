/**
 * npm test [-- STAGE…]: runs the stages of testing/stages/ in order, all of them even where one fails, and ends with the
 * sum of their tests. Without CI=1 a stage whose prerequisites are missing and slow to bring is skipped, aloud.
 * `npm test -- --list` lists the stages.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { ci, root, type Stage } from "../testing/stages/stage.ts";

const wanted = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const stages = (await Promise.all(globSync("testing/stages/*.stage.ts", { cwd: root }).map(load))).sort(
	(a, b) => a.order - b.order,
);
const unknown = wanted.find((name) => !stages.some((stage) => stage.name === name));

if (process.argv.includes("--list")) {
	for (const stage of stages) console.log(`${stage.name.padEnd(12)} ${stage.says}`);
} else if (unknown !== undefined) {
	console.error(`there is no stage ${unknown}; the stages are ${stages.map((stage) => stage.name).join(", ")}`);
	process.exitCode = 2;
} else {
	await runAll(stages.filter((stage) => wanted.length === 0 || wanted.includes(stage.name)));
}

async function load(path: string): Promise<Stage> {
	const module = (await import(join(root, path))) as { readonly stage: Stage };
	return module.stage;
}

async function runAll(chosen: readonly Stage[]): Promise<void> {
	const summary: string[] = [];
	let pass = 0;
	let fail = 0;
	let skipped = 0;
	for (const stage of chosen) {
		console.log(`\n── ${stage.name}: ${stage.says}`);
		const missing = ci ? undefined : await stage.needs?.();
		if (missing !== undefined) {
			const line = `skipped: ${missing.why}; ${missing.command}`;
			console.log(line);
			summary.push(`${stage.name.padEnd(12)} ${line}`);
			skipped++;
			continue;
		}
		const start = performance.now();
		const totals = await stage.run();
		const minutes = ((performance.now() - start) / 60e3).toFixed(1);
		pass += totals.pass;
		fail += totals.fail;
		skipped += totals.skipped;
		const skips = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
		summary.push(
			`${stage.name.padEnd(12)} ${minutes.padStart(4)} min  ${totals.pass} passed, ${totals.fail} failed${skips}`,
		);
	}
	console.log(`\n${summary.join("\n")}\n`);
	console.log(`${pass} passed, ${fail} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
	if (fail > 0 || pass === 0) process.exitCode = 1;
}
