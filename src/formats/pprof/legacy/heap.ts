import { scaleHeapSample } from "../scale.ts";
import { LegacyDraft } from "./draft.ts";
import { GoSymbols } from "./go-symbols.ts";
import {
	addressesOf,
	beforeReturn,
	decimal,
	type Exact,
	isMemoryMapHeading,
	isSpaceOrComment,
	malformed,
	type TextLines,
} from "./lines.ts";

const COUNTS = "heap profile: *(\\d{1,40}): *(\\d{1,40}) *\\[ *(\\d{1,40}): *(\\d{1,40}) *\\] *@ *";
const heapHeader = new RegExp(`${COUNTS}(heap[_a-z0-9]*)/?(\\d*)`);
const otherHeader = new RegExp(`${COUNTS.replace(/ \*@ \*$/, " @ ")}(?:growthz?|fragmentationz?)`);
const heapSample = /(?<!\d)(-?\d{1,40}): *(-?\d{1,40}) *\[ *(\d{1,40}): *(\d{1,40}) *] @([ x0-9a-f]*)/;

export function isHeap(firstLine: string): boolean {
	return heapHeader.test(firstLine) || otherHeader.test(firstLine);
}

interface HeapForm {
	/** bytes between samples; 0 where unknown */
	readonly rate: Exact;
	readonly scaled: boolean;
	readonly hasAllocations: boolean;
	/** objects that all records together hold, where that is told */
	readonly objects?: number;
}

/** /debug/pprof/heap?debug=1 of Go, heapz, growthz and fragmentationz of tcmalloc. The first line has been read. */
export function readHeap(lines: TextLines): LegacyDraft {
	const form = headerOf(lines);
	const draft = new LegacyDraft(
		form.hasAllocations
			? // the last one is shown where nothing is asked for
				[
					{ type: "alloc_objects", unit: "count" },
					{ type: "alloc_space", unit: "bytes" },
					{ type: "inuse_objects", unit: "count" },
					{ type: "inuse_space", unit: "bytes" },
				]
			: [
					{ type: "objects", unit: "count" },
					{ type: "space", unit: "bytes" },
				],
		{ periodType: { type: "space", unit: "bytes" }, period: BigInt(form.rate) },
	);
	const symbols = new GoSymbols(draft);
	let objects = 0;
	while (lines.scan()) {
		const line = lines.line.trim();
		if (isSpaceOrComment(line)) {
			symbols.comment(lines.line);
			continue;
		}
		if (isMemoryMapHeading(line)) break;
		const sample = readSample(lines, line, form, draft);
		objects += sample.objects;
		symbols.begin(sample.addresses);
	}
	symbols.end();
	if (form.objects !== undefined && form.objects !== objects) {
		draft.missing = `its first line tells of ${form.objects} objects, and ${objects} are there`;
	}
	draft.readMemoryMap(lines);
	return draft;
}

function headerOf(lines: TextLines): HeapForm {
	const header = heapHeader.exec(lines.line);
	if (header === null) return { rate: 1, scaled: false, hasAllocations: false };
	const [, objects, bytes, allocatedObjects, allocatedBytes, kind, digits = ""] = header;
	const rate = digits === "" ? 0 : decimal(digits);
	if (rate === undefined) throw malformed(lines, "a sampling rate of 64 bits");
	const differs = (allocated: string | undefined, held: string | undefined) => allocated !== held && allocated !== "0";
	const hasAllocations = differs(allocatedObjects, objects) || differs(allocatedBytes, bytes);
	if (kind === "heapz_v2" || kind === "heap_v2") return { rate, scaled: true, hasAllocations };
	if (kind === "heapprofile") return { rate: 1, scaled: false, hasAllocations };
	// Go writes twice its rate (runtime/pprof/pprof.go: "Print debug profile in legacy format … 2*runtime.MemProfileRate")
	if (kind === "heap") return { rate: divided(rate, 2), scaled: true, hasAllocations, objects: Number(objects) };
	throw malformed(lines, "heap, heap_v2, heapz_v2 or heapprofile");
}

/** Reads `inuse objects: bytes [allocated objects: bytes] @ addresses`; returns the addresses as the draft has them. */
function readSample(
	lines: TextLines,
	line: string,
	form: HeapForm,
	draft: LegacyDraft,
): { readonly addresses: readonly Exact[]; readonly objects: number } {
	const match = heapSample.exec(line);
	if (match === null) throw malformed(lines, "objects: bytes [objects: bytes] @ addresses");
	const values: Exact[] = [];
	let blockBytes: Exact = 0;
	for (const [first, second] of form.hasAllocations
		? ([
				[3, 4],
				[1, 2],
			] as const)
		: ([[1, 2]] as const)) {
		const count = decimal(match[first] ?? "");
		const bytes = decimal(match[second] ?? "");
		if (count === undefined || bytes === undefined) throw malformed(lines, "figures of 64 bits");
		if (Number(count) === 0) {
			if (Number(bytes) !== 0) throw malformed(lines, "no bytes where there are no objects");
			values.push(0, 0);
			continue;
		}
		blockBytes = divided(bytes, count);
		values.push(...(form.scaled ? scaleHeapSample(count, bytes, form.rate) : [count, bytes]));
	}
	const addresses = addressesOf(match[5] ?? "", lines).map(beforeReturn);
	draft.sample(addresses, values, [{ key: "bytes", value: blockBytes }]);
	return { addresses, objects: Number(match[1]) };
}

/** whole division, cut towards zero */
export function divided(a: Exact, b: Exact): Exact {
	if (typeof a === "number" && typeof b === "number") return Math.trunc(a / b) + 0;
	return BigInt(a) / BigInt(b);
}
