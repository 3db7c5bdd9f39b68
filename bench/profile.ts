/**
 * node bench/profile.ts [runs]: `gomem profile` beside `go tool pprof`, whole processes, run in turn, on made-up heap profiles
 * of 5,000 and of 300,000 stacks (subjects/profiles). Prints medians, the ratio of the medians, and peak memory. `-dot` stands
 * for the call graph: pprof's -svg is that and a graphviz of the system; where there is one, -svg is measured, too.
 *
 * Two shapes, as the ratio is mostly pprof's. In "even" a frame is any of 5,000 functions and every stack is live, so that nearly
 * each call is a new edge, which pprof makes objects of (most of a minute for 300,000 stacks: top only, once). "service" follows
 * a call graph, so that calls come again, and two stacks in three are garbage, which pprof passes over: a tenth of the work.
 * `go tool pprof` is the command as one types it; what it starts is measured too ("pprof alone"), as its memory and CPU are those.
 *
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
type Verb = readonly [flag: string, words: readonly string[]];
const top: Verb = ["top", ["top"]];
const verbs: readonly Verb[] = [
	top,
	["tree", ["tree"]],
	["peek=Process1$", ["peek", "Process1$"]],
	["dot", ["dot"]],
	...(hasGraphviz ? ([["svg", ["svg"]]] as const) : []),
];

interface Pair {
	readonly typed: Run[];
	readonly theirs: Run[];
	readonly ours: Run[];
}

const rows: string[][] = [];
try {
	for (const stacks of [5000, 300_000]) {
		await compare("service", stacks, verbs);
		await compare("even", stacks, stacks > 10_000 ? [top] : verbs);
	}
	const heads = [
		"",
		"go tool pprof",
		"pprof alone",
		"gomem",
		"ratio",
		"ratio alone",
		"CPU ratio",
		"pprof peak",
		"gomem peak",
		"peak ratio",
	];
	console.log(`medians of ${runs}`);
	console.log(
		table(
			heads.map((head, i) => ({ head, right: i > 0 })),
			rows,
			Number.POSITIVE_INFINITY,
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

async function compare(shape: "service" | "even", stacks: number, measured: readonly Verb[]): Promise<void> {
	const profile = await madeUpProfile(stacks, shape);
	const pairs = new Map<string, Pair>(measured.map(([verb]) => [verb, { typed: [], theirs: [], ours: [] }]));
	const large = stacks > 10_000;
	// the first round fills caches; pprof needs minutes for the large ones, so that is one round only there
	for (let run = large ? 0 : -1; run < (large && shape === "even" ? 1 : runs); run++) {
		for (const [verb, words] of measured) {
			const out = join(folder, "out");
			const theirs = await measure(pprof, [`-${verb}`, "-output", out, profile]);
			const ours = await measure(process.execPath, [main, "profile", ...words, profile, "-o", out]);
			const typed = large ? theirs : await measure("go", ["tool", "pprof", `-${verb}`, "-output", out, profile]);
			if (run < 0) continue;
			const pair = pairs.get(verb);
			pair?.typed.push(typed);
			pair?.theirs.push(theirs);
			pair?.ours.push(ours);
		}
	}
	for (const [verb, { typed, theirs, ours }] of pairs) {
		const of = (list: readonly Run[], part: keyof Run) => median(list.map((run) => run[part]));
		const ratio = (list: readonly Run[], part: keyof Run) => `${(of(list, part) / of(ours, part)).toFixed(1)}×`;
		rows.push([
			`${verb.split("=")[0]}, ${stacks.toLocaleString("en-US")} stacks, ${shape}`,
			seconds(of(typed, "wallMs")),
			seconds(of(theirs, "wallMs")),
			seconds(of(ours, "wallMs")),
			ratio(typed, "wallMs"),
			ratio(theirs, "wallMs"),
			ratio(theirs, "cpuMs"),
			`${(of(theirs, "peakBytes") / MiB).toFixed(0)} MiB`,
			`${(of(ours, "peakBytes") / MiB).toFixed(0)} MiB`,
			`${(of(ours, "peakBytes") / of(theirs, "peakBytes")).toFixed(2)}`,
		]);
	}
}

function seconds(milliseconds: number): string {
	return milliseconds < 10_000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
