import type { Reading } from "../evidence/reading.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { HeapLines } from "./heap-lines.ts";
import { lineKind, lineOrder } from "./lines.ts";
import { GO_HEAP, shareMappings } from "./mapping-shares.ts";
import { Tally } from "./tally.ts";

export interface LedgerLine {
	readonly id: string;
	/** resident bytes */
	readonly bytes: number;
	readonly what: string;
	readonly source: string;
}

/** Every resident byte of a process on one line. Σ lines + residual = rssBytes, always. */
export interface Ledger {
	/** Rss as smaps gives it, read directly after the pages were */
	readonly rssBytes: number;
	readonly pssBytes: number | undefined;
	readonly swapBytes: number;
	readonly lines: readonly LedgerLine[];
	/** what no line explains; negative where pages went away between the two looks */
	readonly residualBytes: number;
	/** metadata kinds that could not be located: their bytes stand elsewhere */
	readonly missing: readonly string[];
}

/**
 * Spreads the resident memory of a reading over the lines. Without `runtime` (not a Go process, no rights, an unknown
 * release) the operating system's half remains: mappings by owner, and anonymous memory in one line.
 */
export function makeLedger(reading: Reading, runtime: RuntimeState | undefined): Ledger {
	const tally = new Tally();
	const rssBytes = sum(reading.mappings, (m) => m.rss);
	if (reading.mappings.length === 0) return fromStatus(reading);
	if (reading.residency !== undefined) addByPages(reading, reading.residency, runtime, tally);
	// without pagemap each mapping is whole
	else addShares(reading, undefined, tally);
	return finish(tally, {
		rssBytes,
		pssBytes: sum(reading.mappings, (m) => m.pss),
		swapBytes: sum(reading.mappings, (m) => m.swap),
		missing: runtime?.metadata.missing ?? [],
	});
}

function finish(tally: Tally, rest: Omit<Ledger, "lines" | "residualBytes">): Ledger {
	const lines: LedgerLine[] = [];
	let total = 0;
	for (const [id, exact] of tally.entries()) {
		const bytes = Math.round(exact);
		const kind = lineKind(id);
		if (bytes <= 0) continue;
		total += bytes;
		lines.push({ id, bytes, what: kind.what, source: kind.source });
	}
	lines.sort((a, b) => lineOrder(a.id) - lineOrder(b.id) || b.bytes - a.bytes);
	return { ...rest, lines, residualBytes: rest.rssBytes - total };
}

function addByPages(reading: Reading, residency: Residency, runtime: RuntimeState | undefined, tally: Tally): void {
	addShares(reading, runtime, tally);
	if (runtime === undefined) return;
	const heap = new HeapLines(runtime, residency, reading.mappings, tally);
	for (const arena of runtime.pages.arenas) heap.addArena(arena);
	splitPersistent(runtime, tally);
}

/** Everything but the heap, whose arenas are walked by themselves. */
function addShares(reading: Reading, runtime: RuntimeState | undefined, tally: Tally): void {
	for (const shares of shareMappings(reading, runtime)) {
		for (const { id, bytes } of shares) if (id !== GO_HEAP) tally.add(id, bytes);
	}
}

/** What stands in the persistent chunks by kind; the chunks' unused tails are not resident. */
function splitPersistent(runtime: RuntimeState, tally: Tally): void {
	const use = runtime.metadata.persistent;
	const from = tally.get("runtime.metadata.persistent") > 0 ? "runtime.metadata.persistent" : "runtime.metadata.other";
	tally.move(from, "runtime.metadata.spans", use.spanStructBytes);
	tally.move(from, "runtime.metadata.caches", use.cacheBytes);
	tally.move(from, "runtime.metadata.specials", use.specialBytes);
	tally.move(from, "runtime.profiling", use.bucketBytes);
}

/** Without smaps: the three sums that everyone may read (proc_pid_status(5), Linux 4.5). */
function fromStatus(reading: Reading): Ledger {
	const { status } = reading;
	const tally = new Tally();
	tally.add("anon.all", status.rssAnon ?? 0);
	tally.add("files.all", status.rssFile ?? 0);
	tally.add("shared.all", status.rssShmem ?? 0);
	return finish(tally, {
		rssBytes: status.vmRss ?? 0,
		pssBytes: undefined,
		swapBytes: status.vmSwap ?? 0,
		missing: [],
	});
}

function sum(mappings: readonly SmapsEntry[], of: (m: SmapsEntry) => number): number {
	let total = 0;
	for (const m of mappings) total += of(m);
	return total;
}
