import type { Int64Column, Uint64Column } from "./columns.ts";
import type { StringTable } from "./strings.ts";

/**
 * A profile as columns (profile.proto of github.com/google/pprof; its meaning as profile/encode.go has it). References
 * between the tables are row numbers from 0, not the file's ids; the ids are kept for writing back and for the raw text.
 *
 * Whoever makes a Profile (decode, legacy, builder, an algebra step) keeps to this, and walk.ts checks it:
 * - every row number and string index is in range; CSR starts have count + 1 entries, begin at 0 and never fall;
 * - ids are unique and not zero in each table;
 * - as many value columns as sample types, each as long as the samples;
 * - a Profile is not changed once made: a step makes another one and may share what it leaves as it is.
 */
export interface Profile {
	readonly strings: StringTable;
	readonly sampleTypes: readonly ValueType[];
	/** name of the sample type to show where none is asked for; "" where the profile names none */
	readonly defaultSampleType: string;
	readonly samples: Samples;
	readonly locations: Locations;
	readonly lines: Lines;
	readonly functions: Functions;
	/** by convention the first is the main binary */
	readonly mappings: Mappings;
	readonly comments: readonly string[];
	readonly docUrl: string;
	/** Go (RE2) regular expressions, matched against whole function names; "" where there is none */
	readonly dropFrames: string;
	readonly keepFrames: string;
	/** nanoseconds since 1970, 0 where unknown */
	readonly timeNanos: bigint;
	readonly durationNanos: bigint;
	/** both names are "" where the profile has none */
	readonly periodType: ValueType;
	/** in units of periodType: bytes between samples of a heap profile (its rate), nanoseconds of a CPU profile */
	readonly period: bigint;
}

export interface ValueType {
	/** "inuse_space", "cpu" … */
	readonly type: string;
	/** "bytes", "nanoseconds", "count" … */
	readonly unit: string;
}

export interface Samples {
	readonly count: number;
	/** Sample s has the locations location[locationStart[s]] to location[locationStart[s + 1] - 1]. */
	readonly locationStart: Uint32Array;
	/** rows of locations, leaf first */
	readonly location: Uint32Array;
	/** one column per sample type; a row per sample */
	readonly values: readonly Int64Column[];
	/** Sample s has the labels labelStart[s] to labelStart[s + 1] - 1. */
	readonly labelStart: Uint32Array;
	readonly labels: Labels;
}

/**
 * In the order of the file. A key may come more than once in a sample, and both as text and as number. For pprof a
 * number has units if any of the same key and sample has one.
 */
export interface Labels {
	readonly count: number;
	/** string index */
	readonly key: Uint32Array;
	/** string index of the value, or -1 where it is a number */
	readonly text: Int32Array;
	/** 0 where it is a text */
	readonly number: Int64Column;
	/** string index; 0 where none is given */
	readonly unit: Uint32Array;
}

export interface Locations {
	readonly count: number;
	readonly id: Uint64Column;
	/** row of mappings, or -1 */
	readonly mapping: Int32Array;
	/** 0 where unknown. Of a call: an address within the call instruction (return address - 1), as Go and pprof write it. */
	readonly address: Uint64Column;
	/** Location l has the lines lineStart[l] to lineStart[l + 1] - 1: innermost inlined function first, none where not symbolized. */
	readonly lineStart: Uint32Array;
	/** 1: other functions share this address (identical code folding) */
	readonly folded: Uint8Array;
}

export interface Lines {
	readonly count: number;
	/** row of functions */
	readonly function: Uint32Array;
	/** 0 where unknown */
	readonly line: Int64Column;
	/** 0 where unknown */
	readonly column: Int64Column;
}

export interface Functions {
	readonly count: number;
	readonly id: Uint64Column;
	/** string indexes */
	readonly name: Uint32Array;
	/** as the linker has it (C++: mangled); Go writes the name once more */
	readonly systemName: Uint32Array;
	readonly filename: Uint32Array;
	/** 0 where unknown */
	readonly startLine: Int64Column;
}

export interface Mappings {
	readonly count: number;
	readonly id: Uint64Column;
	readonly start: Uint64Column;
	readonly limit: Uint64Column;
	/** offset in the file of `start` */
	readonly offset: Uint64Column;
	/** string indexes */
	readonly filename: Uint32Array;
	readonly buildId: Uint32Array;
	/** bits of `symbolized` */
	readonly symbolized: Uint8Array;
}

/** What is known of the locations of a mapping: bits of Mappings.symbolized. */
export const symbolized = { functions: 1, filenames: 2, lineNumbers: 4, inlineFrames: 8 } as const;
