import type { Ledger } from "./ledger.ts";
import { isWithin } from "./lines.ts";

/** What a verdict may say. `mixed` means that no part dominates. */
export const verdictCodes = [
	"live-heap",
	"garbage",
	"fragmentation",
	"idle",
	"stacks",
	"runtime",
	"binary",
	"c-memory",
	"threads",
	"anon-map",
	"file-map",
	"shared",
	"mixed",
] as const;
export type VerdictCode = (typeof verdictCodes)[number];
/** The codes that stand for a part of the resident memory. */
export type PartCode = Exclude<VerdictCode, "mixed">;

/** Line ids (or their first part) → the verdict they speak for. The longest match counts. */
const PARTS: readonly (readonly [prefix: string, code: PartCode])[] = [
	["heap.live", "live-heap"],
	["heap.new", "garbage"],
	["heap.dead", "garbage"],
	["heap.free-slots", "fragmentation"],
	["heap.idle", "idle"],
	["heap.scavenged", "idle"],
	["heap.huge", "idle"],
	["stacks", "stacks"],
	["runtime", "runtime"],
	["binary", "binary"],
	["libs", "binary"],
	["c", "c-memory"],
	["threads", "threads"],
	["anon", "anon-map"],
	["files", "file-map"],
	["shared", "shared"],
];

export function partOf(lineId: string): PartCode {
	for (const [prefix, code] of PARTS) if (isWithin(lineId, prefix)) return code;
	throw new RangeError(`no verdict speaks for the line ${lineId}`);
}

export type Parts = ReadonlyMap<PartCode, number>;

/** Resident bytes by verdict code. */
export function sumParts(ledger: Pick<Ledger, "lines">): Parts {
	const parts = new Map<PartCode, number>();
	for (const line of ledger.lines) {
		const code = partOf(line.id);
		parts.set(code, (parts.get(code) ?? 0) + line.bytes);
	}
	return parts;
}

/** The part with the most bytes; undefined where there is none. */
export function largestPart(parts: Parts): { readonly code: PartCode; readonly bytes: number } | undefined {
	let largest: { code: PartCode; bytes: number } | undefined;
	for (const [code, bytes] of parts) if (largest === undefined || bytes > largest.bytes) largest = { code, bytes };
	return largest;
}
