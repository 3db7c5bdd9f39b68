import { ParseError } from "../../../bytes/parse-error.ts";
import { ProfileBuilder, type ProfileHeader } from "../builder.ts";
import { type Profile, symbolized, type ValueType } from "../model.ts";
import { dropAndKeepFrames } from "./frames.ts";
import { type Exact, exactOf, isMemoryMapHeading, LEGACY, type TextLines } from "./lines.ts";
import { arrangeMappings, type LegacyMapping, readMappings } from "./mappings.ts";

export interface DraftLine {
	readonly name: string;
	readonly filename: string;
	readonly line: Exact;
}

export interface DraftLabel {
	readonly key: string;
	readonly value: string | Exact;
	readonly unit?: string;
}

/** Locations × mappings that are compared at most. */
const MAX_COMPARISONS = 2 ** 31;

/**
 * A profile while an old text is read: locations are addresses, numbered as they first appear. `finish` numbers them and
 * the mappings as legacy_profile.go does (remapLocationIDs, remapMappingIDs), which its raw text shows.
 */
export class LegacyDraft {
	sampleTypes: readonly ValueType[];
	header: ProfileHeader;
	/** by location */
	readonly addresses: Exact[] = [];
	/** by location; undefined where not symbolized */
	readonly lines: (readonly DraftLine[] | undefined)[] = [];
	readonly #rows = new Map<Exact, number>();
	/** of sample s: stacks[starts[s]] to stacks[starts[s + 1] - 1], locations, leaf first */
	starts: number[] = [0];
	stacks: number[] = [];
	/** by sample type, then sample */
	readonly values: Exact[][];
	readonly labels: (readonly DraftLabel[])[] = [];
	mappings: LegacyMapping[] = [];
	/** what the text says that it holds and does not, as where it is cut short; undefined: nothing is known to be missing */
	missing: string | undefined;
	#numbered: readonly number[] | undefined;
	/** the mapping that was made for addresses in none */
	#madeUp: number | undefined;

	constructor(sampleTypes: readonly ValueType[], header: ProfileHeader) {
		this.sampleTypes = sampleTypes;
		this.header = header;
		this.values = sampleTypes.map(() => []);
	}

	get samples(): number {
		return this.starts.length - 1;
	}

	location(address: Exact): number {
		let row = this.#rows.get(address);
		if (row === undefined) {
			row = this.addresses.push(address) - 1;
			this.lines.push(undefined);
			this.#rows.set(address, row);
		}
		return row;
	}

	find(address: Exact): number | undefined {
		return this.#rows.get(address);
	}

	sample(addresses: readonly Exact[], values: readonly Exact[], labels: readonly DraftLabel[] = []): void {
		for (const address of addresses) this.stacks.push(this.location(address));
		this.starts.push(this.stacks.length);
		for (const [i, column] of this.values.entries()) column.push(values[i] ?? 0);
		this.labels.push(labels);
	}

	/** Takes the second frame off each sample that `which` picks. */
	dropSecondFrame(which: (leaf: Exact, second: Exact) => boolean): void {
		const [starts, stacks]: [number[], number[]] = [[0], []];
		for (let sample = 0; sample < this.samples; sample++) {
			const [from, to] = [this.starts[sample] ?? 0, this.starts[sample + 1] ?? 0];
			const [leaf, second] = [this.addresses[this.stacks[from] ?? 0], this.addresses[this.stacks[from + 1] ?? 0]];
			const drop = to - from > 1 && which(leaf ?? 0, second ?? 0);
			for (let i = from; i < to; i++) {
				if (!drop || i !== from + 1) stacks.push(this.stacks[i] ?? 0);
			}
			starts.push(stacks.length);
		}
		this.starts = starts;
		this.stacks = stacks;
	}

	/** The leaf's address comes from the signal and may come from the unwinder once more, then one too low. */
	dropDoubledLeaves(): void {
		this.number();
		this.dropSecondFrame((leaf, second) => BigInt(leaf) === BigInt.asUintN(64, BigInt(second) + 1n));
	}

	/** Reads on to the memory map, and reads it. */
	readMemoryMap(lines: TextLines): void {
		while (!isMemoryMapHeading(lines.line) && lines.scan()) {
			// other sections are passed over
		}
		this.readMappings(lines);
	}

	/** Reads the memory map whose first line is the next. */
	readMappings(lines: TextLines): void {
		this.mappings = arrangeMappings([...this.mappings, ...readMappings(lines)]);
	}

	/** Settles which locations there are, in the order of the samples. */
	number(): void {
		const seen = new Uint8Array(this.addresses.length);
		const order: number[] = [];
		for (const location of this.stacks) {
			if (seen[location] === 1) continue;
			seen[location] = 1;
			order.push(location);
		}
		this.#numbered ??= order;
	}

	finish(options: { readonly keepAddresses: boolean } = { keepAddresses: true }): Profile {
		this.number();
		const order = this.#numbered ?? [];
		const builder = new ProfileBuilder(this.sampleTypes);
		const mappingOf = this.#assignMappings(order, options.keepAddresses);
		const known = options.keepAddresses && order.every((location) => this.lines[location] !== undefined);
		const all = symbolized.functions | symbolized.filenames | symbolized.lineNumbers | symbolized.inlineFrames;
		for (const mapping of this.mappings) builder.mapping({ ...mapping, symbolized: known ? all : 0 });
		const rows = new Uint32Array(this.addresses.length);
		for (const [i, location] of order.entries()) {
			rows[location] = builder.location({
				address: options.keepAddresses ? (this.addresses[location] ?? 0) : 0,
				mapping: mappingOf[i],
				lines: (this.lines[location] ?? []).map(({ name, filename, line }) => {
					return { function: builder.internFunction({ name, filename }), line };
				}),
			});
		}
		for (let sample = 0; sample < this.samples; sample++) {
			const stack = this.stacks
				.slice(this.starts[sample], this.starts[sample + 1])
				.map((location) => rows[location] ?? 0);
			const values = this.values.map((column) => column[sample] ?? 0);
			builder.sample(stack, values, this.labels[sample]);
		}
		return builder.finish({ ...this.header, ...dropAndKeepFrames(this.sampleTypes) });
	}

	/** The mapping of each location (remapMappingIDs): none where it has no address, or loses it to its name. */
	#assignMappings(order: readonly number[], keepAddresses: boolean): (number | undefined)[] {
		const { mappings } = this;
		const [first, second] = mappings;
		if (first?.filename.startsWith("/anon_hugepage") && second !== undefined && first.limit === second.start) {
			mappings.shift();
		}
		const main = mappings[0];
		// where the kernel maps the text of a program that is linked at a fixed address
		if (main !== undefined && shifted(main) === 0x400000n) Object.assign(main, { start: 0x400000, offset: 0 });
		if (order.length * mappings.length > MAX_COMPARISONS) {
			throw new ParseError({ format: LEGACY, field: "memory map", actual: `${mappings.length} mappings` });
		}
		return order.map((location) => {
			const named = !keepAddresses && this.lines[location] !== undefined;
			return named ? undefined : this.#mappingOf(this.addresses[location] ?? 0);
		});
	}

	#mappingOf(address: Exact): number | undefined {
		if (Number(address) === 0) return undefined;
		const { mappings } = this;
		const within = mappings.findIndex(({ start, limit }) => start <= address && address < limit);
		if (within >= 0) return within;
		// some handlers leave out the first part of a mapping that is split
		const before = mappings.findIndex((mapping) => {
			return Number(mapping.offset) !== 0 && address < mapping.start && shifted(mapping) <= address;
		});
		const found = mappings[before];
		if (found !== undefined) {
			Object.assign(found, { start: exactOf(shifted(found)), offset: 0 });
			return before;
		}
		// Go's own texts have no mappings: one is made that holds all
		this.#madeUp ??= mappings.push({ start: 0, limit: 2n ** 64n - 1n, offset: 0, filename: "", buildId: "" }) - 1;
		return this.#madeUp;
	}
}

/** the address at which the file would start */
function shifted({ start, offset }: LegacyMapping): bigint {
	return BigInt.asUintN(64, BigInt(start) - BigInt(offset));
}
