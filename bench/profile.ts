/**
 * node bench/profile.ts [runs]: `gomem profile` beside `go tool pprof`, whole processes, run in turn, on made-up heap profiles
 * of 5,000 and of 300,000 stacks (subjects/profiles). Prints medians, the ratio of the medians, and peak memory. `-dot` stands
 * for the call graph: pprof's -svg is that and a graphviz of the system; where there is one, -svg is measured, too.
 * To reach: top 40 times as fast on the large one and 4 times on the small one, at half the memory at most; a flame graph page
 * of 300,000 stacks in 3 s.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../src/cli/table.ts";
import { madeUpProfile } from "../testing/pprof-corpus.ts";
import { MiB, measure, median, type Run } from "./measure.ts";

const main = join(import.meta.dirname, "../dist/main.js");
const runs = Number(process.argv[2] ?? 3);
/** the tool itself, not the go command that starts it */
const pprof = spawnSync("go", ["tool", "-n", "pprof"], { encoding: "utf8" }).stdout.trim();
const folder = mkdtempSync(join(tmpdir(), "gomem-bench-"));
const hasGraphviz = spawnSync("dot", ["-V"], { stdio: "ignore" }).status === 0;
/** pprof's flag, and our words */
const verbs: readonly (readonly [string, readonly string[]])[] = [
	["top", ["top"]],
	["tree", ["tree"]],
	["peek=alloc", ["peek", "alloc"]],
	["dot", ["dot"]],
	...(hasGraphviz ? ([["svg", ["svg"]]] as const) : []),
];

interface Pair {
	readonly theirs: Run[];
	readonly ours: Run[];
}

const rows: string[][] = [];
try {
	for (const stacks of [5000, 300_000]) await compare(stacks, await madeUpProfile(stacks));
	const heads = ["", "go tool pprof", "gomem", "ratio", "CPU ratio", "pprof peak", "gomem peak", "peak ratio"];
	console.log(`medians of ${runs}`);
	console.log(
		table(
			heads.map((head, i) => ({ head, right: i > 0 })),
			rows,
		),
	);
	const flames: Run[] = [];
	const page = join(folder, "flame.html");
	const large = await madeUpProfile(300_000);
	for (let run = 0; run < runs; run++)
		flames.push(await measure(process.execPath, [main, "profile", "flame", large, "-o", page]));
	console.log(
		`flame graph page of 300,000 stacks: ${seconds(median(flames.map((run) => run.wallMs)))}, ` +
			`${(Math.max(...flames.map((run) => run.peakBytes)) / MiB).toFixed(0)} MiB at its peak, ${(statSync(page).size / MiB).toFixed(1)} MiB of html`,
	);
} finally {
	rmSync(folder, { recursive: true, force: true });
}

async function compare(stacks: number, profile: string): Promise<void> {
	const pairs = new Map<string, Pair>(verbs.map(([verb]) => [verb, { theirs: [], ours: [] }]));
	// the first round fills caches; pprof needs minutes for the large one, so that is one round only there
	for (let run = stacks > 10_000 ? 0 : -1; run < runs; run++) {
		for (const [verb, words] of verbs) {
			const out = join(folder, "out");
			const theirs = await measure(pprof, [`-${verb}`, "-output", out, profile]);
			const ours = await measure(process.execPath, [main, "profile", ...words, profile, "-o", out]);
			if (run < 0) continue;
			pairs.get(verb)?.theirs.push(theirs);
			pairs.get(verb)?.ours.push(ours);
		}
	}
	for (const [verb, { theirs, ours }] of pairs) {
		const of = (list: readonly Run[], part: keyof Run) => median(list.map((run) => run[part]));
		const ratio = (part: keyof Run) => of(theirs, part) / of(ours, part);
		rows.push([
			`${verb.split("=")[0]}, ${stacks.toLocaleString("en-US")} stacks`,
			seconds(of(theirs, "wallMs")),
			seconds(of(ours, "wallMs")),
			`${ratio("wallMs").toFixed(1)}×`,
			`${ratio("cpuMs").toFixed(1)}×`,
			`${(of(theirs, "peakBytes") / MiB).toFixed(0)} MiB`,
			`${(of(ours, "peakBytes") / MiB).toFixed(0)} MiB`,
			`${(of(ours, "peakBytes") / of(theirs, "peakBytes")).toFixed(2)}`,
		]);
	}
}

function seconds(milliseconds: number): string {
	return milliseconds < 10_000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
