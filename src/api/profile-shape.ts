import { type Static, Type } from "typebox";
import { Count, Milliseconds, Moment } from "./operation-values.ts";

/** A whole figure in the base of its unit; a string of digits where it passes 2^53. */
export const Figure = Type.Union([Type.Number(), Type.String({ pattern: "^-?[0-9]+$" })]);
export type Figure = Static<typeof Figure>;

export const SourceSummary = Type.Object({
	kind: Type.Enum(["file", "stdin", "url", "process", "capture", "core"]),
	name: Type.String({ description: "as given; a URL without credentials" }),
	how: Type.String({ description: "the form of the file, or what was done to get it" }),
	samples: Count({ description: "as read, before any are added up" }),
	time: Type.Optional(Moment({ description: "when it was taken" })),
	base: Type.Optional(Type.Boolean({ description: "true where it is taken off" })),
});
export type SourceSummary = Static<typeof SourceSummary>;

export const ValueType = Type.Object({ type: Type.String(), unit: Type.String() });

/** What a process's own endpoint says, beside what was read from outside. */
export const Comparison = Type.Object({
	endpoint: Type.String({ description: "the URL that was asked" }),
	totals: Type.Array(
		Type.Object({ type: Type.String(), unit: Type.String(), outside: Type.Number(), own: Type.Number() }),
	),
	stacks: Type.Object({
		same: Count({ description: "with the same figures in both" }),
		changed: Count(),
		onlyOutside: Count(),
		onlyOwn: Count(),
	}),
	differences: Type.Array(
		Type.Object({
			frames: Type.Array(Type.String(), { description: "innermost first" }),
			outside: Type.Array(Type.Number(), { description: "by type of `totals`" }),
			own: Type.Array(Type.Number()),
		}),
		{ description: "the largest ones" },
	),
});
export type Comparison = Static<typeof Comparison>;

/** What a profile says of itself, and what was made of it. */
export const profileHead = {
	title: Type.String({ description: 'name of the main binary; "" where the profile does not say' }),
	sampleType: Type.String({ description: 'what the figures are: "inuse_space", "mean_delay" …' }),
	unit: Type.String({ description: "base unit of the figures: bytes, count, nanoseconds …" }),
	total: Figure,
	sampleTypes: Type.Array(ValueType, { description: "all that the profile has: --sample-index chooses" }),
	time: Type.Optional(Moment({ description: "when the profile was taken" })),
	durationMs: Type.Optional(Milliseconds({ description: "over which it was taken" })),
	comments: Type.Array(Type.String(), { description: "that the profile carries" }),
	filters: Type.Array(Type.String(), { description: "focus=… and the like, as far as given" }),
	sources: Type.Array(SourceSummary),
	comparison: Type.Optional(Comparison),
	shownUnit: Type.Optional(Type.String({ description: "the unit asked for, for text" })),
};
const head = Type.Object(profileHead);
export type ProfileHead = Static<typeof head>;

/** Of queries with --style pprof: what `go tool pprof` prints, a line each. */
export const pprofText = Type.Optional(
	Type.Array(Type.String(), { description: "with --style pprof: the text, a line each" }),
);

export const place = {
	function: Type.String({ description: '"" at the granularity of files, and where nothing is known' }),
	file: Type.String({ description: '"" where unknown' }),
	line: Type.Optional(Type.Integer({ description: "at the granularity of functions the function's first line" })),
	address: Type.Optional(Type.String({ description: "hexadecimal, at the granularity of addresses" })),
	name: Type.String({ description: "as pprof writes the place" }),
};

export const topRow = {
	...place,
	flat: Figure,
	cum: Figure,
	inlined: Type.Enum(["all", "some", "none"], { description: "whether its calls were inlined" }),
};

export const rowsHead = {
	shown: Figure,
	nodes: Count({ description: "rows there would be without --nodecount" }),
	droppedNodes: Count({ description: "left out as below --nodefraction" }),
};
