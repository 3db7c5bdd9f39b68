import { GrowingInt64, GrowingUint32 } from "./columns.ts";
import { GrowingTables } from "./growing-tables.ts";
import type { Labels, Profile, Samples, ValueType } from "./model.ts";
import { symbolized } from "./model.ts";
import { StringInterner } from "./strings.ts";

export interface MappingParts {
	readonly start?: number | bigint;
	readonly limit?: number | bigint;
	readonly offset?: number | bigint;
	readonly filename?: string;
	readonly buildId?: string;
	/** bits of `symbolized`; default: all four */
	readonly symbolized?: number;
	/** default: the row + 1 */
	readonly id?: number | bigint;
}

export interface FunctionParts {
	readonly name: string;
	/** default: the name */
	readonly systemName?: string;
	readonly filename?: string;
	readonly startLine?: number | bigint;
	/** default: the row + 1 */
	readonly id?: number | bigint;
}

export interface LineParts {
	/** row that `function` or `internFunction` returned */
	readonly function: number;
	readonly line?: number | bigint;
	readonly column?: number | bigint;
}

export interface LocationParts {
	/** row that `mapping` returned; default: none */
	readonly mapping?: number | undefined;
	readonly address?: number | bigint;
	/** innermost inlined function first */
	readonly lines?: readonly LineParts[];
	readonly folded?: boolean;
	/** default: the row + 1 */
	readonly id?: number | bigint;
}

export interface LabelParts {
	readonly key: string;
	readonly value: string | number | bigint;
	/** of a number */
	readonly unit?: string;
}

/** The parts of a profile that come once. */
export type ProfileHeader = Partial<
	Pick<
		Profile,
		| "defaultSampleType"
		| "comments"
		| "docUrl"
		| "dropFrames"
		| "keepFrames"
		| "timeNanos"
		| "durationNanos"
		| "periodType"
		| "period"
	>
>;

/**
 * Makes a Profile row by row: for profiles that are not read from a file (the heap profile of another process, the
 * legacy texts, tests). Rows are numbered in the order of the calls; only strings and `internFunction` look for equal ones.
 *
 *     const b = new ProfileBuilder([{ type: "inuse_space", unit: "bytes" }]);
 *     const main = b.function({ name: "main.main", filename: "/src/main.go", startLine: 9 });
 *     const at = b.location({ address: 0x4711, lines: [{ function: main, line: 12 }] });
 *     b.sample([at], [4096], [{ key: "bytes", value: 4096 }]);
 *     const profile = b.finish({ period: 524288n });
 */
export class ProfileBuilder {
	readonly strings: StringInterner;
	readonly sampleTypes: readonly ValueType[];
	readonly #values: readonly GrowingInt64[];
	readonly #locationStart = new GrowingUint32();
	readonly #location = new GrowingUint32();
	readonly #labelStart = new GrowingUint32();
	readonly #label = {
		key: new GrowingUint32(),
		text: new GrowingUint32(),
		number: new GrowingInt64(),
		unit: new GrowingUint32(),
	};
	readonly #tables = new GrowingTables();
	readonly #interned = new Map<string, number>();

	/** `strings` may be shared with a profile whose string indexes are to stay valid. */
	constructor(sampleTypes: readonly ValueType[], strings: StringInterner = new StringInterner()) {
		this.strings = strings;
		this.sampleTypes = sampleTypes;
		this.#values = sampleTypes.map(() => new GrowingInt64());
		this.#locationStart.push(0);
		this.#labelStart.push(0);
	}

	mapping(parts: MappingParts): number {
		const all = symbolized.functions | symbolized.filenames | symbolized.lineNumbers | symbolized.inlineFrames;
		const to = this.#tables.mappings;
		const row = to.id.length;
		to.id.push(parts.id ?? row + 1);
		to.start.push(parts.start ?? 0);
		to.limit.push(parts.limit ?? 0);
		to.offset.push(parts.offset ?? 0);
		to.filename.push(this.strings.intern(parts.filename ?? ""));
		to.buildId.push(this.strings.intern(parts.buildId ?? ""));
		to.symbolized.push(parts.symbolized ?? all);
		return row;
	}

	function(parts: FunctionParts): number {
		const to = this.#tables.functions;
		const row = to.id.length;
		const name = this.strings.intern(parts.name);
		to.id.push(parts.id ?? row + 1);
		to.name.push(name);
		to.systemName.push(parts.systemName === undefined ? name : this.strings.intern(parts.systemName));
		to.filename.push(this.strings.intern(parts.filename ?? ""));
		to.startLine.push(parts.startLine ?? 0);
		return row;
	}

	/** The row of the function with these parts, made when it is asked for first. */
	internFunction(parts: Omit<FunctionParts, "id">): number {
		const { name, systemName = name, filename = "", startLine = 0 } = parts;
		const key = [...[name, systemName, filename].map((text) => this.strings.intern(text)), startLine].join();
		let row = this.#interned.get(key);
		if (row === undefined) {
			row = this.function(parts);
			this.#interned.set(key, row);
		}
		return row;
	}

	location(parts: LocationParts): number {
		const to = this.#tables.locations;
		const row = to.id.length;
		to.id.push(parts.id ?? row + 1);
		to.mapping.push(parts.mapping ?? -1);
		to.address.push(parts.address ?? 0);
		to.folded.push(parts.folded === true ? 1 : 0);
		for (const line of parts.lines ?? []) {
			this.#tables.lines.function.push(line.function);
			this.#tables.lines.line.push(line.line ?? 0);
			this.#tables.lines.column.push(line.column ?? 0);
		}
		to.lineStart.push(this.#tables.lines.function.length);
		return row;
	}

	/** `locations` are rows, leaf first; `values` has one entry per sample type, else RangeError. */
	sample(locations: ArrayLike<number>, values: ArrayLike<number | bigint>, labels: readonly LabelParts[] = []): number {
		if (values.length !== this.#values.length) {
			throw new RangeError(`${values.length} values for ${this.#values.length} sample types`);
		}
		const row = this.#locationStart.length - 1;
		for (let i = 0; i < locations.length; i++) this.#location.push(locations[i] ?? 0);
		for (const [i, column] of this.#values.entries()) column.push(values[i] ?? 0);
		for (const { key, value, unit } of labels) {
			const to = this.#label;
			to.key.push(this.strings.intern(key));
			to.text.push(typeof value === "string" ? this.strings.intern(value) : -1);
			to.number.push(typeof value === "string" ? 0 : value);
			to.unit.push(this.strings.intern(unit ?? ""));
		}
		this.#locationStart.push(this.#location.length);
		this.#labelStart.push(this.#label.key.length);
		return row;
	}

	/** The profile of all rows so far. */
	finish(header: ProfileHeader = {}): Profile {
		return {
			strings: this.strings,
			sampleTypes: this.sampleTypes,
			samples: this.#finishSamples(),
			...this.#tables.finish(),
			defaultSampleType: "",
			comments: [],
			docUrl: "",
			dropFrames: "",
			keepFrames: "",
			timeNanos: 0n,
			durationNanos: 0n,
			periodType: { type: "", unit: "" },
			period: 0n,
			...header,
		};
	}

	#finishSamples(): Samples {
		const labels: Labels = {
			count: this.#label.key.length,
			key: this.#label.key.finish(),
			text: Int32Array.from(this.#label.text.finish()),
			number: this.#label.number.finish(),
			unit: this.#label.unit.finish(),
		};
		return {
			count: this.#locationStart.length - 1,
			locationStart: this.#locationStart.finish(),
			location: this.#location.finish(),
			values: this.#values.map((column) => column.finish()),
			labelStart: this.#labelStart.finish(),
			labels,
		};
	}
}
