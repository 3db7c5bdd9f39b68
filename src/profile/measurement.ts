import { fixed2, general2, padLeft } from "./go-format.ts";

/**
 * Units and how figures are written with them, as google/pprof's internal/measurement does (v0.0.0-20261016150608), so that
 * the same figure reads the same in both.
 */
export interface Unit {
	readonly name: string;
	/** in lower case, without the plural's s */
	readonly aliases: readonly string[];
	readonly factor: number;
}

interface UnitFamily {
	readonly base: Unit;
	/** ascending */
	readonly units: readonly Unit[];
}

function unit(name: string, factor: number, ...aliases: string[]): Unit {
	return { name, aliases, factor };
}

const bytes: readonly Unit[] = [
	unit("B", 1, "b", "byte"),
	unit("kB", 2 ** 10, "kb", "kbyte", "kilobyte"),
	unit("MB", 2 ** 20, "mb", "mbyte", "megabyte"),
	unit("GB", 2 ** 30, "gb", "gbyte", "gigabyte"),
	unit("TB", 2 ** 40, "tb", "tbyte", "terabyte"),
	unit("PB", 2 ** 50, "pb", "pbyte", "petabyte"),
];

const times: readonly Unit[] = [
	unit("ns", 1, "ns", "nanosecond"),
	unit("us", 1e3, "μs", "us", "microsecond"),
	unit("ms", 1e6, "ms", "millisecond"),
	unit("s", 1e9, "s", "sec", "second"),
	unit("hrs", 3600e9, "hour", "hr"),
];

/** Google compute units */
const computeUnits: readonly Unit[] = [
	unit("n*GCU", 1e-9, "nanogcu"),
	unit("u*GCU", 1e-6, "microgcu"),
	unit("m*GCU", 1e-3, "milligcu"),
	unit("GCU", 1, "gcu"),
	unit("k*GCU", 1e3, "kilogcu"),
	unit("M*GCU", 1e6, "megagcu"),
	unit("G*GCU", 1e9, "gigagcu"),
	unit("T*GCU", 1e12, "teragcu"),
	unit("P*GCU", 1e15, "petagcu"),
];

const families: readonly UnitFamily[] = [
	{ base: unit("B", 1), units: bytes },
	{ base: unit("s", 1e9), units: times },
	{ base: unit("GCU", 1), units: computeUnits },
];

const byAlias = new Map<string, { readonly family: UnitFamily; readonly unit: Unit }>();
for (const family of families) {
	for (const one of family.units) for (const alias of one.aliases) byAlias.set(alias, { family, unit: one });
}

/** What a unit's name stands for: case does not count, nor does the s of a plural. */
function known(name: string): { readonly family: UnitFamily; readonly unit: Unit } | undefined {
	const lower = name.toLowerCase();
	return byAlias.get(lower.length > 2 && lower.endsWith("s") ? lower.slice(0, -1) : lower);
}

/** A figure in a unit; the unit is "" where it is not worth naming (counts). */
export interface Scaled {
	readonly value: number;
	readonly unit: string;
}

/**
 * The value in another unit. `to` is "minimum" or "auto" for the largest unit in which it is at least 1; a unit of another
 * family gives the family's base unit; of a unit that is not known the value stays as it is and takes the name `to`.
 */
export function scale(value: number, from: string, to: string): Scaled {
	if (value < 0) {
		const scaled = scale(-value, from, to);
		return { value: -scaled.value, unit: scaled.unit };
	}
	const source = known(from);
	if (source === undefined) {
		return { value, unit: /^(count|sample|unit|minimum|auto)$/.test(to) ? "" : to };
	}
	const { family } = source;
	const inBase = value * source.unit.factor;
	const chosen =
		(to === "minimum" || to === "auto" ? largestWithin(inBase, family) : within(family, to)) ?? family.base;
	return { value: inBase / chosen.factor, unit: chosen.name };
}

function largestWithin(value: number, family: UnitFamily): Unit | undefined {
	return family.units.findLast((one) => value / one.factor >= 1);
}

function within(family: UnitFamily, name: string): Unit | undefined {
	const found = known(name);
	return found?.family === family ? found.unit : undefined;
}

/** Whether figures of one unit can be given in the other. */
export function sameFamily(a: string, b: string): boolean {
	const first = known(a);
	return first !== undefined && first.family === known(b)?.family;
}

/** The value in the unit `to`, with at most two decimals and the unit's name: "1.50MB". */
export function scaledLabel(value: number, from: string, to: string): string {
	const scaled = scale(value, from, to);
	const text = fixed2(scaled.value).replace(/\.00$/, "");
	return text === "0" || text === "-0" ? "0" : text + scaled.unit;
}

/** The value in the unit that suits it. */
export function label(value: number, unitName: string): string {
	return scaledLabel(value, unitName, "auto");
}

/** How much of `total` a value is, without its sign, at least five wide: "63.37%", "  100%", " 0.5%". */
export function percentage(value: number, total: number): string {
	const ratio = total === 0 ? 0 : Math.abs(value / total) * 100;
	if (ratio >= 99.95 && ratio <= 100.05) return "  100%";
	return `${padLeft(ratio >= 1 ? fixed2(ratio) : general2(ratio), 5)}%`;
}
