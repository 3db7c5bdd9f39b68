import { operation as memstats } from "../src/api/memstats.ts";
import { fieldNames, type MemStatsResult } from "../src/api/memstats-shape.ts";
import { type StacksResult, operation as stacks } from "../src/api/stacks.ts";
import { operation as why } from "../src/api/why.ts";
import type { WhyResult } from "../src/api/why-shape.ts";
import { documentOf } from "./operations.ts";
import { lookStill, parked } from "./settled.ts";
import type { SubjectGoroutines, SubjectMemStats } from "./subject-answers.ts";
import { type BuildMode, startSubject } from "./subjects.ts";

/*
 * One cell of the matrix Go release × way of linking: a program whose goroutines and memory are known, stopped directly
 * after it called runtime.ReadMemStats, and what gomem says of it from outside.
 */

export const matrixModes: readonly BuildMode[] = [
	"plain",
	"stripped",
	"pie",
	"stripped-pie",
	"cgo",
	"cgo-static",
	"nobuildinfo",
];

export interface MatrixCell {
	readonly go: string;
	readonly mode: BuildMode;
	/** fields of MemStats compared, entries of its lists counted one by one */
	readonly fields: number;
	/** those that differ, as "name: ours for theirs" */
	readonly differing: readonly string[];
	/** of RSS */
	readonly residualShare: number;
	/** resident bytes that are nobody's by name (anon.*), as a share of RSS */
	readonly anonymousShare: number;
	readonly rssBytes: number;
	readonly groups: number;
	/** goroutine groups that the subject tells of and gomem does not, or the other way round */
	readonly groupsDiffering: readonly string[];
	/** where the variables of the runtime were found, and with which layout */
	readonly layout: string;
}

/** Measures one cell. */
export async function measureCell(go: string, mode: BuildMode): Promise<MatrixCell> {
	const args = ["-n", "2000", "-sockets", "20"];
	await using subject = await startSubject("goroutines", { go, mode, args });
	const told = await parked(subject);
	const target = String(subject.pid);
	const { seen, truth } = await lookStill(subject, async () => ({
		stats: (await documentOf(memstats, { target, all: true })) as unknown as MemStatsResult,
		ledger: (await documentOf(why, { target })) as unknown as WhyResult,
		groups: (await documentOf(stacks, { target, top: 10_000 })) as unknown as StacksResult,
	}));
	const { stats, ledger, groups } = seen;
	return {
		go,
		mode,
		fields: flat(truth).size,
		differing: differences(stats, truth),
		rssBytes: ledger.rssBytes,
		residualShare: Math.abs(ledger.residualBytes) / ledger.rssBytes,
		anonymousShare: sum(ledger.lines.filter((one) => one.id.startsWith("anon."))) / ledger.rssBytes,
		groups: told.groups.filter((one) => one.createdBy !== "").length,
		groupsDiffering: groupDifferences(groups, told),
		layout: ledger.target.layout ?? "",
	};
}

/** Whether the cell holds what the project promises of a stopped process. */
export function cellHolds(cell: MatrixCell): boolean {
	return (
		cell.fields > 300 &&
		cell.differing.length === 0 &&
		cell.residualShare <= 0.005 &&
		cell.anonymousShare <= 0.005 &&
		cell.groups >= 5 &&
		cell.groupsDiffering.length === 0
	);
}

function sum(lines: readonly { readonly bytes: number }[]): number {
	return lines.reduce((n, line) => n + line.bytes, 0);
}

function differences(ours: MemStatsResult, truth: SubjectMemStats): string[] {
	const [a, b] = [flat(ours), flat(truth)];
	return [...b].flatMap(([name, value]) => (a.get(name) === value ? [] : [`${name}: ${a.get(name)} for ${value}`]));
}

/** Fields as text, so that 2^53 and above compare exactly; entries of lists under name[i]. */
export function flat(stats: object): Map<string, string> {
	const all = new Map<string, string>();
	for (const name of fieldNames) {
		const value = (stats as Record<string, unknown>)[name];
		if (!Array.isArray(value)) all.set(name, String(value));
		else
			for (const [i, one] of value.entries())
				all.set(`${name}[${i}]`, typeof one === "object" ? JSON.stringify(one) : String(one));
	}
	return all;
}

function groupDifferences(ours: StacksResult, told: SubjectGoroutines): string[] {
	const counts = new Map<string, number>();
	const add = (key: string, count: number) => counts.set(key, (counts.get(key) ?? 0) + count);
	for (const one of told.groups) {
		if (one.createdBy !== "") add(`${one.function}|${one.createdBy}|${one.state}`, one.count);
	}
	for (const one of ours.groups) {
		if (one.createdBy !== "") add(`${one.frames.at(-1)?.function}|${one.createdBy}|${one.waitReason}`, -one.count);
	}
	return [...counts].flatMap(([key, count]) =>
		count === 0 ? [] : [`${key}: ${count > 0 ? "missing" : "too many"} ${Math.abs(count)}`],
	);
}
