import type { SpansResult } from "../../api/spans.ts";
import { bytes, count } from "../../figures/figures.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

const CACHES = [
	{ head: "P", right: true },
	{ head: "spans", right: true },
	{ head: "free slots", right: true },
	{ head: "bytes", right: true },
	{ head: "tiny block", right: true },
	{ head: "stacks of 2 KiB", right: true },
	{ head: "4 KiB", right: true },
	{ head: "8 KiB", right: true },
	{ head: "16 KiB", right: true },
	{ head: "" },
];

/** What each P allocates from without a lock. */
export function cacheLines(r: SpansResult, terminal: Terminal): string[] {
	if (r.caches === undefined) return [];
	const rows = r.caches.map((p) => [
		String(p.p),
		count(p.spans),
		count(p.freeSlots),
		bytes(p.freeSlotBytes),
		p.tinyBlock === undefined ? "" : `${p.tinyUsedBytes} of 16 B`,
		...[0, 1, 2, 3].map((order) => bytes(p.stackBytes[order] ?? 0)),
		p.stale ? "stale" : "",
	]);
	const stale = r.caches.some((p) => p.stale);
	return [
		...section("Caches of Ps", table(CACHES, rows, terminal.columns - 2), terminal),
		...(stale ? [terminal.style("dim", "  stale: from before the last GC; its P has not run since")] : []),
	];
}

const CENTRALS = [
	{ head: "class", right: true },
	{ head: "slot", right: true },
	{ head: "cached", right: true },
	{ head: "free slots", right: true },
	{ head: "partial, swept", right: true },
	{ head: "unswept", right: true },
	{ head: "full, swept", right: true },
	{ head: "unswept", right: true },
];

/** Where the spans of each class are: in caches, in the central lists. */
export function centralLines(r: SpansResult, terminal: Terminal): string[] {
	const rows = r.classes.flatMap(({ central, ...row }) =>
		central === undefined
			? []
			: [
					[
						String(row.class),
						row.class === 0 ? "large" : `${count(row.size)} B`,
						count(row.cached),
						count(row.cachedFreeSlots),
						count(central.partialSwept),
						count(central.partialUnswept),
						count(central.fullSwept),
						count(central.fullUnswept),
					],
				],
	);
	return rows.length === 0
		? []
		: section("Spans in caches and central lists", table(CENTRALS, rows, terminal.columns - 2), terminal);
}

function section(title: string, text: string, terminal: Terminal): string[] {
	const lines = text.split("\n").map((line, i) => `  ${i === 0 ? terminal.style("dim", line) : line}`);
	return ["", `  ${terminal.style("bold", title)}`, ...lines];
}
