import { Type } from "typebox";
import { CoreShape } from "./core-shape.ts";
import { Address, ByteCount, Count, Milliseconds, Moment } from "./operation.ts";
import { ProcessSummary, Unreadable } from "./shapes.ts";

export const spanSorts = ["waste", "live", "resident", "size", "address"] as const;

/** What the spans of a class, or of all, have. The same words in rows and totals. */
const amounts = {
	spans: Count({ description: "spans in use" }),
	objects: Count({ description: "slots that are allocated (allocCount), garbage that is not yet swept included" }),
	freeSlots: Count({ description: "slots that are free" }),
	wasteBytes: ByteCount({
		description:
			"bytes of the spans that are not in objects: free slots, tails and bitmaps. Of all classes together: HeapInuse - HeapAlloc",
	}),
	residentBytes: Type.Optional(
		ByteCount({ description: "resident bytes of the spans; absent where pagemap could not be read" }),
	),
};

const parts = {
	deadObjects: Count({ description: "of objects: garbage that the last GC found and that is not yet swept" }),
	spanBytes: ByteCount({ description: "size of the spans" }),
	objectBytes: ByteCount({ description: "of that in objects, by the size of their slots" }),
	deadBytes: ByteCount({ description: "of objectBytes: garbage that is not yet swept" }),
	freeSlotBytes: ByteCount({ description: "in free slots" }),
	tailBytes: ByteCount({ description: "behind the last slot: too small for another one" }),
	bitmapBytes: ByteCount({ description: "the collector's own bitmaps inside the spans" }),
	residentWasteBytes: Type.Optional(
		ByteCount({ description: "resident bytes of free slots and tails: what they really cost" }),
	),
};

const Noscan = Type.Object(amounts, { description: "of the row: spans of objects without pointers" });

const Central = Type.Object(
	{
		partialSwept: Count({ description: "swept, with free slots: what is allocated from next" }),
		partialUnswept: Count({ description: "had free slots before the last GC, not yet swept" }),
		fullSwept: Count({ description: "swept, without free slots" }),
		fullUnswept: Count({ description: "was full before the last GC, not yet swept" }),
	},
	{ description: "spans in the central lists of the class; unswept lists may name spans that were swept meanwhile" },
);

export const refillSources = ["counted", "estimated", "at-least"] as const;

const Rates = Type.Object({
	allocationsPerSecond: Type.Number(),
	freesPerSecond: Type.Number({ description: "objects swept" }),
	bytesPerSecond: Type.Number({ description: "allocated", unit: "bytes" }),
	refillsPerSecond: Type.Optional(
		Type.Number({
			description: "how often a P's cache missed and took another span; absent for large objects, which have no cache",
		}),
	),
	refillsAtLeast: Type.Optional(Count({ description: "refills between the two readings, those that are certain" })),
	refillsFrom: Type.Optional(
		Type.Enum([...refillSources], {
			description:
				"counted: by the central lists' own counters, as no GC came between; estimated: from the slots that the spans now cached were given; at-least: refillsAtLeast",
		}),
	),
});

const ClassRow = Type.Object({
	class: Type.Integer({ description: "size class; 0: large objects, each with a span of its own" }),
	size: ByteCount({ description: "bytes of a slot; 0 for class 0" }),
	...amounts,
	...parts,
	noscan: Noscan,
	cached: Count({ description: "of the spans: in a P's cache" }),
	cachedFreeSlots: Count({ description: "of the free slots: in those" }),
	central: Type.Optional(Central),
	rates: Type.Optional(Rates),
});

const Span = Type.Object({
	startAddr: Address({}),
	npages: Count({ description: "pages of 8 KiB" }),
	class: Type.Integer(),
	elemsize: ByteCount({ description: "bytes of a slot; of a large object the whole span" }),
	noscan: Type.Boolean({ description: "its objects have no pointers" }),
	nelems: Count({ description: "slots" }),
	allocCount: Count({ description: "slots that are allocated" }),
	freeindex: Count({ description: "where the search for the next free slot begins" }),
	deadObjects: Count({ description: "of allocCount: garbage that is not yet swept" }),
	liveBytes: ByteCount({ description: "objects that are not known to be garbage" }),
	wasteBytes: ByteCount({ description: "not in objects" }),
	residentBytes: Type.Optional(ByteCount({})),
	sweep: Type.String({ description: "swept; unswept; sweeping; cached; cached, unswept; unknown on moving ground" }),
	cachedBy: Type.Optional(Type.Integer({ description: "id of the P that allocates from it" })),
	needzero: Type.Boolean({ description: "free slots hold old contents and are cleared when they are handed out" }),
});

const LeftOut = Type.Object(
	{ spans: Count({}), spanBytes: ByteCount({}) },
	{ description: "what --limit left out of the list" },
);

const Occupancy = Type.Object({
	upTo: Type.Number({ description: "at most this share of the slots has an object that is not known to be garbage" }),
	spans: Count({ description: "more than the row before, at most this" }),
	spanBytes: ByteCount({ description: "what would be free if they were empty" }),
	liveBytes: ByteCount({ description: "what keeps them" }),
});

const PCacheShape = Type.Object({
	p: Type.Integer({ description: "p.id" }),
	spans: Count({ description: "spans that it caches" }),
	freeSlots: Count({}),
	freeSlotBytes: ByteCount({}),
	tinyBlock: Type.Optional(Address({ description: "block of which objects below 16 bytes without pointers are cut" })),
	tinyUsedBytes: ByteCount({ description: "of that block" }),
	stackBytes: Type.Array(Type.Integer({ unit: "bytes" }), {
		description: "free stacks, by size: 2 KiB, 4 KiB, 8 KiB, 16 KiB",
	}),
	stale: Type.Boolean({ description: "from before the last GC: this P has not run since" }),
	cached: Type.Optional(
		Type.Array(
			Type.Object({
				class: Type.Integer(),
				noscan: Type.Boolean(),
				startAddr: Address({}),
				freeSlots: Count({}),
			}),
			{ description: "with --caches" },
		),
	),
});

export const SpansShape = Type.Object({
	target: ProcessSummary,
	core: Type.Optional(CoreShape),
	at: Moment({ description: "when the reading began" }),
	classes: Type.Array(ClassRow, { description: "size classes that have spans or were allocated from, ascending" }),
	totals: Type.Object({ ...amounts, ...parts }),
	accounts: Type.Object(
		{ heapInuseBytes: ByteCount({}), heapAllocBytes: ByteCount({}), heapObjects: Count({}) },
		{ description: "MemStats of the same moment: spanBytes, objectBytes and objects as the runtime counts them" },
	),
	occupancy: Type.Array(Occupancy, {
		description: "spans of small objects that no P caches, by how full they are; the first row: all garbage",
	}),
	sparsest: Type.Object(
		{ spans: Type.Array(Span), leftOut: LeftOut },
		{ description: "spans of small objects that no P caches and that are not full: those with the fewest live bytes" },
	),
	list: Type.Optional(
		Type.Object(
			{ class: Type.Integer(), sort: Type.Enum([...spanSorts]), spans: Type.Array(Span), leftOut: LeftOut },
			{ description: "with --class" },
		),
	),
	caches: Type.Optional(
		Type.Array(PCacheShape, { description: "per P what it allocates from without a lock (mcache)" }),
	),
	rates: Type.Optional(
		Type.Object(
			{
				seconds: Type.Number(),
				collections: Count({ description: "GCs that ended meanwhile" }),
				allocationsPerSecond: Type.Number(),
				tinyPerSecond: Type.Number({ description: "cut of a tiny block; not in the classes, their blocks are" }),
				bytesPerSecond: Type.Number({ unit: "bytes" }),
				refillsPerSecond: Type.Optional(Type.Number()),
			},
			{ description: "since the reading before" },
		),
	),
	next: Type.Array(Type.Object({ command: Type.String(), says: Type.String() })),
	view: Type.Object({ all: Type.Boolean(), caches: Type.Boolean() }, { description: "what the text form shows" }),
	blur: Type.Object({
		heapBytes: ByteCount({ description: "by how much the heap moved while it was read" }),
		paused: Type.Boolean({ description: "it stood still until all was read" }),
	}),
	unavailable: Type.Array(Unreadable),
	cost: Type.Object({ wallMs: Milliseconds({}), pausedMs: Milliseconds({}), bytesRead: ByteCount({}) }),
});
