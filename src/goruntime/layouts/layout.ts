import { LayoutError } from "./layout-error.ts";
import type { FieldRecord, LayoutFile, StructVariant, TableValue } from "./layout-file.ts";
import { parseKeys } from "./layout-file.ts";

export type Arch = "amd64" | "arm64";

/** Where a field lies: bytes from the start of its struct. Arrays carry count and element size. */
export interface FieldLayout {
	readonly offset: number;
	readonly size: number;
	readonly count?: number;
	readonly elementSize?: number;
	/** the struct that the field, or the array's element, is: a name for Layout.struct(); "[]" a slice, "string" a string */
	readonly type?: string;
}

/**
 * One struct of the runtime. A field is named by its path: "heapLive", "pages.inUse.totalBytes", "central[].mcentral.full",
 * "central[3].mcentral", "allspans.len". "[]" is the first element, "[i]" another (bounds are checked); a slice has array,
 * len and cap, a string has str and len. For setup, not for hot loops: keep the numbers.
 */
export interface StructLayout {
	readonly name: string;
	/** bytes */
	readonly size: number;
	/** Bytes from the start of the struct; throws LayoutError if this build of the runtime has no such field. */
	offset(field: string): number;
	/** Throws LayoutError as offset() does. */
	field(field: string): FieldLayout;
	has(field: string): boolean;
	/** the struct's own fields, in order of offset */
	readonly fieldNames: readonly string[];
}

/** Constants and tables of the runtime's source. Numbers are bytes where the source's are. */
export interface RuntimeConstants {
	/** "pageSize", "heapArenaBytes", "_Gwaiting", "abi.FuncIDWrapper" … Throws LayoutError if this build has none of that name. */
	number(name: string): number;
	has(name: string): boolean;
	readonly names: readonly string[];
	/** g.waitreason → the text that a traceback prints: "chan receive" */
	readonly waitReasons: readonly string[];
	/** g.atomicstatus without the scan bit (_Gscan) → "waiting"; index 5 and 7 have been unused for long and are "" */
	readonly goroutineStatusNames: readonly string[];
	/** special.kind by its name without "_KindSpecial": { Finalizer: 2, Profile: 4, … } */
	readonly specialKinds: Readonly<Record<string, number>>;
	/** _func.funcID by its name without prefix: { normal: 0, gcBgMarkWorker: 7, wrapper: 23, … } */
	readonly funcIDs: Readonly<Record<string, number>>;
	/** size class → bytes of a slot; class 0 is for large objects */
	readonly sizeClassSizes: readonly number[];
	/** size class → pages of a span */
	readonly sizeClassPages: readonly number[];
	/**
	 * Which spans keep their mark bits in their own last bytes (struct spanInlineMarkBits), by mspan.elemsize, both ends
	 * included; undefined where the collector has no such spans (before 1.25, and without green tea).
	 * runtime/mgcmark_greenteagc.go gcUsesSpanInlineMarkBits.
	 */
	readonly inlineMarkBits: { readonly minSize: number; readonly maxSize: number } | undefined;
	/** any other table: "stopTheWorldReasons", "spanStateNames", "summaryLevelShift" … Throws LayoutError. */
	table(name: string): readonly (string | number)[];
}

/** What gomem knows of one build of the Go runtime. */
export interface Layout {
	/** "1.26.8" */
	readonly release: string;
	readonly arch: Arch;
	readonly experiments: readonly string[];
	/** for people: "go1.26.8 amd64", "go1.26.0–1.26.8 amd64 nogreenteagc" */
	readonly label: string;
	/** "mheap" or "runtime.mheap", "abi.Type" or "internal/abi.Type", "sync.Pool". Throws LayoutError if there is none. */
	struct(name: string): StructLayout;
	hasStruct(name: string): boolean;
	/** Size and type of a global variable ("mheap_", "stackpool", "sync.allPools"), at offset 0. Throws LayoutError. */
	global(name: string): FieldLayout;
	readonly constants: RuntimeConstants;
}

/** go's own: reflect.SliceHeader, reflect.StringHeader */
const BUILT_IN: Readonly<Record<string, StructVariant>> = {
	"[]": { size: 24, fields: { array: [0, 8], len: [8, 8], cap: [16, 8] } },
	string: { size: 16, fields: { str: [0, 8], len: [8, 8] } },
};

interface LayoutData {
	readonly structs: ReadonlyMap<string, StructVariant>;
	readonly globals: ReadonlyMap<string, FieldRecord>;
	readonly constants: ReadonlyMap<string, number>;
	readonly tables: ReadonlyMap<string, readonly TableValue[]>;
}

/** The layout of the build `key` (an index into file.keys). `label` and `release` as the caller wants them shown. */
export function layoutOf(file: LayoutFile, key: number, release: string, label: string): Layout {
	const experiments = (file.keys[key] ?? "").split(" ")[1]?.split(",") ?? [];
	const data = dataOf(file, key);
	const where = `go${release} ${[file.arch, ...experiments].join(" ")}`;
	const structs = new Map<string, StructLayout>();
	const find = (name: string) => firstOf(data.structs, qualified(name));
	return {
		release,
		arch: file.arch as Arch,
		experiments,
		label,
		struct(name) {
			const found = find(name);
			if (found === undefined) throw new LayoutError({ release: where, struct: name });
			const known = structs.get(found[0]) ?? structLayout(found[0], found[1], data, where);
			structs.set(found[0], known);
			return known;
		},
		hasStruct: (name) => find(name) !== undefined,
		global(name) {
			const found = firstOf(data.globals, qualified(name));
			if (found === undefined) throw new LayoutError({ release: where, struct: name, kind: "variable" });
			return fieldLayout(found[1], 0);
		},
		constants: constantsOf(data, where),
	};
}

function dataOf(file: LayoutFile, key: number): LayoutData {
	const holds = (variant: { readonly keys?: string }) => parseKeys(variant.keys)?.has(key) ?? true;
	const pick = <V extends { readonly keys?: string }, T>(
		section: Readonly<Record<string, readonly V[]>>,
		of: (v: V) => T,
	) => {
		const out = new Map<string, T>();
		for (const [name, variants] of Object.entries(section)) {
			const variant = variants.find(holds);
			if (variant !== undefined) out.set(name, of(variant));
		}
		return out;
	};
	return {
		structs: pick(file.structs, (variant) => variant),
		globals: pick(file.globals, (variant) => variant.field),
		tables: pick(file.tables, (variant) => variant.values),
		constants: new Map(file.constants.filter(holds).flatMap((variant) => Object.entries(variant.values))),
	};
}

/** the runtime's own names of types that live in internal/abi (type.go since 1.21, iface.go since 1.22) */
const ALIASES: Readonly<Record<string, string>> = { _type: "abi.Type", itab: "abi.ITab", finblock: "finBlock" };

/** The names under which the data may hold what a reader calls `name`. */
function qualified(wanted: string): readonly string[] {
	const name = ALIASES[wanted] ?? wanted;
	return [name, `runtime.${name}`, `internal/${name}`, `internal/runtime/${name}`];
}

function firstOf<T>(map: ReadonlyMap<string, T>, names: readonly string[]): readonly [string, T] | undefined {
	for (const name of names) {
		const value = map.get(name);
		if (value !== undefined) return [name, value];
	}
	return undefined;
}

function structLayout(name: string, struct: StructVariant, data: LayoutData, release: string): StructLayout {
	const found = new Map<string, FieldLayout | undefined>();
	const lookUp = (path: string): FieldLayout | undefined => {
		if (!found.has(path)) found.set(path, resolve(struct, path, data));
		return found.get(path);
	};
	const field = (path: string): FieldLayout => {
		const layout = lookUp(path);
		if (layout === undefined) throw new LayoutError({ release, struct: name, field: path });
		return layout;
	};
	return {
		name,
		size: struct.size,
		offset: (path) => field(path).offset,
		field,
		has: (path) => lookUp(path) !== undefined,
		fieldNames: Object.keys(struct.fields),
	};
}

/** Follows a path of field names through nested structs. */
function resolve(struct: StructVariant, path: string, data: LayoutData): FieldLayout | undefined {
	let within: StructVariant | undefined = struct;
	let layout: FieldLayout | undefined;
	let base = 0;
	for (const step of path.split(".")) {
		const match = /^(\w+)(?:\[(\d*)\])?$/.exec(step);
		const name = match?.[1];
		if (within === undefined || name === undefined || !Object.hasOwn(within.fields, name)) return undefined;
		layout = fieldLayout(within.fields[name] as FieldRecord, base);
		if (match?.[2] !== undefined) {
			layout = element(layout, Number(match[2]));
			if (layout === undefined) return undefined;
		}
		base = layout.offset;
		// the fields of an array's element are only reached through an index
		within = layout.type === undefined || layout.count !== undefined ? undefined : typeOf(layout.type, data);
	}
	return layout;
}

function element(array: FieldLayout, index: number): FieldLayout | undefined {
	if (array.count === undefined || array.elementSize === undefined || index >= array.count) return undefined;
	const at = { offset: array.offset + index * array.elementSize, size: array.elementSize };
	return array.type === undefined ? at : { ...at, type: array.type };
}

function typeOf(name: string, data: LayoutData): StructVariant | undefined {
	return BUILT_IN[name] ?? data.structs.get(name);
}

function fieldLayout(record: FieldRecord, base: number): FieldLayout {
	const [offset, size, third, elementSize, elementType] = record;
	const at = { offset: base + Number(offset), size: Number(size) };
	if (typeof third === "string") return { ...at, type: third };
	if (third === undefined) return at;
	const array = { ...at, count: third, elementSize: Number(elementSize) };
	return typeof elementType === "string" ? { ...array, type: elementType } : array;
}

function constantsOf(data: LayoutData, release: string): RuntimeConstants {
	const { constants } = data;
	const table = (name: string): readonly (string | number)[] => {
		const values = data.tables.get(name);
		if (values === undefined) throw new LayoutError({ release, struct: name, kind: "table" });
		const zero = values.some((value) => typeof value === "string") ? "" : 0;
		return values.map((value) => value ?? zero);
	};
	const texts = (name: string) => (data.tables.has(name) ? table(name).map(String) : []);
	const numbers = (name: string) => (data.tables.has(name) ? table(name).map(Number) : []);
	const minSize = constants.get("spanInlineMarkBitsMinSize");
	const maxSize = constants.get("minSizeForMallocHeader");
	return {
		number(name) {
			const value = constants.get(name);
			if (value === undefined) throw new LayoutError({ release, struct: name, kind: "constant" });
			return value;
		},
		has: (name) => constants.has(name),
		names: [...constants.keys()],
		waitReasons: texts("waitReasons"),
		goroutineStatusNames: texts("goroutineStatusNames"),
		specialKinds: group(constants, /^_KindSpecial(\w+)$/, (name) => name),
		// abi.FuncIDNormal and abi.FuncIDWrapper among abi.FuncID_goexit …; up to 1.20 funcID_normal
		funcIDs: group(constants, /^(?:abi\.FuncID_?|funcID_)(\w+)$/, (name) =>
			name.replace(/^[A-Z]/, (c) => c.toLowerCase()),
		),
		sizeClassSizes: numbers("sizeClassSizes"),
		sizeClassPages: numbers("sizeClassPages"),
		inlineMarkBits: minSize === undefined || maxSize === undefined ? undefined : { minSize, maxSize },
		table,
	};
}

function group(
	constants: ReadonlyMap<string, number>,
	pattern: RegExp,
	rename: (name: string) => string,
): Readonly<Record<string, number>> {
	const out: Record<string, number> = {};
	for (const [name, value] of constants) {
		const match = pattern.exec(name);
		if (match?.[1] !== undefined) out[rename(match[1])] = value;
	}
	return out;
}
