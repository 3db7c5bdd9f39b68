/** Facts that a verdict rests on, for tests: a Go process of which everything is known. */
import { NO_MEMORY_LIMIT, type Pacer } from "../../goruntime/pacer.ts";
import type { Ledger } from "../ledger.ts";
import { lineKind } from "../lines.ts";
import type { RuntimeFacts, VerdictFacts } from "../verdict-facts.ts";

export const MiB: number = 2 ** 20;

/** Lines by id, in MiB. */
export function ledgerOf(lines: Readonly<Record<string, number>>, residual = 0): Ledger {
	const list = Object.entries(lines).map(([id, mib]) => ({
		id,
		bytes: mib * MiB,
		what: lineKind(id).what,
		source: "",
	}));
	const rssBytes = list.reduce((n, line) => n + line.bytes, 0) + residual * MiB;
	return { rssBytes, pssBytes: rssBytes, swapBytes: 0, lines: list, residualBytes: residual * MiB, missing: [] };
}

export const pacer: Pacer = {
	gcPercent: 100,
	memoryLimit: NO_MEMORY_LIMIT,
	heapMarked: 100 * MiB,
	heapLive: 120 * MiB,
	lastHeapGoal: 0n,
	lastStackScan: 0,
	globalsScan: 0,
	gcPercentHeapGoal: BigInt(200 * MiB),
	sweepDistMinTrigger: 0n,
	triggered: 2n ** 64n - 1n,
	runway: 0n,
	heapFree: 0n,
	totalAlloc: BigInt(120 * MiB),
	totalFree: 0n,
	mappedReady: BigInt(200 * MiB),
	heapInUseAtLastGc: 0,
	limitHeadroom: { percent: 3n, minimum: 1n << 20n },
};

export const runtime: RuntimeFacts = {
	heapAlloc: 120 * MiB,
	heapInuse: 150 * MiB,
	heapReleased: 0,
	heapIdle: 0,
	sys: 200 * MiB,
	nextGc: 200 * MiB,
	numGc: 7,
	sinceGcSeconds: 3,
	pacer,
	goroutines: 12,
	worstClass: { size: 1024, freeBytes: 20 * MiB },
};

export function facts(lines: Readonly<Record<string, number>>, more: Partial<VerdictFacts> = {}): VerdictFacts {
	return {
		target: "4242",
		ledger: ledgerOf(lines),
		growth: undefined,
		watched: false,
		program: "go",
		filePages: undefined,
		runtime,
		limit: { bytes: 2048 * MiB, source: "cgroup /pod" },
		threads: 9,
		cgo: false,
		blurBytes: 0,
		counted: "resident",
		layoutCertainty: "exact",
		...more,
	};
}
