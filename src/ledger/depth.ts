import type { LedgerLine } from "./ledger.ts";
import { groupOf } from "./lines.ts";

/**
 * How deep a ledger goes: with the lines of the Go runtime; by mappings, anonymous memory in one line; or only the three sums
 * that everyone may read. Lines of two ledgers compare as far as the shallower one goes.
 */
export type Depth = "runtime" | "mappings" | "sums";

const ORDER: readonly Depth[] = ["sums", "mappings", "runtime"];

type Lines = readonly Pick<LedgerLine, "id" | "bytes">[];

/** Told by the lines themselves: a runtime that was read beside pages that could not be has no line. */
export function depthOf(lines: Lines): Depth {
	if (lines.some(({ id }) => groupOf(id) === "heap" || groupOf(id) === "stacks")) return "runtime";
	return lines.some(({ id }) => !SUMS.has(id)) ? "mappings" : "sums";
}

/** The lines of a ledger from /proc/PID/status, see ledger.ts. */
const SUMS: ReadonlySet<string> = new Set(["anon.all", "files.all", "shared.all"]);

export function shallower(a: Depth, b: Depth): Depth {
	return ORDER.indexOf(a) < ORDER.indexOf(b) ? a : b;
}

export function isAsDeep(a: Depth, as: Depth): boolean {
	return ORDER.indexOf(a) >= ORDER.indexOf(as);
}

/**
 * What the runtime, its threads and the program's own memory tell apart: without them it is anonymous memory, C's heap and
 * the stacks of threads among it as far as only addresses in the runtime showed them.
 */
const ANONYMOUS: ReadonlySet<string> = new Set(["heap", "stacks", "runtime", "anon", "c", "threads"]);

/**
 * Bytes by line id as they compare with a ledger that is shallower than this one. The sums are counted otherwise than lines
 * (a private copy of a file's page is RssAnon, and stands on the file's line): with those no line compares.
 */
export function foldTo(depth: Depth, lines: Lines): Map<string, number> {
	const folded = new Map<string, number>();
	if (depth === "sums") return folded;
	for (const { id, bytes } of lines) {
		const key = depth === "mappings" && ANONYMOUS.has(groupOf(id)) ? "anon.all" : id;
		folded.set(key, (folded.get(key) ?? 0) + bytes);
	}
	return folded;
}
