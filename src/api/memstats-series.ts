import { type MemStatsName, memStatsField } from "../formats/memstats/fields.ts";
import { mannKendall } from "../series/mann-kendall.ts";
import { theilSen } from "../series/theil-sen.ts";
import { numberOf, type Taken } from "./memstats-reading.ts";
import { type FieldName, listNames, type Row, type Series, type Trend } from "./memstats-shape.ts";

/** Points kept per column: more make no slope better, and the pairs of 120 are looked at in milliseconds. */
const MAX_POINTS = 120;
const MAX_ROWS = 512;
const SPARK_POINTS = 40;
/** Below this many points no trend is called one. */
const MIN_POINTS = 5;
const HOUR = 3_600_000;

const DEFAULT_TRENDS: readonly FieldName[] = [
	"HeapAlloc",
	"HeapInuse",
	"HeapIdle",
	"HeapReleased",
	"StackInuse",
	"Sys",
];

/** What is kept of any number of readings, in bounded memory: evenly spread rows, and columns of means for the slopes. */
export class MemStatsHistory {
	readonly #wanted: readonly FieldName[] | undefined;
	readonly #columns = new Map<string, Column>();
	readonly #rows = new Spread<Row>(MAX_ROWS);
	#readings = 0;
	#first: Taken | undefined;
	#last: Taken | undefined;
	#collections: number | undefined;
	#allocated: number | undefined;

	/** @param wanted the fields to judge; undefined: the usual ones */
	constructor(wanted: readonly FieldName[] | undefined) {
		this.#wanted = wanted?.filter((name) => !listNames.includes(name));
	}

	add(taken: Taken): void {
		this.#first ??= taken;
		const x =
			this.#first.at === undefined
				? this.#readings
				: taken.at === undefined
					? undefined
					: (taken.at - this.#first.at) / HOUR;
		this.#readings++;
		if (x !== undefined) {
			this.#addLive(taken, x);
			for (const name of this.#names(taken)) {
				const value = numberOf(taken.fields[name] as number | string | undefined);
				// a goal of "off" is no size
				if (value !== undefined && value <= Number.MAX_SAFE_INTEGER) this.#column(name).add(x, value);
			}
			if (taken.meta.rssBytes !== undefined) this.#column("rssBytes").add(x, taken.meta.rssBytes);
			if (taken.meta.goroutines !== undefined) this.#column("goroutines").add(x, taken.meta.goroutines);
		}
		this.#collections = risen(this.#collections, this.#last, taken, "NumGC");
		this.#allocated = risen(this.#allocated, this.#last, taken, "TotalAlloc");
		this.#rows.add(rowOf(taken));
		this.#last = taken;
	}

	get readings(): number {
		return this.#readings;
	}

	get last(): Taken | undefined {
		return this.#last;
	}

	rows(): Row[] {
		return this.#rows.values();
	}

	/** undefined for fewer than two readings */
	series(skippedLines?: number): Series | undefined {
		const { at: start } = this.#first ?? {};
		const { at: end } = this.#last ?? {};
		if (this.#readings < 2) return undefined;
		const seconds = start === undefined || end === undefined ? undefined : (end - start) / 1000;
		const trends = [...this.#columns].map(([name, column]) => trendOf(name, this.#unit(name), column));
		return {
			readings: this.#readings,
			per: start === undefined ? "reading" : "hour",
			...(seconds === undefined ? {} : { seconds }),
			...(this.#collections === undefined ? {} : { collections: this.#collections }),
			...(this.#allocated === undefined || !seconds ? {} : { allocBytesPerHour: (this.#allocated / seconds) * 3600 }),
			trends,
			...(skippedLines === undefined ? {} : { skippedLines }),
		};
	}

	/**
	 * The heap is judged where garbage cannot blur it: at GCs. The pacer says what each marked; without it HeapAlloc at the
	 * first reading after a GC stands in, which has some new objects in it.
	 */
	#addLive(taken: Taken, x: number): void {
		const judged = this.#wanted === undefined || this.#wanted.includes("HeapAlloc") || this.#wanted.includes("Alloc");
		const gcs = numberOf(taken.fields.NumGC);
		if (!judged || gcs === undefined || gcs === 0) return;
		const before = this.#last === undefined ? undefined : numberOf(this.#last.fields.NumGC);
		if (gcs === before) return;
		if (taken.pacer !== undefined) this.#column("live").add(this.#timeOfGc(taken) ?? x, taken.pacer.heapMarkedBytes);
		else if (before !== undefined) {
			const alloc = numberOf(taken.fields.HeapAlloc ?? taken.fields.Alloc);
			if (alloc !== undefined) this.#column("live").add(x, alloc);
		}
	}

	/** hours since the first reading at which the last GC ended */
	#timeOfGc(taken: Taken): number | undefined {
		const start = this.#first?.at;
		const ended = numberOf(taken.fields.LastGC);
		return start === undefined || !ended ? undefined : (ended / 1e6 - start) / HOUR;
	}

	#names(taken: Taken): readonly FieldName[] {
		if (this.#wanted !== undefined) return this.#wanted;
		return taken.fields.HeapAlloc === undefined ? ["Alloc", ...DEFAULT_TRENDS] : DEFAULT_TRENDS;
	}

	#column(name: string): Column {
		const known = this.#columns.get(name);
		if (known !== undefined) return known;
		const column = new Column();
		this.#columns.set(name, column);
		return column;
	}

	#unit(name: string): string {
		if (name === "live" || name === "rssBytes") return "bytes";
		return name === "goroutines" ? "count" : (memStatsField(name)?.unit ?? "");
	}
}

/** By how much a counter rose in all; where it fell, the program had started again. */
function risen(sum: number | undefined, before: Taken | undefined, now: Taken, name: MemStatsName): number | undefined {
	const value = numberOf(now.fields[name]);
	const last = before === undefined ? undefined : numberOf(before.fields[name]);
	if (value === undefined || last === undefined) return sum;
	return (sum ?? 0) + (value >= last ? value - last : value);
}

function rowOf({ at, fields, meta }: Taken): Row {
	const { PauseNs: _ns, PauseEnd: _end, BySize: _sizes, ...scalars } = fields;
	return {
		...(at === undefined ? {} : { time: new Date(at).toISOString() }),
		...scalars,
		...(meta.goroutines === undefined ? {} : { goroutines: meta.goroutines }),
		...(meta.rssBytes === undefined ? {} : { rssBytes: meta.rssBytes }),
	};
}

function trendOf(name: string, unit: string, column: Column): Trend {
	const { xs, ys } = column.points();
	const test = mannKendall(xs, ys);
	const line = theilSen(xs, ys, test === undefined ? {} : { varianceFactor: test.varianceFactor });
	const sure = line !== undefined && test !== undefined && line.n >= MIN_POINTS;
	const away = sure && test.p < 0.05 && (line.low > 0 || line.high < 0);
	return {
		name,
		unit,
		how: name === "live" ? "the live heap at each GC that was seen" : "every reading",
		readings: column.count,
		first: column.first,
		last: column.last,
		...(line === undefined ? {} : { slope: line.slope, low: line.low, high: line.high }),
		direction: !sure ? "unknown" : !away ? "flat" : line.slope > 0 ? "up" : "down",
		points: spread(ys, SPARK_POINTS),
	};
}

function spread(values: readonly number[], most: number): number[] {
	if (values.length <= most) return [...values];
	return Array.from({ length: most }, (_, i) => values[Math.round((i * (values.length - 1)) / (most - 1))] ?? 0);
}

/** A column of points. When it is full, neighbours become their mean, and from then on as many readings make one point. */
class Column {
	count = 0;
	first = 0;
	last = 0;
	#xs: number[] = [];
	#ys: number[] = [];
	#stride = 1;
	#sumX = 0;
	#sumY = 0;
	#inSum = 0;

	add(x: number, y: number): void {
		if (this.count === 0) this.first = y;
		this.last = y;
		this.count++;
		this.#sumX += x;
		this.#sumY += y;
		if (++this.#inSum < this.#stride) return;
		this.#xs.push(this.#sumX / this.#inSum);
		this.#ys.push(this.#sumY / this.#inSum);
		this.#sumX = this.#sumY = this.#inSum = 0;
		if (this.#xs.length < MAX_POINTS) return;
		this.#xs = pairMeans(this.#xs);
		this.#ys = pairMeans(this.#ys);
		this.#stride *= 2;
	}

	points(): { xs: number[]; ys: number[] } {
		// a last point of fewer readings would weigh as much as a full one
		const half = this.#inSum * 2 >= this.#stride && this.#inSum > 0;
		return half
			? { xs: [...this.#xs, this.#sumX / this.#inSum], ys: [...this.#ys, this.#sumY / this.#inSum] }
			: { xs: this.#xs, ys: this.#ys };
	}
}

function pairMeans(values: readonly number[]): number[] {
	return Array.from({ length: values.length >> 1 }, (_, i) => ((values[2 * i] ?? 0) + (values[2 * i + 1] ?? 0)) / 2);
}

/** At most `most` of any number of items, evenly spread, the first and the last among them. */
class Spread<T> {
	readonly #most: number;
	#kept: T[] = [];
	#every = 1;
	#seen = 0;
	#last: T | undefined;

	constructor(most: number) {
		this.#most = most;
	}

	add(item: T): void {
		if (this.#seen++ % this.#every === 0) {
			this.#kept.push(item);
			this.#last = undefined;
		} else this.#last = item;
		if (this.#kept.length < this.#most) return;
		this.#kept = this.#kept.filter((_, i) => i % 2 === 0);
		this.#every *= 2;
		// the newest may just have been dropped
		this.#last = item;
	}

	values(): T[] {
		return this.#last === undefined || this.#kept.at(-1) === this.#last ? [...this.#kept] : [...this.#kept, this.#last];
	}
}
