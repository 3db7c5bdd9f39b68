/** Go's printed tracebacks as truth for stacks: read with addresses, and compared frame by frame. */
import assert from "node:assert/strict";
import type { GoroutineStacks } from "../../src/evidence/stacks.ts";
import { stateText } from "../../src/goruntime/stack-groups.ts";

interface TracedFrame {
	readonly text: string;
	readonly sp: number | undefined;
	readonly pc: number | undefined;
}

export interface Traced {
	readonly state: string;
	readonly created: string | undefined;
	readonly inner: readonly TracedFrame[];
	/** behind "…frames elided…" */
	readonly outer: readonly TracedFrame[];
	/** "...additional frames elided...", as it was up to Go 1.20: nothing of the outer end is printed */
	readonly cut: boolean;
}

/** runtime/traceback.go: goroutineheader, traceback2, printcreatedby1 at level 2. */
export function parseTraceback(text: string): Map<number, Traced> {
	const found = new Map<number, Traced>();
	for (const block of text.split("\n\n")) {
		const head = /^goroutine (\d+)(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[([^\],]+)/m.exec(block); // gp and m since 1.22
		if (head === null) continue;
		const inner: TracedFrame[] = [];
		const outer: TracedFrame[] = [];
		let frames = inner;
		let created: string | undefined;
		let cut = false;
		let name = "";
		for (const line of block.slice(head.index).split("\n").slice(1)) {
			if (/^\.\.\.\d+ frames elided\.\.\.$/.test(line)) frames = outer;
			if (line === "...additional frames elided...") cut = true;
			const maker = /^created by (.*?)(?: in goroutine \d+)?$/.exec(line)?.[1];
			const place = /^\t(\S+:\d+)(?: \+0x[0-9a-f]+)?(?: fp=0x[0-9a-f]+ sp=0x([0-9a-f]+) pc=0x([0-9a-f]+))?/.exec(line);
			if (maker !== undefined) name = `created by ${maker}`;
			else if (place === null) name = printedName(line.slice(0, line.lastIndexOf("(")));
			else if (name.startsWith("created by ")) created = `${name.slice(11)} ${place[1]}`;
			else frames.push({ text: `${name} ${place[1]}`, sp: hex(place[2]), pc: hex(place[3]) });
		}
		found.set(Number(head[1]), { state: head[2] ?? "", created, inner, outer, cut });
	}
	return found;
}

/** traceback.go: printFuncName */
function printedName(name: string): string {
	return name === "panic" ? "runtime.gopanic" : name;
}

function hex(digits: string | undefined): number | undefined {
	return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

const PARKED_ONLY: ReadonlySet<string> = new Set(["runnable", "running"]);

/**
 * Compares the goroutines that are in the same state in both, but those in states of `without`: what is not parked has moved
 * between the two, unless it was dead. Returns the ids of those compared.
 */
export function compareWithTraceback(
	s: GoroutineStacks,
	traceback: ReadonlyMap<number, Traced>,
	without = PARKED_ONLY,
): ReadonlySet<number> {
	const compared = new Set<number>();
	for (let row = 0; row < s.count; row++) {
		const traced = traceback.get(s.goid[row] ?? 0);
		const stack = s.stack[row] ?? -1;
		if (traced === undefined || traced.state !== stateText(s, row) || stack < 0 || without.has(traced.state)) continue;
		const sites = [...s.stacks.sites.subarray(s.stacks.offsets[stack], s.stacks.offsets[stack + 1])];
		const text = sites.flatMap((site) => (s.symbols[site] ?? []).map((f) => `${f.function} ${f.file}:${f.line}`));
		assert.deepEqual(
			text.slice(0, traced.inner.length),
			traced.inner.map((f) => f.text),
			`goroutine ${s.goid[row]}`,
		);
		if (traced.outer.length > 0)
			assert.deepEqual(
				text.slice(-traced.outer.length),
				traced.outer.map((f) => f.text),
			);
		else if (traced.cut) assert.ok(text.length > traced.inner.length);
		else assert.equal(text.length, traced.inner.length);
		assert.equal(s.sp[row], traced.inner.find((f) => f.sp !== undefined)?.sp);
		// a physical frame's pc is a return address, one above the place that is looked up, or that place itself
		const pcs = traced.inner.map((f) => f.pc).filter((pc) => pc !== undefined);
		pcs.forEach((pc, i) => {
			const site = s.sites[sites[i] ?? -1] ?? Number.NaN;
			assert.ok(site === pc || site === pc - 1, `frame ${i}: ${site} for ${pc}`);
		});
		const made = s.symbols[s.createdAt[row] ?? -1]?.[0];
		if (traced.created !== undefined) assert.equal(`${made?.function} ${made?.file}:${made?.line}`, traced.created);
		compared.add(s.goid[row] ?? 0);
	}
	return compared;
}
