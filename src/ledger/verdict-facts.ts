import type { Pacer } from "../goruntime/pacer.ts";
import type { VerdictCode } from "./groups.ts";
import type { Growth } from "./growth.ts";
import type { Ledger } from "./ledger.ts";

export type Confidence = "high" | "medium" | "low";

export interface NextStep {
	readonly command: string;
	readonly says: string;
}

export interface Verdict {
	readonly code: VerdictCode;
	readonly sentence: string;
	readonly confidence: Confidence;
	/** why, with numbers; the strongest first */
	readonly reasons: readonly string[];
	/** what to change, in words */
	readonly advice: readonly string[];
	readonly next: readonly NextStep[];
	/** what else deserves a look */
	readonly also: readonly string[];
}

/** Everything that a verdict rests on. Sizes in bytes. */
export interface VerdictFacts {
	/** how the user named the process: goes into the commands */
	readonly target: string;
	readonly ledger: Ledger;
	readonly growth: Growth | undefined;
	/** readings over time were asked for: advice to take some says nothing new */
	readonly watched: boolean;
	readonly runtime: RuntimeFacts | undefined;
	/** go: its executable says so; other: it does not; unknown: it could not be read */
	readonly program: "go" | "other" | "unknown";
	readonly limit: { readonly bytes: number; readonly source: string };
	/** operating system threads */
	readonly threads: number;
	readonly cgo: boolean;
	/** what the sizes are: of pages that are resident, or that a core holds */
	readonly counted: "resident" | "in the core";
	/** how far the heap's numbers moved while they were read */
	readonly blurBytes: number;
	/** resident pages of mapped files; undefined where smaps could not be read */
	readonly filePages: FilePages | undefined;
	readonly layoutCertainty: "exact" | "dwarf" | "interpolated" | "validated" | undefined;
}

/** Of what stands on the lines `files.…`, what the kernel cannot simply drop. */
export interface FilePages {
	/** private dirty copies: pages that were written in private mappings, and belong to no file any more */
	readonly copied: number;
	/** dirty pages that are yet to be written back to their file */
	readonly unwritten: number;
}

export interface RuntimeFacts {
	readonly heapAlloc: number;
	readonly heapInuse: number;
	readonly heapReleased: number;
	readonly heapIdle: number;
	readonly sys: number;
	/** undefined above 2^53: the collector is off */
	readonly nextGc: number | undefined;
	readonly numGc: number;
	/** seconds since the last GC ended; undefined before the first */
	readonly sinceGcSeconds: number | undefined;
	readonly pacer: Pacer;
	readonly goroutines: number;
	/** size class (bytes) with the most free slots, and how many bytes those are */
	readonly worstClass: { readonly size: number; readonly freeBytes: number } | undefined;
}
