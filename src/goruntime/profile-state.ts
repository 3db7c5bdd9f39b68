import type { MemoryReader } from "../bytes/block-reader.ts";
import { PF_W } from "../formats/elf/constants.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { loadSegments, scanPieces } from "../formats/elf/read.ts";
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
	 * which is the same but for a change that they have not seen yet. "initial value": the variables that the executable begins
	 * with 524,288 all say this. "default": before Go 1.21 the variable begins as 0 and is set at start; some word of the data
	 * is 524,288, and there are samples. "code": the variable that runtime.nextSample loads.
	 */
	readonly from: "variable" | "caches" | "initial value" | "default" | "code";
}

const DEFAULT_RATE = 512 * 1024;
/** Of the variables that begin with the default rate in a stripped executable, so many are told apart at most. */
const MAX_CANDIDATES = 64;

/**
 * Undefined where the executable is stripped and none of the ways tells.
 * @param elf the executable, for what its variables begin with; @param bias load address minus link address
 */
export function readMemProfileRate(
	view: RuntimeView,
	look: MemoryReader,
	elf?: ElfFile,
	bias = 0,
): MemProfileRate | undefined {
	const address = view.globals.get("MemProfileRate");
	const known = address === undefined ? undefined : look.word(address);
	if (known !== undefined) return { rate: known, from: "variable" };
	const drawn = rateOfCaches(view, look);
	if (drawn !== undefined) return { rate: drawn, from: "caches" };
	if (elf === undefined) return undefined;
	const initial = wordsInFile(elf, DEFAULT_RATE);
	if (initial.length === 0) {
		const sampled = (look.word(view.globals.get("mbuckets") ?? 0) ?? 0) !== 0;
		return sampled && isInZeroData(elf, look, bias) ? { rate: DEFAULT_RATE, from: "default" } : undefined;
	}
	const values = new Set(initial.map((at) => look.word(at + bias)));
	const [only] = values;
	return values.size === 1 && only !== undefined ? { rate: only, from: "initial value" } : undefined;
}

/** Whether a word of the data that the file leaves out, and that begins as 0, is the default rate now. */
function isInZeroData(elf: ElfFile, look: MemoryReader, bias: number): boolean {
	for (const segment of loadSegments(elf)) {
		if ((segment.flags & PF_W) === 0) continue;
		const end = segment.vaddr + Math.min(segment.memsz, segment.filesz + MAX_ZERO_DATA);
		for (let at = Math.ceil((segment.vaddr + segment.filesz) / 8) * 8; at + 8 <= end; ) {
			const length = Math.min(4096 - (at % 4096), end - at);
			const here = look.locate(at + bias, length);
			for (let i = 0; here >= 0 && i + 8 <= length; i += 8) {
				if (look.view.getUint32(here + i, true) === DEFAULT_RATE && look.view.getUint32(here + i + 4, true) === 0)
					return true;
			}
			at += length;
		}
	}
	return false;
}

/** Bytes of data that begins as 0 which are searched. */
const MAX_ZERO_DATA = 64 << 20;

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

/** Link-time addresses of the 8-byte words of writable data that begin with `value` in the file. */
function wordsInFile(elf: ElfFile, value: number): number[] {
	const found: number[] = [];
	for (const segment of loadSegments(elf)) {
		if ((segment.flags & PF_W) === 0) continue;
		scanPieces(elf.source, segment.offset, segment.filesz, 0, (piece, at) => {
			const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
			const start = segment.vaddr + at - segment.offset;
			for (let i = (8 - (start % 8)) % 8; i + 8 <= piece.length && found.length < MAX_CANDIDATES; i += 8) {
				if (view.getUint32(i, true) === value && view.getUint32(i + 4, true) === 0) found.push(start + i);
			}
			return undefined;
		});
	}
	return found;
}
