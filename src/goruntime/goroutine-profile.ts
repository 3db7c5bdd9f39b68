import { type GoroutineStacks, STACK_COMPLETE, type StackFrame } from "../evidence/stacks.ts";
import { type LabelParts, ProfileBuilder } from "../formats/pprof/builder.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { type CodeMapping, mappingAt, type ProfiledMapping, profileMappings } from "./profile-mappings.ts";
import { functionAt, isSystem, stateText, TELLING_CALLEES, waitedFor } from "./stack-groups.ts";

export interface GoroutineProfileOptions {
	/** executable mappings of the process */
	readonly mappings: readonly ProfiledMapping[];
	/** of the reading, nanoseconds since 1970 */
	readonly timeNanos: bigint;
	/**
	 * "own": labels of the program alone and the one sample type that its own profile has. "all" (default): also the bytes of
	 * stacks, and as labels the state, who made it and how long it waits.
	 */
	readonly details?: "own" | "all";
	/**
	 * frames of a stack, innermost first: runtime/pprof keeps 32 before Go 1.23 and 128 since, and those that the last of
	 * them is inlined into; default: all
	 */
	readonly maxFrames?: number;
	/** the runtime's own goroutines, too, which its profile leaves out */
	readonly system?: boolean;
}

/** Label keys besides the program's own. */
export const goroutineLabels = {
	/** "chan receive", "running" …, as a traceback has it in brackets */
	state: "state",
	/** function that made it; absent for the main goroutine */
	createdBy: "created_by",
	/** whole minutes that it has waited, in seconds; absent below one, and where it is not known */
	wait: "wait",
	/** "running": where it began is shown instead; "incomplete": outer frames are missing */
	stack: "stack",
} as const;

/**
 * The goroutine profile that the process's own /debug/pprof/goroutine would give (runtime/pprof/pprof.go:
 * printCountProfile), but with whole stacks, and with how large they are. A goroutine that runs has no stack that can be
 * read from outside: it counts at the function that it began with.
 */
export function goroutineProfile(s: GoroutineStacks, options: GoroutineProfileOptions): Profile {
	const all = options.details !== "own";
	const builder = new ProfileBuilder([
		{ type: "goroutine", unit: "count" },
		...(all
			? [
					{ type: "stack_space", unit: "bytes" },
					{ type: "resident_space", unit: "bytes" },
				]
			: []),
	]);
	const places = new Places(s, builder, profileMappings(options.mappings, builder), options.maxFrames);
	for (const { row, count, stackBytes, residentBytes } of alike(s, options, all)) {
		const labels = [...programLabels(s, row), ...(all ? ownLabels(s, row) : [])];
		builder.sample(places.of(row), all ? [count, stackBytes, residentBytes] : [count], labels);
	}
	return builder.finish({
		defaultSampleType: all ? "goroutine" : "",
		periodType: { type: "goroutine", unit: "count" },
		period: 1n,
		timeNanos: options.timeNanos,
	});
}

interface Alike {
	/** one of them */
	readonly row: number;
	count: number;
	stackBytes: number;
	residentBytes: number;
}

/** Goroutines that become one sample, the most numerous first, as runtime/pprof sorts them (keysByCount). */
function alike(s: GoroutineStacks, options: GoroutineProfileOptions, all: boolean): Alike[] {
	const samples = new Map<string, Alike>();
	const system = new Map<string, boolean>();
	for (let row = 0; row < s.count; row++) {
		const stack = s.stack[row] ?? -1;
		const place = stack >= 0 ? `${stack}` : `-${s.start[row] ?? -1}`;
		if (options.system !== true) {
			const key = `${place} ${s.start[row] ?? -1}`;
			let is = system.get(key);
			if (is === undefined) {
				is = isSystem(s, row);
				system.set(key, is);
			}
			if (is) continue;
		}
		const details = all
			? ` ${s.status[row] ?? 0} ${s.waitReason[row] ?? 0} ${s.createdAt[row] ?? -1} ${minutesOf(s, row)}`
			: "";
		const key = `${place} ${s.labels?.set[row] ?? -1}${details}`;
		const bytes = (s.stackHigh[row] ?? 0) - (s.stackLow[row] ?? 0);
		const resident = (s.residentUsed[row] ?? 0) + (s.residentSlack[row] ?? 0);
		const sample = samples.get(key);
		if (sample === undefined) samples.set(key, { row, count: 1, stackBytes: bytes, residentBytes: resident });
		else {
			sample.count++;
			sample.stackBytes += bytes;
			sample.residentBytes += resident;
		}
	}
	return [...samples.values()].sort((a, b) => b.count - a.count);
}

function minutesOf(s: GoroutineStacks, row: number): number {
	return Math.floor((waitedFor(s, row) ?? 0) / 60e9);
}

function programLabels(s: GoroutineStacks, row: number): LabelParts[] {
	return [...(s.labels?.sets[s.labels.set[row] ?? -1] ?? [])];
}

function ownLabels(s: GoroutineStacks, row: number): LabelParts[] {
	const labels: LabelParts[] = [{ key: goroutineLabels.state, value: stateText(s, row) }];
	const createdBy = s.goid[row] === 1 ? "" : functionAt(s, s.createdAt[row] ?? -1);
	if (createdBy !== "") labels.push({ key: goroutineLabels.createdBy, value: createdBy });
	const minutes = minutesOf(s, row);
	if (minutes > 0) labels.push({ key: goroutineLabels.wait, value: minutes * 60, unit: "seconds" });
	const stack = s.stack[row] ?? -1;
	if (stack < 0) labels.push({ key: goroutineLabels.stack, value: "running" });
	else if (s.stacks.end[stack] !== STACK_COMPLETE) labels.push({ key: goroutineLabels.stack, value: "incomplete" });
	return labels;
}

/** The places of stacks as locations: one per place, with the calls that were inlined there. */
class Places {
	readonly #s: GoroutineStacks;
	readonly #builder: ProfileBuilder;
	readonly #mappings: readonly CodeMapping[];
	readonly #maxFrames: number;
	readonly #locations = new Map<string, number>();
	readonly #functions = new Map<string, number>();

	constructor(s: GoroutineStacks, builder: ProfileBuilder, mappings: readonly CodeMapping[], maxFrames = Infinity) {
		this.#s = s;
		this.#builder = builder;
		this.#mappings = mappings;
		this.#maxFrames = maxFrames;
	}

	/** Rows of the locations of a goroutine's stack, leaf first. */
	of(row: number): number[] {
		const { stack, stacks, start, symbols } = this.#s;
		const at = stack[row] ?? -1;
		const rows: number[] = [];
		if (at < 0) {
			const began = start[row] ?? -1;
			// the entry is in the function itself, before what is inlined into it
			return began < 0 ? rows : [this.#location(began, (symbols[began] ?? []).slice(-1))];
		}
		let room = this.#maxFrames;
		let callee = "";
		for (let i = stacks.offsets[at] ?? 0; i < (stacks.offsets[at + 1] ?? 0) && room > 0; i++) {
			const site = stacks.sites[i] ?? -1;
			const frames = symbols[site] ?? [];
			const shown: StackFrame[] = [];
			for (const frame of frames) {
				// traceback.go: elideWrapperCalling; proto.go: allFrames leaves out where every goroutine begins
				if (frame.function !== "runtime.goexit" && (!frame.wrapper || TELLING_CALLEES.has(callee))) shown.push(frame);
				callee = frame.function;
			}
			if (frames.length > 0 && shown.length === 0) continue;
			rows.push(this.#location(site, shown));
			room -= Math.max(1, shown.length);
		}
		return rows;
	}

	#location(site: number, frames: readonly StackFrame[]): number {
		// the same place may show fewer frames: where a wrapper is left out, or the place is where a goroutine began
		const key = `${site} ${frames.map((frame) => frame.function).join(" ")}`;
		let row = this.#locations.get(key);
		if (row === undefined) {
			const address = this.#s.sites[site] ?? 0;
			row = this.#builder.location({
				address,
				mapping: mappingAt(this.#mappings, address),
				lines: frames.map((frame) => ({ function: this.#function(frame), line: frame.line })),
			});
			this.#locations.set(key, row);
		}
		return row;
	}

	/** One per name, as runtime/pprof makes them. */
	#function(frame: StackFrame): number {
		const name = frame.symbol ?? frame.function;
		let row = this.#functions.get(name);
		if (row === undefined) {
			row = this.#builder.function({ name, filename: frame.file, startLine: frame.startLine ?? 0 });
			this.#functions.set(name, row);
		}
		return row;
	}
}
