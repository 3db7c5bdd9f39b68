import type { Profile } from "../formats/pprof/model.ts";
import { SequenceIndex } from "./sequence-index.ts";

export interface CompareOptions {
	/** keys of labels that tell samples apart; default: all */
	readonly labels?: readonly string[];
	/** only so many innermost frames tell stacks apart: where one of the two was cut there */
	readonly maxFrames?: number;
	/** differences that are listed; all are counted */
	readonly list?: number;
}

/** How two profiles differ: the same process's, read in two ways, or at two times. */
export interface ProfileComparison {
	/** by sample type that both have, in the order of the first; exact below 2^53 */
	readonly totals: readonly {
		readonly type: string;
		readonly unit: string;
		readonly first: number;
		readonly second: number;
	}[];
	/** stacks (with their labels) that have a value other than 0 */
	readonly stacks: {
		/** with the same values in both */
		readonly same: number;
		readonly changed: number;
		readonly onlyFirst: number;
		readonly onlySecond: number;
	};
	/** the largest first, by the first profile's default sample type */
	readonly differences: readonly StackDifference[];
}

export interface StackDifference {
	/** innermost first */
	readonly frames: readonly { readonly function: string; readonly file: string; readonly line: number }[];
	/** "key:value", sorted */
	readonly labels: readonly string[];
	/** by sample type of `totals`; 0 throughout where only the other one has the stack */
	readonly first: readonly number[];
	readonly second: readonly number[];
}

const LISTED = 100;

/**
 * Compares two profiles stack by stack. Stacks are the same whose frames have the same functions, files and lines; addresses,
 * mappings and the order do not count, and a stack that comes several times is one.
 */
export function compareProfiles(first: Profile, second: Profile, options: CompareOptions = {}): ProfileComparison {
	const types = first.sampleTypes.flatMap(({ type, unit }, a) => {
		const b = second.sampleTypes.findIndex((one) => one.type === type && one.unit === unit);
		return b < 0 ? [] : [{ type, unit, columns: [a, b] as const }];
	});
	const table = new Stacks(types.length, options);
	table.add(
		first,
		types.map((one) => one.columns[0]),
		0,
	);
	table.add(
		second,
		types.map((one) => one.columns[1]),
		1,
	);
	const named = types.findIndex((one) => one.type === first.defaultSampleType);
	const { stacks, rows } = table.judge(named < 0 ? types.length - 1 : named);
	return {
		totals: types.map(({ type, unit }, t) => ({ type, unit, first: table.total(0, t), second: table.total(1, t) })),
		stacks,
		differences: rows.slice(0, options.list ?? LISTED).map((row) => table.difference(row)),
	};
}

/** The stacks of both profiles in one numbering, with the sums of their values on either side. */
class Stacks {
	readonly #width: number;
	readonly #maxFrames: number;
	readonly #labels: ReadonlySet<string> | undefined;
	readonly #index = new SequenceIndex();
	readonly #texts = new Map<string, number>();
	/** per stack: where it was seen first */
	readonly #seen: { readonly profile: Profile; readonly sample: number }[] = [];
	/** per stack: the values of the first profile, then of the second */
	#values = new Float64Array(1024);

	constructor(width: number, options: CompareOptions) {
		this.#width = width;
		this.#maxFrames = options.maxFrames ?? Infinity;
		this.#labels = options.labels === undefined ? undefined : new Set(options.labels);
	}

	add(profile: Profile, columns: readonly number[], side: 0 | 1): void {
		const { samples } = profile;
		const frames = this.#framesOf(profile);
		const words: number[] = [];
		let sequence = new Int32Array(256);
		for (let s = 0; s < samples.count; s++) {
			words.length = 0;
			for (let i = samples.locationStart[s] ?? 0; i < (samples.locationStart[s + 1] ?? 0); i++) {
				const at = frames[samples.location[i] ?? 0] ?? [];
				for (const word of at) if (words.length < this.#maxFrames) words.push(word);
			}
			// a number that no frame has
			words.push(-1);
			for (const label of this.#labelsOf(profile, s)) words.push(this.#text(label));
			if (words.length > sequence.length) sequence = new Int32Array(words.length * 2);
			sequence.set(words);
			const row = this.#index.of(sequence, words.length);
			if (row === this.#seen.length) this.#seen.push({ profile, sample: s });
			const at = row * 2 * this.#width + side * this.#width;
			if (at + this.#width > this.#values.length) this.#grow(at + this.#width);
			for (const [t, column] of columns.entries()) {
				this.#values[at + t] = (this.#values[at + t] ?? 0) + (samples.values[column]?.numbers[s] ?? 0);
			}
		}
	}

	/** Per location: a number for each of its lines; one for the address where it has none. */
	#framesOf({ locations, lines, functions, strings }: Profile): number[][] {
		return Array.from({ length: locations.count }, (_, location) => {
			const from = locations.lineStart[location] ?? 0;
			const to = locations.lineStart[location + 1] ?? 0;
			if (from === to) return [this.#text(`at ${locations.address.high[location]} ${locations.address.low[location]}`)];
			return Array.from({ length: to - from }, (_, i) => {
				const f = lines.function[from + i] ?? 0;
				const name = strings.text(functions.name[f] ?? 0);
				const file = strings.text(functions.filename[f] ?? 0);
				return this.#text(`${name}\n${file}\n${lines.line.numbers[from + i]}`);
			});
		});
	}

	#labelsOf({ samples, strings }: Profile, sample: number): string[] {
		const { labels, labelStart } = samples;
		const texts: string[] = [];
		for (let l = labelStart[sample] ?? 0; l < (labelStart[sample + 1] ?? 0); l++) {
			const key = strings.text(labels.key[l] ?? 0);
			if (this.#labels?.has(key) === false) continue;
			const text = labels.text[l] ?? -1;
			texts.push(`${key}:${text < 0 ? String(labels.number.numbers[l]) : strings.text(text)}`);
		}
		return texts.sort();
	}

	#text(text: string): number {
		let number = this.#texts.get(text);
		if (number === undefined) {
			number = this.#texts.size;
			this.#texts.set(text, number);
		}
		return number;
	}

	#grow(length: number): void {
		const values = new Float64Array(Math.max(length, this.#values.length * 2));
		values.set(this.#values);
		this.#values = values;
	}

	#of(row: number, side: 0 | 1): number[] {
		const at = row * 2 * this.#width + side * this.#width;
		return Array.from({ length: this.#width }, (_, t) => this.#values[at + t] ?? 0);
	}

	total(side: 0 | 1, type: number): number {
		let sum = 0;
		for (let row = 0; row < this.#seen.length; row++)
			sum += this.#values[row * 2 * this.#width + side * this.#width + type] ?? 0;
		return sum;
	}

	/** The rows that differ, by how much in a sample type. */
	judge(type: number): { readonly stacks: ProfileComparison["stacks"]; readonly rows: readonly number[] } {
		const stacks = { same: 0, changed: 0, onlyFirst: 0, onlySecond: 0 };
		const rows: { readonly row: number; readonly by: number }[] = [];
		for (let row = 0; row < this.#seen.length; row++) {
			const [first, second] = [this.#of(row, 0), this.#of(row, 1)];
			const [has, had] = [second.some((value) => value !== 0), first.some((value) => value !== 0)];
			if (!has && !had) continue;
			if (first.every((value, t) => value === second[t])) {
				stacks.same++;
				continue;
			}
			stacks[has ? (had ? "changed" : "onlySecond") : "onlyFirst"]++;
			rows.push({ row, by: Math.abs((second[type] ?? 0) - (first[type] ?? 0)) });
		}
		return { stacks, rows: rows.sort((a, b) => b.by - a.by || a.row - b.row).map(({ row }) => row) };
	}

	difference(row: number): StackDifference {
		const { profile, sample } = this.#seen[row]!; // a row of this table
		const { samples, locations, lines, functions, strings } = profile;
		const frames: { function: string; file: string; line: number }[] = [];
		for (let i = samples.locationStart[sample] ?? 0; i < (samples.locationStart[sample + 1] ?? 0); i++) {
			const location = samples.location[i] ?? 0;
			for (let l = locations.lineStart[location] ?? 0; l < (locations.lineStart[location + 1] ?? 0); l++) {
				const f = lines.function[l] ?? 0;
				frames.push({
					function: strings.text(functions.name[f] ?? 0),
					file: strings.text(functions.filename[f] ?? 0),
					line: lines.line.numbers[l] ?? 0,
				});
			}
		}
		return { frames, labels: this.#labelsOf(profile, sample), first: this.#of(row, 0), second: this.#of(row, 1) };
	}
}
