import type { Reading } from "../evidence/reading.ts";
import type { Residency } from "../formats/procfs/residency.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import type { MetadataRange } from "../goruntime/metadata.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { HeapLines } from "./heap-lines.ts";
import { lineKind, lineOrder } from "./lines.ts";
import { MappingOwners } from "./mapping-lines.ts";
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
	else addByMappings(reading, tally);
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
	const owners = new MappingOwners(reading, runtime?.machineStacks ?? []);
	const claims = runtime === undefined ? [] : claimsOf(runtime);
	const mixed = new MixedMappings(runtime, tally);
	let next = 0;
	reading.mappings.forEach((m, index) => {
		if (m.rss === 0 && residency.residentBytesIn(m.start, m.end) === 0) return;
		while (next < claims.length && (claims[next]?.end ?? 0) <= m.start) next++;
		const { rests, claimed } = addClaims(m, claims, next, residency, tally);
		if (rests.length === 0) return;
		const id = ownerOf(owners, index, m, runtime);
		let bytes = rests.reduce((n, rest) => n + residency.residentBytesIn(rest.start, rest.end), 0);
		if (id === "anon.mmap") {
			for (const block of rests.flatMap((rest) => owners.mallocBlocks(rest.start, rest.end))) {
				const resident = residency.residentBytesIn(block.start, block.end);
				tally.add("c.heap", resident);
				bytes -= resident;
			}
		}
		if (bytes > 0) mixed.add(id, bytes, claimed > 0);
	});
	mixed.finish();
	if (runtime !== undefined) {
		const heap = new HeapLines(runtime, residency, reading.mappings, tally);
		for (const arena of runtime.pages.arenas) heap.addArena(arena);
		splitPersistent(runtime, tally);
	}
}

/** Adds what the claims from number `next` on hold of a mapping; returns the parts that nobody claims. */
function addClaims(
	m: SmapsEntry,
	claims: readonly Claim[],
	next: number,
	residency: Residency,
	tally: Tally,
): { rests: { start: number; end: number }[]; claimed: number } {
	const rests: { start: number; end: number }[] = [];
	let claimed = 0;
	let at = m.start;
	for (let c = next; c < claims.length; c++) {
		const claim = claims[c];
		if (claim === undefined || claim.start >= m.end) break;
		if (claim.end <= at) continue;
		if (claim.start > at) rests.push({ start: at, end: claim.start });
		const from = Math.max(at, claim.start);
		const to = Math.min(m.end, claim.end);
		const bytes = residency.residentBytesIn(from, to);
		if (claim.id !== undefined) tally.add(claim.id, bytes);
		claimed += bytes;
		at = to;
	}
	if (at < m.end) rests.push({ start: at, end: m.end });
	return { rests: rests.filter((rest) => residency.residentBytesIn(rest.start, rest.end) > 0), claimed };
}

function ownerOf(owners: MappingOwners, index: number, m: SmapsEntry, runtime: RuntimeState | undefined): string {
	const id = owners.idOf(index);
	// without the runtime its heap cannot be told from other anonymous memory
	return runtime === undefined && m.kind === "anon" && id === "anon.mmap" ? "anon.all" : id;
}

/** A range whose bytes are spoken for: by a metadata line, or (no id) by the walk over the heap's arenas. */
interface Claim {
	readonly start: number;
	readonly end: number;
	readonly id: string | undefined;
}

function claimsOf(runtime: RuntimeState): Claim[] {
	const arenas: Claim[] = runtime.pages.arenas.map((a) => ({
		start: a.base,
		end: a.base + runtime.pages.arenaBytes,
		id: undefined,
	}));
	const metadata: readonly MetadataRange[] = runtime.metadata.ranges;
	return [...arenas, ...metadata].sort((a, b) => a.start - b.start);
}

/**
 * The kernel joins anonymous mappings that lie side by side, so memory of the program's own mmap and small blocks of the
 * runtime share one. What is left of such a mapping is the runtime's as far as the runtime counts more memory than was
 * located, and the program's beyond.
 */
class MixedMappings {
	readonly #tally: Tally;
	#budget: number;

	constructor(runtime: RuntimeState | undefined, tally: Tally) {
		this.#tally = tally;
		this.#budget = runtime === undefined ? 0 : unlocatedBytes(runtime);
	}

	readonly #rests: { id: string; bytes: number; shared: boolean }[] = [];

	add(id: string, bytes: number, sharedWithRuntime: boolean): void {
		if (id === "anon.mmap") this.#rests.push({ id, bytes, shared: sharedWithRuntime });
		else this.#tally.add(id, bytes);
	}

	/** The smallest rests are the likeliest to be the runtime's. */
	finish(): void {
		for (const id of RESERVED) this.#budget -= this.#tally.get(id);
		this.#rests.sort((a, b) => Number(b.shared) - Number(a.shared) || a.bytes - b.bytes);
		for (const rest of this.#rests) {
			const own = rest.bytes <= this.#budget ? rest.bytes : 0;
			this.#budget -= own;
			this.#tally.add("runtime.metadata.other", own);
			this.#tally.add("anon.mmap", rest.bytes - own);
		}
	}
}

/** Bytes that the runtime counts as its own beyond what was located: mapped without a list that leads to them. */
function unlocatedBytes(runtime: RuntimeState): number {
	const { memStats: s, gcWorkBufBytes } = runtime.counters;
	const counted =
		s.MSpanSys + s.MCacheSys + s.BuckHashSys + (s.GCSys - gcWorkBufBytes) + s.OtherSys + (s.StackSys - s.StackInuse);
	let located = 0;
	for (const range of runtime.metadata.ranges) {
		// the summaries and indexes are reservations of which only a part is counted
		if (COUNTED_WHOLE.has(range.id)) located += range.end - range.start;
	}
	return Math.max(0, counted - located);
}

/** Reservations of which what is resident was counted. */
const RESERVED = [
	"runtime.metadata.arena-index",
	"runtime.metadata.page-summary",
	"runtime.metadata.page-bitmap",
	"runtime.metadata.scavenge-index",
];

const COUNTED_WHOLE: ReadonlySet<string> = new Set([
	"runtime.metadata.heap-arenas",
	"runtime.metadata.allspans",
	"runtime.metadata.persistent",
	"runtime.metadata.gc-bits",
	"runtime.profiling",
]);

/** What stands in the persistent chunks by kind; the chunks' unused tails are not resident. */
function splitPersistent(runtime: RuntimeState, tally: Tally): void {
	const use = runtime.metadata.persistent;
	const from = tally.get("runtime.metadata.persistent") > 0 ? "runtime.metadata.persistent" : "runtime.metadata.other";
	tally.move(from, "runtime.metadata.spans", use.spanStructBytes);
	tally.move(from, "runtime.metadata.caches", use.cacheBytes);
	tally.move(from, "runtime.metadata.specials", use.specialBytes);
	tally.move(from, "runtime.profiling", use.bucketBytes);
}

/** Without pagemap: each mapping whole, by its owner. */
function addByMappings(reading: Reading, tally: Tally): void {
	const owners = new MappingOwners(reading, []);
	reading.mappings.forEach((m, index) => {
		if (m.rss > 0) tally.add(ownerOf(owners, index, m, undefined), m.rss);
	});
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
