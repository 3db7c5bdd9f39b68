import type { Frame } from "../formats/pclntab/model.ts";
import { int64At, int64Column, uint64At } from "../formats/pprof/columns.ts";
import type { Functions, Lines, Profile } from "../formats/pprof/model.ts";
import { cutStacks } from "./sample-rows.ts";
import { ExtendedStrings } from "./strings-extended.ts";

/** The profile with frames for the locations that have none, as far as they are known. `framesOf` gives the innermost first. */
export function withFrames(profile: Profile, framesOf: (location: number) => readonly Frame[]): Profile {
	const { locations, lines } = profile;
	const strings = new ExtendedStrings(profile.strings);
	const functions = new AddedFunctions(profile.functions, strings);
	const lineStart = new Uint32Array(locations.count + 1);
	const rows: { readonly function: number; readonly line: number | bigint; readonly column: number | bigint }[] = [];
	for (let l = 0; l < locations.count; l++) {
		const first = locations.lineStart[l]!; // count + 1 of them
		const end = locations.lineStart[l + 1]!;
		for (let at = first; at < end; at++) {
			rows.push({ function: lines.function[at]!, line: int64At(lines.line, at), column: int64At(lines.column, at) });
		}
		if (first === end) {
			for (const frame of framesOf(l)) rows.push({ function: functions.row(frame), line: frame.line, column: 0 });
		}
		lineStart[l + 1] = rows.length;
	}
	const all: Lines = {
		count: rows.length,
		function: Uint32Array.from(rows, (row) => row.function),
		line: int64Column(rows.map((row) => row.line)),
		column: int64Column(rows.map((row) => row.column)),
	};
	return { ...profile, strings, lines: all, functions: functions.all(), locations: { ...locations, lineStart } };
}

/** The functions of a profile and those that frames name. */
class AddedFunctions {
	readonly #base: Functions;
	readonly #strings: ExtendedStrings;
	readonly #rows = new Map<string, number>();
	readonly #added: Frame[] = [];

	constructor(base: Functions, strings: ExtendedStrings) {
		this.#base = base;
		this.#strings = strings;
	}

	row(frame: Frame): number {
		const key = `${frame.symbol}\0${frame.file}\0${frame.startLine ?? 0}`;
		const known = this.#rows.get(key);
		if (known !== undefined) return known;
		const row = this.#base.count + this.#added.push(frame) - 1;
		this.#rows.set(key, row);
		return row;
	}

	all(): Functions {
		const base = this.#base;
		let id = 0n;
		for (let row = 0; row < base.count; row++) if (uint64At(base.id, row) > id) id = uint64At(base.id, row);
		const ids = this.#added.map((_, i) => id + BigInt(i + 1));
		const names = this.#added.map((frame) => this.#strings.intern(frame.symbol));
		const files = this.#added.map((frame) => this.#strings.intern(frame.file === "?" ? "" : frame.file));
		const starts = Array.from({ length: base.count }, (_, row) => int64At(base.startLine, row));
		return {
			count: base.count + this.#added.length,
			id: {
				low: joined(base.id.low, ids, (one) => Number(BigInt.asUintN(32, one))),
				high: joined(base.id.high, ids, (one) => Number(BigInt.asUintN(32, one >> 32n))),
			},
			name: joined(base.name, names, (one) => one),
			systemName: joined(base.systemName, names, (one) => one),
			filename: joined(base.filename, files, (one) => one),
			startLine: int64Column([...starts, ...this.#added.map((frame) => frame.startLine ?? 0)]),
		};
	}
}

function joined<T>(base: Uint32Array, added: readonly T[], value: (one: T) => number): Uint32Array {
	const all = new Uint32Array(base.length + added.length);
	all.set(base);
	for (const [i, one] of added.entries()) all[base.length + i] = value(one);
	return all;
}

/**
 * The profile as Go's texts (debug=1) show it: they leave out the runtime's frames that stand innermost, where the stack has
 * any other, and runtime.goexit (runtime/pprof/pprof.go, printStackRecord), so that these have no name, or have one only
 * because another stack has nothing but them. Go's protobuf form leaves out the same of a heap profile.
 */
export function withoutUnnamedEnds(profile: Profile): Profile {
	const { samples, locations } = profile;
	const own = namedBeyondRuntime(profile);
	const named = (at: number): boolean => {
		const l = samples.location[at]!; // rows of locations
		return locations.lineStart[l + 1]! > locations.lineStart[l]!;
	};
	const from = new Int32Array(samples.count);
	const to = new Uint32Array(samples.count);
	for (let s = 0; s < samples.count; s++) {
		const first = samples.locationStart[s]!;
		const end = samples.locationStart[s + 1]!;
		let at = first;
		while (at < end && own[samples.location[at]!] === 0) at++;
		// a stack of the runtime's own frames is shown whole
		if (at === end) at = first;
		let last = end;
		while (last > at && !named(last - 1)) last--;
		from[s] = at;
		to[s] = last === at ? end : last;
	}
	return { ...profile, samples: cutStacks(samples, from, to) };
}

/** Flags of the locations that have a function outside of the runtime. */
function namedBeyondRuntime({ locations, lines, functions, strings }: Profile): Uint8Array {
	const flags = new Uint8Array(locations.count);
	const known = new Map<number, boolean>();
	for (let l = 0; l < locations.count; l++) {
		for (let line = locations.lineStart[l]!; line < locations.lineStart[l + 1]!; line++) {
			const name = functions.name[lines.function[line]!]!;
			const is = known.get(name) ?? !/^(?:runtime\.|internal\/runtime\/)/.test(strings.text(name));
			known.set(name, is);
			if (is) flags[l] = 1;
		}
	}
	return flags;
}
