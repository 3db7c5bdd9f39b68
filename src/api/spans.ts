import { type Static, Type } from "typebox";
import type { Observation } from "../capture/process.ts";
import { stoodStill } from "../evidence/reading.ts";
import { percent } from "../figures/figures.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { executableInput } from "./core-input.ts";
import { coreShape } from "./core-shape.ts";
import { GomemError } from "./errors.ts";
import { type Observed, observe, targetOf } from "./observe.ts";
import { beats, defineOperation, type OperationContext, pauseInput } from "./operation.ts";
import { runtimeUnreadable } from "./runtime-unreadable.ts";
import { unreadable } from "./shapes.ts";
import { pCaches } from "./spans-caches.ts";
import { cachedOf, centralOf, SpanSums, slotBytes, spanClassesOf } from "./spans-classes.ts";
import { SpanLists } from "./spans-list.ts";
import { type AllocationPoint, allocationPoint, type Rates, ratesBetween } from "./spans-rates.ts";
import { SpansShape, spanSorts } from "./spans-shape.ts";
import { processSummary } from "./summaries.ts";
import { coreName } from "./why-core.ts";

export type SpansResult = Static<typeof SpansShape>;
type Input = Static<typeof input> & { readonly target: string };

const input = Type.Object({
	class: Type.Optional(
		Type.Integer({ description: "list the spans of this size class; 0: large objects", placeholder: "n", minimum: 0 }),
	),
	sort: Type.Enum([...spanSorts], {
		description: "order of that list: most waste, fewest live bytes, most resident, largest, by address",
		default: "waste",
	}),
	limit: Type.Integer({ description: "list so many spans", default: 10, minimum: 0 }),
	all: Type.Boolean({ description: "every size class, where text shows those with the most waste", default: false }),
	caches: Type.Boolean({ description: "what each P caches, and the central lists", default: false }),
	exe: executableInput,
	pause: pauseInput,
});

export const operation = defineOperation({
	name: "spans",
	summary: "The heap by size class: spans, free slots, waste, the sparsest spans",
	description:
		"Go keeps small objects in spans: runs of 8 KiB pages, cut into slots of one size. A span goes back to the heap only " +
		"when its last object dies, so a few objects that live long, allocated between many that die young, hold whole spans: " +
		"that is fragmentation, and a lower GOGC does not cure it.\n\n" +
		"Free slots are room for more objects of their class only. Waste is free slots, tails (behind the last slot) and the " +
		"collector's bitmaps: HeapInuse - HeapAlloc. How much of a slot its object uses, the runtime does not know.\n\n" +
		"What to do: allocate what lives long together and early, or in one large block; pool what is short-lived " +
		"(sync.Pool); hold fewer pointers to small objects; where a map or cache churns, rebuild it from time to time.\n\n" +
		"With --every or --watch it says how often each class is allocated from, and how often a P's cache misses (refills). " +
		"Refills are counted, where no GC came between two readings; else they are estimated from the slots that the cached " +
		"spans were given.",
	group: "Where memory is",
	kind: "query",
	effect: "read",
	target: "required",
	input,
	result: SpansShape,
	examples: [
		{ command: "gomem spans 4242", says: "which size classes waste most, and the spans that few objects hold" },
		{ command: "gomem spans 4242 --class 22 --limit 50", says: "50 spans of class 22, those with the most waste" },
		{ command: "gomem spans orders-api --every 5s", says: "allocations and cache misses per second, by class" },
		{ command: "gomem spans core.4242 --class 0 --sort size", says: "the largest objects of a process that died" },
		{ command: "gomem spans x.gomem --all --caches", says: "every class and each P's cache, as captured" },
	],
	async run(_ctx, input) {
		using observed = await observe(targetOf(input.target), { pause: input.pause, exe: input.exe });
		const series = new Series(input);
		let last: SpansResult | undefined;
		// a file holds the history itself: its last reading is the present
		for (let next = await observed.next(); next !== undefined; next = await observed.next()) {
			last = series.next(next);
			if (observed.kind === "process") break;
		}
		if (last === undefined)
			throw new GomemError({ code: "bundle-unreadable", message: "the capture holds no reading" });
		return last;
	},
	async *watch(ctx, input) {
		using observed: Observed = await observe(targetOf(input.target), { pause: input.pause, exe: input.exe });
		const series = new Series(input);
		// the readings of a file need not be waited for
		for await (const _ of observed.kind === "process" ? beats(ctx) : untilDone(ctx)) {
			const next = await observed.next();
			if (next === undefined) return;
			yield series.next(next);
		}
	},
});

async function* untilDone(ctx: OperationContext): AsyncGenerator<void> {
	while (!ctx.signal.aborted) yield;
}

/** Readings one after another: each is compared with the one before. */
class Series {
	readonly #input: Input;
	#before: AllocationPoint | undefined;

	constructor(input: Input) {
		this.#input = input;
	}

	next(observation: Observation): SpansResult {
		const runtime = runtimeOf(observation);
		const now = allocationPoint(observation.reading.at, runtime);
		const rates = this.#before === undefined ? undefined : ratesBetween(this.#before, now);
		this.#before = now;
		return spansResult(observation, runtime, this.#input, rates);
	}
}

function runtimeOf({ reading, runtime }: Observation): RuntimeState {
	if (runtime !== undefined) return runtime;
	throw runtimeUnreadable("the spans cannot be read", reading.unavailable);
}

/** The result document of one observation. */
export function spansResult(
	{ reading }: Pick<Observation, "reading">,
	runtime: RuntimeState,
	input: Input,
	rates?: Rates,
): SpansResult {
	const sizes = slotBytes(runtime);
	if (input.class !== undefined && input.class >= sizes.length) throw noSuchClass(input.class, sizes);
	const sums = new SpanSums(runtime, reading.residency);
	const lists = new SpanLists(runtime, reading.residency);
	const { memStats } = runtime.counters;
	const { classes: _, ...allRates } = rates ?? {};
	const classes = classRows(runtime, sums, rates);
	const totals = sums.total();
	return {
		target: processSummary(reading),
		...(reading.core === undefined ? {} : { core: coreShape(reading.core) }),
		at: new Date(reading.at).toISOString(),
		classes,
		totals,
		accounts: {
			heapInuseBytes: memStats.HeapInuse,
			heapAllocBytes: memStats.HeapAlloc,
			heapObjects: memStats.HeapObjects,
		},
		occupancy: lists.occupancy(),
		sparsest: lists.sparsest(input.limit),
		...(input.class === undefined
			? {}
			: {
					list: { class: input.class, sort: input.sort, ...lists.ofClass(input.class, input.sort, input.limit) },
				}),
		...(runtime.caches === undefined ? {} : { caches: pCaches(runtime, runtime.caches, input.caches) }),
		...(rates === undefined ? {} : { rates: allRates as Omit<Rates, "classes"> }),
		next: nextSteps(reading.core === undefined ? input.target : coreName(reading.core), classes, totals.wasteBytes),
		view: { all: input.all, caches: input.caches },
		blur: { heapBytes: runtime.blur.heapBytes, paused: stoodStill(reading) },
		unavailable: unreadable([
			...reading.unavailable,
			...(runtime.caches === undefined
				? [{ part: "caches", unavailable: "the list of Ps was not to be believed" }]
				: []),
		]),
		cost: { ...reading.cost, wallMs: Math.round(reading.cost.wallMs), pausedMs: Math.round(reading.cost.pausedMs) },
	};
}

function classRows(runtime: RuntimeState, sums: SpanSums, rates: Rates | undefined): SpansResult["classes"] {
	const rows: SpansResult["classes"] = [];
	for (const [sizeClass, size] of slotBytes(runtime).entries()) {
		const spanClasses = spanClassesOf(sizeClass);
		const all = sums.of(spanClasses);
		const ofClass = rates?.classes[sizeClass];
		if (all.spans === 0 && !(ofClass !== undefined && ofClass.allocationsPerSecond > 0)) continue;
		const { spans, objects, freeSlots, wasteBytes, residentBytes } = sums.of([spanClasses[1]]);
		rows.push({
			class: sizeClass,
			size,
			...all,
			noscan: { spans, objects, freeSlots, wasteBytes, ...(residentBytes === undefined ? {} : { residentBytes }) },
			...(runtime.caches === undefined
				? { cached: 0, cachedFreeSlots: 0 }
				: { ...cachedOf(runtime.caches, spanClasses), central: centralOf(runtime.caches, spanClasses) }),
			...(ofClass === undefined ? {} : { rates: { ...ofClass } }),
		});
	}
	return rows;
}

/** The class to look at: the one with the most waste. */
function nextSteps(target: string, classes: SpansResult["classes"], waste: number): SpansResult["next"] {
	const worst = classes.reduce<SpansResult["classes"][number] | undefined>(
		(most, row) => (row.wasteBytes > (most?.wasteBytes ?? 0) ? row : most),
		undefined,
	);
	if (worst === undefined) return [];
	return [
		{
			command: `gomem spans ${target} --class ${worst.class}`,
			says: `its spans: ${percent(worst.wasteBytes / waste)} of the waste is slots of ${worst.size} B`,
		},
	];
}

function noSuchClass(wanted: number, sizes: readonly number[]): GomemError {
	const near = sizes.findIndex((size) => size >= wanted);
	return new GomemError({
		code: "size-class-unknown",
		message: `there is no size class ${wanted}: this Go has 0 to ${sizes.length - 1}`,
		hint:
			near > 0
				? `objects of ${wanted} bytes are in class ${near}, with slots of ${sizes[near]} bytes`
				: `objects above ${sizes.at(-1)} bytes are large ones: class 0`,
	});
}
