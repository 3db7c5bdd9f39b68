import { type GoroutineStacks, STACK_COMPLETE, type StackFrame } from "../stacks.ts";

/** A goroutine of a made-up process. Places are texts: "main.work" or "main.work~wrapper". */
export interface MadeGoroutine {
	readonly goid: number;
	readonly state?: string;
	readonly reason?: string;
	readonly frames?: readonly string[];
	readonly start?: string;
	readonly created?: string;
	readonly waitSince?: number;
	readonly stackBytes?: number;
	readonly resident?: number;
	readonly end?: number;
}

const STATES = ["idle", "runnable", "running", "syscall", "waiting"];
const REASONS = ["", "chan receive", "select", "finalizer wait"];

/** Evidence of goroutines as a reading would have it, at nanotime 100 s. */
export function madeStacks(goroutines: readonly MadeGoroutine[]): GoroutineStacks {
	const places: string[] = [];
	const site = (place: string | undefined) => {
		if (place === undefined) return -1;
		if (!places.includes(place)) places.push(place);
		return places.indexOf(place);
	};
	const distinct: { key: string; sites: number[]; end: number }[] = [];
	const stackOf = (g: MadeGoroutine) => {
		if (g.frames === undefined) return -1;
		const end = g.end ?? STACK_COMPLETE;
		const sites = g.frames.map((frame) => site(frame));
		const key = `${sites.join()}|${end}`;
		const known = distinct.findIndex((one) => one.key === key);
		return known >= 0 ? known : distinct.push({ key, sites, end }) - 1;
	};
	const stack = Int32Array.from(goroutines, stackOf);
	const createdAt = Int32Array.from(goroutines, (g) => site(g.created));
	const start = Int32Array.from(goroutines, (g) => site(g.start));
	const numbers = (of: (g: MadeGoroutine, i: number) => number) => Float64Array.from(goroutines, of);
	const low = (i: number) => 0xc000000000 + i * 2 ** 20;
	const offsets = [0];
	for (const one of distinct) offsets.push((offsets.at(-1) ?? 0) + one.sites.length);
	return {
		nanotime: 100e9,
		count: goroutines.length,
		goid: numbers((g) => g.goid),
		status: Uint8Array.from(goroutines, (g) => STATES.indexOf(g.state ?? "waiting")),
		waitReason: Uint8Array.from(goroutines, (g) => REASONS.indexOf(g.reason ?? "chan receive")),
		waitSince: numbers((g) => g.waitSince ?? 0),
		parent: numbers(() => 1),
		createdAt,
		start,
		stackLow: numbers((_, i) => low(i)),
		stackHigh: numbers((g, i) => low(i) + (g.stackBytes ?? 2048)),
		sp: numbers((g, i) => (g.frames === undefined ? 0 : low(i) + (g.stackBytes ?? 2048) - 512)),
		residentUsed: numbers(() => 512),
		residentSlack: numbers((g) => (g.resident ?? 2048) - 512),
		stack,
		stacks: {
			count: distinct.length,
			offsets: Uint32Array.from(offsets),
			sites: Uint32Array.from(distinct.flatMap((one) => one.sites)),
			end: Uint8Array.from(distinct, (one) => one.end),
		},
		sites: Float64Array.from(places, (_, i) => 0x401000 + i * 16),
		symbols: places.map(framesOf),
		states: STATES,
		waitReasons: REASONS,
		torn: 0,
	};
}

/** "main.inner+main.outer": inner is inlined into outer. "main.f[int]" is printed as main.f[...], and begins at line 7. */
function framesOf(place: string): StackFrame[] {
	const names = place.split("+");
	return names.map((name, i) => {
		const symbol = name.replace("~wrapper", "");
		return {
			function: symbol.replace(/\[.*\]/, "[...]"),
			file: `/src/${name.split(".")[0]}.go`,
			line: 10 + i,
			inlined: i < names.length - 1,
			wrapper: name.endsWith("~wrapper"),
			...(symbol.includes("[") ? { symbol, startLine: 7 } : {}),
		};
	});
}
