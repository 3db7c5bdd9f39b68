import { ParseError } from "../../bytes/parse-error.ts";
import type { Arch, Layout } from "./layout.ts";
import { layoutOf } from "./layout.ts";
import type { FieldRecord, LayoutFile, StructVariant, TableValue } from "./layout-file.ts";
import { parseKeys } from "./layout-file.ts";

/**
 * The layout of one build, as JSON: what DWARF gives, what `gomem layouts add` keeps, and what a capture carries of a layout
 * that the table does not have.
 */
export interface LayoutRecord {
	readonly schema: typeof SCHEMA;
	/** as the binary says it: "go1.28rc1", "go1.26.8 (Red Hat 1.26.8-1.el10)" */
	readonly goVersion: string;
	readonly arch: Arch;
	/** for people: "DWARF of the program", "toolchain go1.28rc1" */
	readonly from: string;
	readonly structs: Readonly<
		Record<string, { readonly size: number; readonly fields: Readonly<Record<string, FieldRecord>> }>
	>;
	readonly globals: Readonly<Record<string, FieldRecord>>;
	readonly constants: Readonly<Record<string, number>>;
	readonly tables: Readonly<Record<string, readonly TableValue[]>>;
}

const SCHEMA = "gomem.layout/1";

/** No layout comes near these; what is beyond is not one. */
const MAX_NAMES = 20_000;
const MAX_NAME = 400;
const MAX_TABLE = 10_000;
/** the largest struct of a runtime is heapArena, with up to 2 MiB; readers allocate what a layout says */
const MAX_SIZE = 64 << 20;

/** Constants by which readers divide, loop and allocate: what every Go release has lies well within. */
const BOUNDS: readonly (readonly [name: string, from: number, to: number])[] = [
	["pageSize", 4096, 1 << 16],
	["heapArenaBytes", 1 << 20, 1 << 30],
	["pallocChunksL2Bits", 1, 32],
	["persistentChunkSize", 4096, 1 << 26],
	["gcBitsChunkBytes", 4096, 1 << 24],
];

/** The layout that a record describes. */
export function layoutOfRecord(record: LayoutRecord, label: string): Layout {
	const lists = <T, V>(section: Readonly<Record<string, T>>, of: (value: T) => V): Record<string, readonly V[]> =>
		Object.fromEntries(Object.entries(section).map(([name, value]) => [name, [of(value)]]));
	const release = releaseOf(record.goVersion);
	const experiments = /[- ]X:([A-Za-z0-9_,]+)/.exec(record.goVersion)?.[1];
	const file: LayoutFile = {
		minor: release,
		arch: record.arch,
		keys: [experiments === undefined ? release : `${release} ${experiments}`],
		inert: [],
		structs: lists(record.structs, (s): StructVariant => s),
		globals: lists(record.globals, (field) => ({ field })),
		constants: [{ values: record.constants }],
		tables: lists(record.tables, (values) => ({ values })),
	};
	return layoutOf(file, 0, release, label);
}

/** "1.28.0" for what will become it: rc, beta and development builds; the minor and patch of all others. */
function releaseOf(goVersion: string): string {
	const match = /go(\d+)\.(\d+)(?:\.(\d+))?/.exec(goVersion);
	return match === null ? "0.0.0" : `${match[1]}.${match[2]}.${match[3] ?? 0}`;
}

/** One build of the table as a record. */
export function recordOf(file: LayoutFile, key: number, goVersion: string): LayoutRecord {
	const holds = (variant: { readonly keys?: string }) => parseKeys(variant.keys)?.has(key) ?? true;
	const pick = <V extends { readonly keys?: string }, T>(
		section: Readonly<Record<string, readonly V[]>>,
		of: (variant: V) => T,
	): Record<string, T> => {
		const out: Record<string, T> = {};
		for (const [name, variants] of Object.entries(section)) {
			const variant = variants.find(holds);
			if (variant !== undefined) out[name] = of(variant);
		}
		return out;
	};
	return {
		schema: SCHEMA,
		goVersion,
		arch: file.arch as Arch,
		from: "table",
		structs: pick(file.structs, ({ size, fields }) => ({ size, fields })),
		globals: pick(file.globals, (variant) => variant.field),
		constants: Object.assign({}, ...file.constants.filter(holds).map((variant) => variant.values)),
		tables: pick(file.tables, (variant) => variant.values),
	};
}

export function makeRecord(of: Omit<LayoutRecord, "schema">): LayoutRecord {
	return { schema: SCHEMA, ...of };
}

/** Checks JSON that somebody wrote. Throws ParseError where it is not a layout of this version. */
export function parseLayoutRecord(value: unknown): LayoutRecord {
	const top = object(value, "layout");
	if (top["schema"] !== SCHEMA) throw wrong("schema", SCHEMA, top["schema"]);
	const arch = top["arch"];
	if (arch !== "amd64" && arch !== "arm64") throw wrong("arch", "amd64 or arm64", arch);
	const record: LayoutRecord = {
		schema: SCHEMA,
		goVersion: text(top["goVersion"], "goVersion"),
		arch,
		from: text(top["from"], "from"),
		structs: entries(top["structs"], "structs", (struct, where) => {
			const { size, fields } = object(struct, where);
			const bytes = whole(size, where, 0, MAX_SIZE);
			return {
				size: bytes,
				fields: entries(fields, where, (field, path) => within(fieldOf(field, path), bytes, path)),
			};
		}),
		globals: entries(top["globals"], "globals", fieldOf),
		constants: entries(top["constants"], "constants", (constant, where) => {
			if (typeof constant !== "number" || !Number.isFinite(constant)) throw wrong(where, "a number", constant);
			return constant;
		}),
		tables: entries(top["tables"], "tables", tableOf),
	};
	for (const [name, from, to] of BOUNDS) {
		const value = record.constants[name];
		if (value !== undefined) whole(value, `constant ${name}`, from, to);
	}
	return record;
}

/** Structs are read whole: a field beyond the end would be read from nowhere. */
function within(field: FieldRecord, size: number, where: string): FieldRecord {
	if (Number(field[0]) + Number(field[1]) > size) throw wrong(where, `a field within ${size} bytes`, field);
	return field;
}

function fieldOf(value: unknown, where: string): FieldRecord {
	if (!Array.isArray(value) || value.length < 2 || value.length > 5) throw wrong(where, "a field", value);
	const [offset, size, third, elementSize, type] = value as readonly unknown[];
	whole(offset, where, 0, MAX_SIZE);
	whole(size, where, 0, MAX_SIZE);
	if (typeof third === "string" || third === undefined) {
		if (value.length > 3) throw wrong(where, "a field", value);
	} else {
		const count = whole(third, where, 0, MAX_SIZE);
		// what an index reaches lies within the field
		if (count * whole(elementSize, where, 0, MAX_SIZE) > Number(size))
			throw wrong(where, "an array within its field", value);
		if (type !== undefined && typeof type !== "string") throw wrong(where, "a type's name", type);
	}
	return value as FieldRecord;
}

function tableOf(value: unknown, where: string): readonly TableValue[] {
	if (!Array.isArray(value) || value.length > MAX_TABLE) throw wrong(where, "a table", value);
	for (const item of value as readonly unknown[]) {
		const good = item === null || typeof item === "number" || (typeof item === "string" && item.length <= MAX_NAME);
		if (!good) throw wrong(where, "numbers or texts", item);
	}
	return value as readonly TableValue[];
}

function entries<T>(value: unknown, where: string, of: (value: unknown, where: string) => T): Record<string, T> {
	const list = Object.entries(object(value, where));
	if (list.length > MAX_NAMES) throw wrong(where, `at most ${MAX_NAMES} entries`, list.length);
	return Object.fromEntries(
		list.map(([name, entry]) => {
			if (name.length > MAX_NAME) throw wrong(where, "names", name);
			return [name, of(entry, `${where}.${name}`)];
		}),
	);
}

function object(value: unknown, where: string): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(where, "an object", value);
	return value as Readonly<Record<string, unknown>>;
}

function text(value: unknown, where: string): string {
	if (typeof value !== "string" || value.length > MAX_NAME) throw wrong(where, "a text", value);
	return value;
}

function whole(value: unknown, where: string, from: number, to: number): number {
	if (typeof value !== "number" || !Number.isSafeInteger(value) || value < from || value > to) {
		throw wrong(where, "a whole number", value);
	}
	return value;
}

function wrong(field: string, expected: string, value: unknown): ParseError {
	const actual = String(JSON.stringify(value) ?? "nothing").slice(0, 60);
	return new ParseError({ format: "gomem layout", field, expected, actual });
}
