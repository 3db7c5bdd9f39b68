import type { MemoryReader } from "../bytes/block-reader.ts";
import { readPs } from "./heap-pages.ts";
import { type RuntimeView, readGlobal } from "./runtime-view.ts";

/** Which of a memRecord's future cycles is the current one, and whether that was published (mprof.go: mProfCycleHolder). */
export interface ProfileCycle {
	/** counts GCs; records are kept by its remainder to the number of future cycles (3) */
	readonly cycle: number;
	/** memRecord.active holds the cycle's events already */
	readonly flushed: boolean;
	/**
	 * "variable": runtime.mProfCycle. "collections": from the number of GCs, since gcMarkTermination counts both one up and
	 * publishes at its end (mgc.go, Go 1.19 to 1.27); wrong under GODEBUG=gcstoptheworld=2 alone, which counts more.
	 */
	readonly from: "variable" | "collections";
}

/** Throws ParseError where memstats is not known or cannot be read. */
export function readProfileCycle(view: RuntimeView, look: MemoryReader): ProfileCycle {
	const address = view.globals.get("mProfCycle");
	const at = address === undefined ? -1 : look.locate(address, 4);
	if (at >= 0) {
		const value = look.view.getUint32(at, true);
		return { cycle: value >>> 1, flushed: (value & 1) !== 0, from: "variable" };
	}
	const collections = readGlobal(view, look, "memstats", "mstats").u32("numgc");
	const wrap = view.layout.constants.number("mProfCycleWrap");
	return { cycle: collections % wrap, flushed: collections > 0, from: "collections" };
}

/** runtime.MemProfileRate: bytes allocated per sample, on average; 0 is off. */
export interface MemProfileRate {
	readonly rate: number;
	/**
	 * "variable": runtime.MemProfileRate. "caches": what the Ps last drew a sample with (mcache.memProfRate, Go 1.24 and later),
	 * which is the same but for a change that they have not seen yet. "code": the variable by the code that reads it
	 * (profile-rate-code.ts).
	 */
	readonly from: "variable" | "caches" | "code";
}

/** Undefined where the executable is stripped and the caches do not tell. */
export function readMemProfileRate(view: RuntimeView, look: MemoryReader): MemProfileRate | undefined {
	const address = view.globals.get("MemProfileRate");
	const known = address === undefined ? undefined : look.word(address);
	if (known !== undefined) return { rate: known, from: "variable" };
	const drawn = rateOfCaches(view, look);
	return drawn === undefined ? undefined : { rate: drawn, from: "caches" };
}

/** What all Ps say alike; undefined where they do not, or have no such field. */
function rateOfCaches(view: RuntimeView, look: MemoryReader): number | undefined {
	const mcache = view.layout.struct("mcache");
	if (!mcache.has("memProfRate")) return undefined;
	const rates = new Set<number | undefined>();
	for (const p of readPs(view, look)) {
		const cache = p.word("mcache");
		if (cache !== 0) rates.add(look.word(cache + mcache.offset("memProfRate")));
	}
	const [only] = rates;
	return rates.size === 1 ? only : undefined;
}
