/**
 * node bench/flame.ts [runs]: what an interactive flame graph costs, whole processes from the sources, for made-up heap profiles of
 * 5,000 and of 300,000 stacks; and where the time goes. To reach: 3 s for the large one. `--page PROFILE OUT` is one such run.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { flameHtml } from "../src/api/html/flame-html.ts";
import { table } from "../src/cli/table.ts";
import { readProfile } from "../src/formats/pprof/read.ts";
import { loadProfiles } from "../src/profile/combine/load.ts";
import { flameTree } from "../src/profile/flame-tree.ts";
import { prepare } from "../src/profile/prepare.ts";
import { madeUpProfile } from "../testing/pprof-corpus.ts";
import { MiB, measure, median } from "./measure.ts";

if (process.argv[2] === "--page") await makePage(process.argv[3] ?? "", process.argv[4] ?? "");
else await compare(Number(process.argv[2] ?? 5));

function load(path: string) {
	const inflate = (bytes: Uint8Array, _: string, limit: number) => gunzipSync(bytes, { maxOutputLength: limit });
	const loaded = loadProfiles([readProfile(readFileSync(path), { inflate, symbols: false }).profile]);
	if ("error" in loaded) throw new Error(loaded.error);
	return loaded.profile;
}

async function makePage(profile: string, out: string): Promise<void> {
	const made = await flameHtml(load(profile));
	if ("error" in made) throw new Error(made.error);
	writeFileSync(out, made.bytes);
}

async function compare(runs: number): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "gomem-bench-"));
	const out = join(folder, "flame.html");
	const rows: string[][] = [];
	try {
		for (const stacks of [5000, 300_000]) {
			const profile = await madeUpProfile(stacks);
			const list = [];
			// the first run builds the page and fills caches
			for (let run = -1; run < runs; run++) {
				const one = await measure(process.execPath, [import.meta.filename, "--page", profile, out]);
				if (run >= 0) list.push(one);
			}
			rows.push([
				`${stacks.toLocaleString("en-US")} stacks`,
				`${median(list.map((run) => run.wallMs)).toFixed(0)} ms`,
				`${median(list.map((run) => run.cpuMs)).toFixed(0)} ms`,
				`${(Math.max(...list.map((run) => run.peakBytes)) / MiB).toFixed(0)} MiB`,
				`${(statSync(profile).size / MiB).toFixed(2)} MiB`,
				`${(statSync(out).size / MiB).toFixed(2)} MiB`,
			]);
		}
		const heads = [`median of ${runs}`, "wall", "CPU", "peak memory", "profile", "page"];
		console.log(
			table(
				heads.map((head, i) => ({ head, right: i > 0 })),
				rows,
			),
		);
		console.log(phases(await madeUpProfile(300_000)));
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function phases(path: string): string {
	const start = performance.now();
	const profile = load(path);
	const loaded = performance.now();
	const prepared = prepare(profile, { format: "stacks" });
	if ("error" in prepared) throw new Error(prepared.error);
	const tree = flameTree(prepared);
	const grown = performance.now();
	const ms = (from: number, to: number) => `${(to - from).toFixed(0)} ms`;
	return `300,000 stacks: read and decoded in ${ms(start, loaded)}, tree of ${tree.depth.length} frames in ${ms(loaded, grown)}`;
}
