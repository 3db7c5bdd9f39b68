/**
 * node bench/why.ts [runs]: what `gomem why` costs, whole process, on a small Go process and on one of 2.5 GB with hundreds
 * of thousands of spans. Runs of both and of bare Node alternate, so that a machine's mood hits all alike; medians count.
 * To reach: 0.35 s and 1.5 s, peak memory 200 MiB, and nothing added to the target.
 */
import { join } from "node:path";
import { table } from "../src/cli/table.ts";
import { smapsSum } from "../testing/subject-proc.ts";
import { startSubject } from "../testing/subjects.ts";
import { measure, median, type Run } from "./measure.ts";

const root = join(import.meta.dirname, "..");
const main = join(root, "dist", "main.js");
const runs = Number(process.argv[2] ?? 9);

await using small = await startSubject("livemap", { args: ["-mib", "4"] });
await using large = await startSubject("fragmentation", { args: ["-mib", "2500"] });
await small.stop();
await large.stop();
/** Rss, and how much of it is huge pages: khugepaged joins pages of a standing process too, which is not our doing. */
const sizes = () =>
	[small.pid, large.pid].map((pid) => ({ rss: smapsSum(pid, "Rss"), huge: smapsSum(pid, "AnonHugePages") }));
const before = sizes();

const cases: Record<string, string[]> = {
	"bare node": ["-e", "0"],
	"why, small process": [main, "why", String(small.pid)],
	"why, 2.5 GB": [main, "why", String(large.pid)],
	"capture, 2.5 GB": [main, "capture", String(large.pid), "-o", "-"],
};
const results = new Map(Object.keys(cases).map((name) => [name, [] as Run[]]));
for (let run = -1; run < runs; run++) {
	for (const [name, args] of Object.entries(cases)) {
		const result = await measure(process.execPath, args);
		if (run >= 0) results.get(name)?.push(result); // the first fills caches
	}
}
const after = sizes();

const rows = [...results].map(([name, list]) => {
	const wall = list.map((r) => r.wallMs);
	const bare = median(results.get("bare node")?.map((r) => r.wallMs) ?? []);
	return [
		name,
		`${median(wall).toFixed(0)} ms`,
		`${Math.min(...wall).toFixed(0)}–${Math.max(...wall).toFixed(0)}`,
		`${median(list.map((r) => r.cpuMs)).toFixed(0)} ms`,
		`${(median(wall) / bare).toFixed(1)}×`,
		`${(Math.max(...list.map((r) => r.peakBytes)) / 2 ** 20).toFixed(0)} MiB`,
	];
});
console.log(
	table(
		[
			{ head: `median of ${runs}` },
			{ head: "wall", right: true },
			{ head: "range", right: true },
			{ head: "CPU", right: true },
			{ head: "to bare", right: true },
			{ head: "peak", right: true },
		],
		rows,
	),
);
for (const [i, name] of ["small", "large"].entries()) {
	const [a, b] = [before[i], after[i]];
	if (a === undefined || b === undefined) continue;
	const huge = b.huge === a.huge ? "" : `, ${(b.huge - a.huge) / 2 ** 21} huge pages made by the kernel meanwhile`;
	console.log(`${name} target: ${(a.rss / 2 ** 20).toFixed(1)} MiB, ${b.rss - a.rss} bytes more after reading${huge}`);
}
await small.resume();
await large.resume();
process.exit(0);
