import { Abbreviations } from "./abbrev.ts";
import { FloatColumn, IntColumn } from "./columns.ts";
import {
	LANG_GO,
	SLOT,
	TAG_ARRAY_TYPE,
	TAG_COMPILE_UNIT,
	TAG_CONSTANT,
	TAG_MEMBER,
	TAG_STRUCTURE_TYPE,
	TAG_SUBRANGE_TYPE,
	TAG_VARIABLE,
	TYPE_TAGS,
} from "./constants.ts";
import { EntryReader, sizesOf } from "./entries.ts";
import { Names } from "./names.ts";
import type { DwarfSections } from "./sections.ts";
import { DwarfTypes, TypeColumns, type TypeId } from "./types.ts";
import { type Unit, type UnitHeader, unitHeaders } from "./units.ts";

/** A unit of the program: a package, or one of its assembly files, which has the package's name. */
export interface DwarfUnit {
	/** import path: "runtime", "internal/abi"; "main" for the program's own */
	readonly name: string;
	/** "Go cmd/compile go1.26.8; regabi" */
	readonly producer: string;
	/** 4 up to Go 1.24, 5 since */
	readonly version: number;
}

/** Variables of package level, in columns. */
export interface DwarfVariables {
	readonly count: number;
	/** "runtime.mheap_", with the full import path */
	name(index: number): string;
	/** link-time address; NaN where it has none of its own (constants made of variables, thread-local ones) */
	readonly address: Float64Array;
	type(index: number): TypeId;
	/** index into units */
	readonly unit: Int32Array;
}

/** Constants of package level; Go's compiler writes the integer ones. */
export interface DwarfConstants {
	readonly count: number;
	name(index: number): string;
	/** exact below 2^53 */
	readonly value: Float64Array;
	readonly unit: Int32Array;
}

/** What the DWARF of a program says of its Go part: types, variables and constants of package level. */
export interface DwarfIndex {
	readonly units: readonly DwarfUnit[];
	readonly types: DwarfTypes;
	readonly variables: DwarfVariables;
	readonly constants: DwarfConstants;
}

export interface IndexOptions {
	/**
	 * Which packages to read; all by default. The linker puts the types of all packages into the unit "runtime"
	 * (cmd/link/internal/ld/dwarf.go dwarfGenerateDebugInfo: movetomodule), and variables and constants into their own.
	 */
	readonly units?: (name: string) => boolean;
}

/** DW_TAG_* → kind of type, by index in TYPE_TAGS + 1 */
const KIND_OF = new Map(TYPE_TAGS.map(([tag], i) => [tag, i + 1]));

/**
 * Reads the units of Go (DW_AT_language), passes those of other languages, and within a unit the functions with all that is
 * in them. One pass over the bytes; nothing is allocated per entry but its row.
 *
 * Throws ParseError where .debug_info or .debug_abbrev are malformed.
 */
export function indexDwarf(sections: DwarfSections, options: IndexOptions = {}): DwarfIndex {
	const walk = new Walk(sections, options.units ?? (() => true));
	for (const header of unitHeaders(sections.info)) if (header.readable) walk.unit(header);
	return walk.finish();
}

class Walk {
	readonly #abbreviations: Abbreviations;
	readonly #entries: EntryReader;
	readonly #names: Names;
	readonly #wanted: (name: string) => boolean;
	readonly #units: DwarfUnit[] = [];
	readonly #types = new TypeColumns();
	readonly #counts = new Map<TypeId, number>();
	readonly #variables = {
		name: new FloatColumn(),
		address: new FloatColumn(),
		type: new FloatColumn(),
		unit: new IntColumn(),
	};
	readonly #constants = { name: new FloatColumn(), value: new FloatColumn(), unit: new IntColumn() };

	constructor(sections: DwarfSections, wanted: (name: string) => boolean) {
		this.#abbreviations = new Abbreviations(sections.abbrev);
		this.#entries = new EntryReader(sections);
		this.#names = new Names(sections);
		this.#wanted = wanted;
	}

	unit(header: UnitHeader): void {
		const table = this.#abbreviations.table(header.abbreviations, sizesOf(header));
		// where a unit does not say, its part of the section begins after a header of 8 bytes (16 in 64-bit DWARF)
		const base = header.offsetSize === 4 ? 8 : 16;
		const unit: Unit = { ...header, table, addrBase: base, strOffsetsBase: base };
		const entries = this.#entries;
		entries.enter(unit);
		if (entries.done) return;
		const root = entries.next();
		if (root === undefined || root.tag !== TAG_COMPILE_UNIT || !root.children) return;
		const start = entries.at;
		entries.read(root);
		const v = entries.values;
		if (v[SLOT.language] !== LANG_GO) return;
		const { addrBase = Number.NaN, strOffsetsBase = Number.NaN } = {
			addrBase: v[SLOT.addrBase],
			strOffsetsBase: v[SLOT.strOffsetsBase],
		};
		if (!Number.isNaN(addrBase)) unit.addrBase = addrBase;
		if (!Number.isNaN(strOffsetsBase)) unit.strOffsetsBase = strOffsetsBase;
		// the bases may stand behind what needs them
		entries.at = start;
		entries.read(root);
		const name = this.#names.text(v[SLOT.name] ?? Number.NaN);
		if (!this.#wanted(name)) return;
		const producer = this.#names.text(v[SLOT.producer] ?? Number.NaN);
		this.#units.push({ name, producer, version: header.version });
		this.#children();
	}

	/** The entries of package level. */
	#children(): void {
		const entries = this.#entries;
		const v = entries.values;
		const unit = this.#units.length - 1;
		while (!entries.done) {
			const offset = entries.at;
			const shape = entries.next();
			if (shape === undefined) return;
			const kind = KIND_OF.get(shape.tag);
			if (kind !== undefined) {
				entries.read(shape);
				this.#types.add(offset, kind, v);
				if (shape.children) this.#parts(shape.tag);
				continue;
			}
			if (shape.tag === TAG_VARIABLE) {
				entries.read(shape);
				this.#variables.name.push(v[SLOT.name] ?? Number.NaN);
				this.#variables.address.push(v[SLOT.location] ?? Number.NaN);
				this.#variables.type.push(v[SLOT.type] ?? Number.NaN);
				this.#variables.unit.push(unit);
			} else if (shape.tag === TAG_CONSTANT) {
				entries.read(shape);
				this.#constants.name.push(v[SLOT.name] ?? Number.NaN);
				this.#constants.value.push(v[SLOT.constValue] ?? Number.NaN);
				this.#constants.unit.push(unit);
			} else entries.skip(shape);
			if (shape.children) entries.skipChildren();
		}
	}

	/** The members of a struct, the range of an array; parameters of a function type and the like are passed. */
	#parts(of: number): void {
		const entries = this.#entries;
		const v = entries.values;
		const id = this.#types.offset.length - 1;
		for (let shape = entries.next(); shape !== undefined; shape = entries.next()) {
			if (of === TAG_STRUCTURE_TYPE && shape.tag === TAG_MEMBER) {
				entries.read(shape);
				this.#types.addMember(v);
			} else if (of === TAG_ARRAY_TYPE && shape.tag === TAG_SUBRANGE_TYPE) {
				entries.read(shape);
				const count = v[SLOT.count] ?? Number.NaN;
				const upper = v[SLOT.upperBound] ?? Number.NaN;
				// an array of several dimensions (C) has a range for each
				const own = Number.isNaN(count) ? upper + 1 : count;
				if (!Number.isNaN(own)) this.#counts.set(id, own * (this.#counts.get(id) ?? 1));
			} else entries.skip(shape);
			if (shape.children) entries.skipChildren();
		}
	}

	finish(): DwarfIndex {
		const names = this.#names;
		const types = new DwarfTypes(names, this.#types, this.#counts);
		const variables = {
			name: this.#variables.name.finish(),
			type: this.#variables.type.finish(),
			address: this.#variables.address.finish(),
			unit: this.#variables.unit.finish(),
		};
		const constantName = this.#constants.name.finish();
		return {
			units: this.#units,
			types,
			variables: {
				count: variables.name.length,
				name: (index) => names.text(variables.name[index] ?? Number.NaN),
				type: (index) => types.idAt(variables.type[index]),
				address: variables.address,
				unit: variables.unit,
			},
			constants: {
				count: constantName.length,
				name: (index) => names.text(constantName[index] ?? Number.NaN),
				value: this.#constants.value.finish(),
				unit: this.#constants.unit.finish(),
			},
		};
	}
}
