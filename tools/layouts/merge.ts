import type {
	ConstantVariant,
	FieldRecord,
	GlobalVariant,
	LayoutDelta,
	LayoutFile,
	StructVariant,
	TableValue,
	TableVariant,
} from "../../src/goruntime/layouts/layout-file.ts";
import { formatKeys } from "../../src/goruntime/layouts/layout-file.ts";
import type { Build, Dump, Naming } from "./toolchains.ts";

/** A dump with names that hold across releases: this is what the data file says of one build. */
export interface NamedDump {
	readonly structs: Readonly<Record<string, { size: number; fields: Record<string, FieldRecord> }>>;
	readonly globals: Readonly<Record<string, FieldRecord>>;
	readonly constants: Readonly<Record<string, number>>;
	readonly tables: Readonly<Record<string, readonly TableValue[]>>;
}

export function keyOf(build: Build): string {
	return build.experiments === "" ? build.release : `${build.release} ${build.experiments}`;
}

/**
 * Applies the names of wanted.json. "runtime." is dropped, other packages keep their last element ("abi.FuncIDNormal").
 * Throws where a rule of the runtime reads otherwise than gomem knows it: then someone must look at the new source.
 */
export function nameDump(dump: Dump, naming: Naming): NamedDump {
	const constants: Record<string, number> = {};
	const moved = renames(naming.constantNames);
	for (const [name, value] of sorted(dump.constants)) {
		const short = moved.get(name) ?? shortName(name);
		if ((constants[short] ?? value) !== value) throw new Error(`two constants are named ${short}: ${name} is one`);
		constants[short] = value;
	}
	// gcUsesSpanInlineMarkBits (mgcmark_greenteagc.go, mgcmark_nogreenteagc.go): which spans carry their own mark bits
	const minimum = inlineMarkMinimum(dump.rules["runtime.gcUsesSpanInlineMarkBits"]);
	if (minimum !== undefined) constants["spanInlineMarkBitsMinSize"] = minimum;
	const inSpan = dump.rules["runtime.heapBitsInSpan"];
	if (inSpan?.join() === "false")
		delete constants["minSizeForMallocHeader"]; // Go 1.22 with noallocheaders
	else checkRule(inSpan, /^userSize <= (gc\.M|m)inSizeForMallocHeader$/);
	const tables: Record<string, readonly TableValue[]> = {};
	const tableNames = renames(naming.tableNames);
	for (const [name, values] of sorted(dump.tables)) tables[tableNames.get(name) ?? shortName(name)] = values;
	return { structs: dump.structs, globals: dump.globals, constants, tables };
}

function inlineMarkMinimum(results: readonly string[] | undefined): number | undefined {
	if (results === undefined || results.join() === "false") return undefined;
	const match = /^heapBitsInSpan\(size\) && size >= (\d+)$/.exec(results.join());
	if (match === null) throw new Error(`gcUsesSpanInlineMarkBits has a new rule: ${results.join(" | ")}`);
	return Number(match[1]);
}

function checkRule(results: readonly string[] | undefined, pattern: RegExp): void {
	if (results === undefined || pattern.test(results.join())) return;
	throw new Error(`a rule of the runtime changed: ${results.join(" | ")}`);
}

function renames(names: Readonly<Record<string, readonly string[]>>): Map<string, string> {
	const out = new Map<string, string>();
	for (const [name, sources] of Object.entries(names)) for (const source of sources) out.set(source, name);
	return out;
}

function shortName(name: string): string {
	return name.replace(/^runtime\./, "").replace(/^.*\//, "");
}

/** One file from all the builds of one minor and architecture, which must be in the order that the file should have. */
export function mergeDumps(
	builds: readonly Build[],
	dumps: readonly NamedDump[],
	inert: readonly string[],
): LayoutFile {
	const first = builds[0];
	if (first === undefined) throw new Error("no builds to merge");
	const structs: Record<string, StructVariant[]> = {};
	for (const [name, list] of variants(dumps.map((dump) => dump.structs))) {
		structs[name] = list.map(({ keys, value }) => ({
			...keys,
			size: value.size,
			fields: byOffset(value.fields),
		}));
	}
	const globals: Record<string, GlobalVariant[]> = {};
	for (const [name, list] of variants(dumps.map((dump) => dump.globals))) {
		globals[name] = list.map(({ keys, value }) => ({ ...keys, field: value }));
	}
	const tables: Record<string, TableVariant[]> = {};
	for (const [name, list] of variants(dumps.map((dump) => dump.tables))) {
		tables[name] = list.map(({ keys, value }) => ({ ...keys, values: value }));
	}
	return {
		minor: first.release.split(".").slice(0, 2).join("."),
		arch: first.arch,
		keys: builds.map(keyOf),
		inert: [...inert].sort(),
		structs,
		globals,
		constants: mergeConstants(dumps),
		tables,
	};
}

/** Constants are grouped by the builds they hold for, so that the many that never change stand in one group. */
function mergeConstants(dumps: readonly NamedDump[]): ConstantVariant[] {
	const groups = new Map<string, { keys: { readonly keys?: string }; values: Record<string, number> }>();
	for (const [name, list] of variants(dumps.map((dump) => dump.constants))) {
		for (const { keys, value } of list) {
			const group = groups.get(keys.keys ?? "");
			if (group === undefined) groups.set(keys.keys ?? "", { keys, values: { [name]: value } });
			else group.values[name] = value;
		}
	}
	return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => ({ ...group.keys, values: group.values }));
}

interface Variation<T> {
	readonly keys: { readonly keys?: string };
	readonly value: T;
}

function variants<T>(dumps: readonly Readonly<Record<string, T>>[]): [string, Variation<T>[]][] {
	const names = new Set(dumps.flatMap((dump) => Object.keys(dump)));
	return [...names].sort().map((name) => {
		const found = new Map<string, { value: T; keys: number[] }>();
		dumps.forEach((dump, key) => {
			const value = dump[name];
			if (value === undefined) return;
			const text = canonical(value);
			const seen = found.get(text);
			if (seen === undefined) found.set(text, { value, keys: [key] });
			else seen.keys.push(key);
		});
		return [
			name,
			[...found.values()].map(({ value, keys }) => ({
				keys: keys.length === dumps.length ? {} : { keys: formatKeys(keys) },
				value,
			})),
		];
	});
}

/** Two dumps that say the same of everything have the same text. */
export function canonical(value: unknown): string {
	return JSON.stringify(value, (_, v: unknown) =>
		v !== null && typeof v === "object" && !Array.isArray(v)
			? Object.fromEntries(sorted(v as Record<string, unknown>))
			: v,
	);
}

function byOffset(fields: Readonly<Record<string, FieldRecord>>): Record<string, FieldRecord> {
	return Object.fromEntries(sorted(fields).sort(([, a], [, b]) => Number(a[0]) - Number(b[0])));
}

function sorted<T>(record: Readonly<Record<string, T>>): [string, T][] {
	return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** JSON with one variant a line: readable in a diff, and small. */
export function formatLayoutFile(file: LayoutFile | LayoutDelta): string {
	const section = (entries: [string, unknown[]][]) =>
		entries.map(
			([name, list]) => `\t\t${JSON.stringify(name)}: [${list.map((v) => JSON.stringify(v)).join(",\n\t\t\t")}]`,
		);
	const lines = (name: string, value: unknown) =>
		value === undefined ? [] : [`\t"${name}": ${JSON.stringify(value)}`];
	const { minor, arch, keys, base, inert, absent } = file as Partial<LayoutFile & LayoutDelta>;
	const parts = [
		...Object.entries({ minor, arch, base, keys, inert, absent }).flatMap(([name, value]) => lines(name, value)),
		...(["structs", "globals", "tables"] as const).map(
			(name) => `\t"${name}": {\n${section(Object.entries(file[name]) as [string, unknown[]][]).join(",\n")}\n\t}`,
		),
		`\t"constants": [\n${file.constants.map((v) => `\t\t${JSON.stringify(v)}`).join(",\n")}\n\t]`,
	];
	return `{\n${parts.join(",\n")}\n}\n`;
}
