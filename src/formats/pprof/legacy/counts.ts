import { LegacyDraft } from "./draft.ts";
import { GoSymbols, labelsOf } from "./go-symbols.ts";
import {
	addressesOf,
	beforeReturn,
	decimal,
	type Exact,
	exactOf,
	isMemoryMapHeading,
	isSpaceOrComment,
	malformed,
	product,
	type TextLines,
} from "./lines.ts";

export const countHeader = /^(\S+) profile: total (\d+)$/;

/** goroutine?debug=1, threadcreate?debug=1 and any count profile of Go: `12 @ 0x43c0ea 0x4048e5`. */
export function readCounts(lines: TextLines): LegacyDraft {
	const [, type = "", told = "0"] = countHeader.exec(lines.line) ?? [];
	let total = 0;
	const draft = new LegacyDraft([{ type, unit: "count" }], { periodType: { type, unit: "count" }, period: 1n });
	const symbols = new GoSymbols(draft);
	while (lines.scan()) {
		if (isSpaceOrComment(lines.line)) {
			const labels = labelsOf(lines.line);
			if (labels.length > 0 && draft.samples > 0) draft.labels[draft.samples - 1] = labels;
			else symbols.comment(lines.line);
			continue;
		}
		if (lines.line.startsWith("---")) break;
		const match = /^(\d+) @((?: 0x[0-9a-f]+)*)$/.exec(lines.line);
		const count = decimal(match?.[1] ?? "");
		if (match === null || count === undefined) throw malformed(lines, "count @ addresses");
		const addresses = addressesOf(match[2] ?? "", lines).map(beforeReturn);
		draft.sample(addresses, [count]);
		total += Number(count);
		symbols.begin(addresses);
	}
	symbols.end();
	if (total !== Number(told)) draft.missing = `its first line tells of ${told}, and ${total} are there`;
	draft.readMemoryMap(lines);
	return draft;
}

const threadsHeader = /--- threadz \d+ ---/;
const threadHeader = /--- Thread ([0-9a-fA-F]+) \(name: (.*)\/(\d+)\) stack: ---/;

export function isThreads(firstLine: string): boolean {
	return threadsHeader.test(firstLine) || threadHeader.test(firstLine);
}

/** threadz: the stacks of all threads. The first line has been read. */
export function readThreads(lines: TextLines): LegacyDraft {
	const type = { type: "thread", unit: "count" };
	const draft = new LegacyDraft([type], { periodType: type, period: 1n });
	if (threadsHeader.test(lines.line)) {
		while (lines.scan() && !isMemoryMapHeading(lines.line) && !lines.line.startsWith("-")) {
			// comments
		}
	}
	let heading = lines.line;
	while (!isMemoryMapHeading(heading) && !heading.startsWith("---- no stack trace for")) {
		if (!threadHeader.test(heading)) throw malformed(lines, "--- Thread ID (name: NAME/TID) stack: ---", heading);
		const addresses = readThread(lines);
		heading = lines.line.trim();
		const [counts] = draft.values;
		if (addresses.length > 0) {
			draft.sample(
				addresses.map((address, i) => (i === 0 ? address : beforeReturn(address))),
				[1],
			);
		} else if (counts !== undefined && counts.length > 0) {
			counts[counts.length - 1] = Number(counts.at(-1) ?? 0) + 1;
		}
	}
	draft.readMemoryMap(lines);
	draft.dropDoubledLeaves();
	return draft;
}

/** The addresses of a thread's stack, up to the next heading; none where it is as the one before. */
function readThread(lines: TextLines): Exact[] {
	const addresses: Exact[] = [];
	let same = false;
	while (lines.scan()) {
		const line = lines.line.trim();
		if (line.startsWith("---")) break;
		if (line.includes("same as previous thread")) same = true;
		else addresses.push(...addressesOf(line, lines));
	}
	return same ? [] : addresses;
}

export function isContention(firstLine: string): boolean {
	return ["--- contentionz ", "--- mutex:", "--- contention:"].some((start) => firstLine.startsWith(start));
}

/** contentionz of C++ and mutex?debug=1, block?debug=1 of Go: cycles and contentions. The first line has been read. */
export function readContention(lines: TextLines): LegacyDraft {
	const draft = new LegacyDraft(
		[
			{ type: "contentions", unit: "count" },
			{ type: "delay", unit: "nanoseconds" },
		],
		{ periodType: { type: "contentions", unit: "count" } },
	);
	const { period, cyclesPerSecond, milliseconds } = readAttributes(lines);
	draft.header = { ...draft.header, period: BigInt(period), durationNanos: BigInt(product(milliseconds, 1_000_000)) };
	const symbols = new GoSymbols(draft);
	do {
		const line = lines.line.trim();
		if (line.startsWith("---")) break;
		if (isSpaceOrComment(line)) {
			symbols.comment(lines.line);
			continue;
		}
		const match = /(?<!\d)(\d{1,40}) *(\d{1,40}) @([ x0-9a-f]*)/.exec(line);
		const delay = decimal(match?.[1] ?? "");
		const count = decimal(match?.[2] ?? "");
		if (delay === undefined || count === undefined) throw malformed(lines, "cycles contentions @ addresses");
		const addresses = addressesOf(match?.[3] ?? "", lines).map(beforeReturn);
		draft.sample(addresses, contention(delay, count, period, cyclesPerSecond));
		symbols.begin(addresses);
	} while (lines.scan());
	symbols.end();
	draft.readMemoryMap(lines);
	return draft;
}

/** Contentions and nanoseconds: a delay is cycles where the speed is known, and both count for `period` each. */
function contention(delay: Exact, count: Exact, period: Exact, cyclesPerSecond: Exact): readonly [Exact, Exact] {
	if (!(Number(period) > 0)) return [count, delay];
	const cycles = Number(cyclesPerSecond);
	const nanoseconds = Math.trunc((Number(delay) * Number(period)) / (cycles / 1e9));
	const cut = Number.isSafeInteger(nanoseconds) ? nanoseconds : exactOf(BigInt.asIntN(64, safeBig(nanoseconds)));
	return [product(count, period), cycles > 0 ? cut : delay];
}

function safeBig(value: number): bigint {
	return Number.isFinite(value) && Math.abs(value) < 2 ** 63 ? BigInt(value) : -(2n ** 63n);
}

interface ContentionAttributes {
	readonly period: Exact;
	/** 0 where unknown: delays are nanoseconds */
	readonly cyclesPerSecond: Exact;
	readonly milliseconds: Exact;
}

/** Reads `attribute = value` up to the first line that is none. */
function readAttributes(lines: TextLines): ContentionAttributes {
	const attributes = new Map<string, Exact>([
		["cycles/second", 0],
		["sampling period", 1],
		["ms since reset", 0],
	]);
	while (lines.scan()) {
		const line = lines.line.trim();
		if (isSpaceOrComment(line)) continue;
		const equals = line.indexOf("=");
		if (line.startsWith("---") || equals < 0) break;
		const name = line.slice(0, equals).trim();
		if (name === "discarded samples") continue;
		const value = decimal(line.slice(equals + 1).trim());
		if (!attributes.has(name) || value === undefined) throw malformed(lines, "an attribute of a contention profile");
		attributes.set(name, value);
	}
	return {
		period: attributes.get("sampling period") ?? 1,
		cyclesPerSecond: attributes.get("cycles/second") ?? 0,
		milliseconds: attributes.get("ms since reset") ?? 0,
	};
}
