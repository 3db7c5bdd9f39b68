import { int64At, uint64At } from "../../formats/pprof/columns.ts";
import { GrowingTables, type ProfileTables } from "../../formats/pprof/growing-tables.ts";
import type { Profile } from "../../formats/pprof/model.ts";
import type { StringInterner } from "../../formats/pprof/strings.ts";
import { SequenceIndex } from "../sequence-index.ts";

/** Where a profile's rows are in the merged tables; -1 for rows that no sample needs. */
export interface MergedRows {
	readonly locations: Int32Array;
	readonly strings: Int32Array;
}

/**
 * The tables of several profiles as one: equal functions once, mappings equal in size, offset and build id (or file) once,
 * wherever they were loaded, and locations equal relative to their mapping once (google/pprof profile/merge.go, key).
 * Rows come in the order in which the samples need them.
 */
export function mergeTables(
	profiles: readonly Profile[],
	strings: StringInterner,
): { readonly rows: readonly MergedRows[]; readonly tables: ProfileTables } {
	const merger = new TableMerger(strings);
	const rows = profiles.map((profile) => merger.add(profile));
	return { rows, tables: merger.tables() };
}

interface MappingRow {
	readonly row: number;
	/** to be added to addresses, modulo 2^64 */
	readonly shift: bigint;
}

class TableMerger {
	readonly #strings: StringInterner;
	readonly #mappingKeys = new Map<string, number>();
	/** by merged mapping */
	readonly #mappingStarts: bigint[] = [];
	readonly #functionKeys = new SequenceIndex();
	readonly #locationKeys = new SequenceIndex();
	readonly #words = new Int32Array(8);
	#locationWords = new Int32Array(64);
	readonly #tables = new GrowingTables();

	constructor(strings: StringInterner) {
		this.#strings = strings;
	}

	add(profile: Profile): MergedRows {
		const strings = new Int32Array(profile.strings.count).fill(-1);
		const intern = (row: number): number => {
			if (strings[row]! < 0) {
				const bytes = profile.strings.bytes(row);
				strings[row] = this.#strings.internBytes(bytes, 0, bytes.length);
			}
			return strings[row]!;
		};
		const { labels } = profile.samples;
		for (let label = 0; label < labels.count; label++) {
			intern(labels.key[label]!);
			intern(labels.unit[label]!);
			if (labels.text[label]! >= 0) intern(labels.text[label]!);
		}
		const mappings: (MappingRow | undefined)[] = [];
		// The first mapping is the main binary by convention: it comes first whatever the samples need first.
		if (this.#mappingKeys.size === 0 && profile.mappings.count > 0) mappings[0] = this.#mapping(profile, 0, intern);
		const functions = new Int32Array(profile.functions.count).fill(-1);
		const locations = new Int32Array(profile.locations.count).fill(-1);
		const { location, locationStart, count } = profile.samples;
		for (let at = 0; at < locationStart[count]!; at++) {
			const from = location[at]!;
			if (locations[from]! < 0) locations[from] = this.#location(profile, from, mappings, functions, intern);
		}
		return { locations, strings };
	}

	#location(
		profile: Profile,
		from: number,
		mappings: (MappingRow | undefined)[],
		functions: Int32Array,
		intern: (row: number) => number,
	): number {
		const { locations, lines } = profile;
		const source = locations.mapping[from]!;
		let mapping: MappingRow | undefined;
		if (source >= 0) mapping = mappings[source] ??= this.#mapping(profile, source, intern);
		const address = BigInt.asUintN(64, uint64At(locations.address, from) + (mapping?.shift ?? 0n));
		const first = locations.lineStart[from]!;
		const end = locations.lineStart[from + 1]!;
		if (this.#locationWords.length < 4 + (end - first) * 5) this.#locationWords = new Int32Array((end - first) * 10);
		const words = this.#locationWords;
		const relative = mapping === undefined ? address : address - (this.#mappingStarts[mapping.row] ?? 0n);
		putBigint(words, 0, relative);
		words[2] = mapping?.row ?? -1;
		words[3] = locations.folded[from]!;
		let length = 4;
		for (let line = first; line < end; line++) {
			const source = lines.function[line]!;
			if (functions[source]! < 0) functions[source] = this.#function(profile, source, intern);
			words[length] = functions[source]!;
			putBigint(words, length + 1, int64At(lines.line, line));
			putBigint(words, length + 3, int64At(lines.column, line));
			length += 5;
		}
		const before = this.#locationKeys.count;
		const row = this.#locationKeys.of(words, length);
		if (this.#locationKeys.count === before) return row;
		const to = this.#tables.locations;
		to.id.push(row + 1);
		to.mapping.push(mapping?.row ?? -1);
		to.address.push(address);
		to.folded.push(locations.folded[from]!);
		for (let line = first; line < end; line++) {
			this.#tables.lines.function.push(functions[lines.function[line]!]!);
			this.#tables.lines.line.push(int64At(lines.line, line));
			this.#tables.lines.column.push(int64At(lines.column, line));
		}
		to.lineStart.push(this.#tables.lines.function.length);
		return row;
	}

	#mapping(profile: Profile, from: number, intern: (row: number) => number): MappingRow {
		const { mappings } = profile;
		const start = uint64At(mappings.start, from);
		const size = BigInt.asUintN(64, uint64At(mappings.limit, from) - start + 0xfffn);
		const filename = intern(mappings.filename[from]!);
		const buildId = intern(mappings.buildId[from]!);
		const name = buildId !== 0 ? buildId : filename;
		const key = `${size - (size % 0x1000n)} ${uint64At(mappings.offset, from)} ${name}`;
		const to = this.#tables.mappings;
		const known = this.#mappingKeys.get(key);
		if (known !== undefined) return { row: known, shift: (this.#mappingStarts[known] ?? 0n) - start };
		const row = to.id.length;
		this.#mappingKeys.set(key, row);
		to.id.push(row + 1);
		to.start.push(start);
		this.#mappingStarts.push(start);
		to.limit.push(uint64At(mappings.limit, from));
		to.offset.push(uint64At(mappings.offset, from));
		to.filename.push(filename);
		to.buildId.push(buildId);
		to.symbolized.push(mappings.symbolized[from]!);
		return { row, shift: 0n };
	}

	#function(profile: Profile, from: number, intern: (row: number) => number): number {
		const { functions } = profile;
		const words = this.#words;
		const startLine = int64At(functions.startLine, from);
		words[0] = intern(functions.name[from]!);
		words[1] = intern(functions.systemName[from]!);
		words[2] = intern(functions.filename[from]!);
		putBigint(words, 3, startLine);
		const before = this.#functionKeys.count;
		const row = this.#functionKeys.of(words, 5);
		if (this.#functionKeys.count === before) return row;
		const to = this.#tables.functions;
		to.id.push(row + 1);
		to.name.push(words[0]);
		to.systemName.push(words[1]);
		to.filename.push(words[2]);
		to.startLine.push(startLine);
		return row;
	}

	tables(): ProfileTables {
		return this.#tables.finish();
	}
}

/** A 64-bit figure as two words. */
function putBigint(words: Int32Array, at: number, value: bigint): void {
	words[at] = Number(BigInt.asIntN(32, value));
	words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}
