/**
 * The shape of data/go<minor>-<arch>.json, written by tools/layouts. Everything that differs between builds of one minor
 * release is a list of variants; a variant says for which builds it holds, as index ranges into `keys` ("0-3,5"), and a
 * variant without that says "all of them".
 */
export interface LayoutFile {
	/** "1.26" */
	readonly minor: string;
	readonly arch: string;
	/** the builds that were read: release, and after a space its experiments: "1.26.8", "1.26.8 nogreenteagc" */
	readonly keys: readonly string[];
	/** experiments that were built and changed nothing that this file holds */
	readonly inert: readonly string[];
	readonly structs: Readonly<Record<string, readonly StructVariant[]>>;
	readonly globals: Readonly<Record<string, readonly GlobalVariant[]>>;
	readonly constants: readonly ConstantVariant[];
	readonly tables: Readonly<Record<string, readonly TableVariant[]>>;
}

/**
 * The shape of a data file that says only what is otherwise than in another, of the same builds or more: most structs are the
 * same on every 64-bit architecture. A list of variants stands for the base's; an empty one says that there is none here.
 */
export interface LayoutDelta extends LayoutFile {
	/** file name of the one it is based on */
	readonly base: string;
	/** constants of the base that are not here */
	readonly absent: readonly string[];
}

/** The whole that a delta stands for. */
export function onBase(base: LayoutFile, delta: LayoutDelta): LayoutFile {
	const same = onlyBuilds(base, delta.keys);
	const merged = <V>(
		all: Readonly<Record<string, readonly V[]>>,
		some: Readonly<Record<string, readonly V[]>>,
	): Record<string, readonly V[]> =>
		Object.fromEntries(
			Object.entries({ ...all, ...some })
				.filter(([, list]) => list.length > 0)
				.sort(([a], [b]) => (a < b ? -1 : 1)),
		);
	const replaced = new Set([...delta.absent, ...delta.constants.flatMap((variant) => Object.keys(variant.values))]);
	const kept = same.constants.map((variant) => ({
		...variant,
		values: Object.fromEntries(Object.entries(variant.values).filter(([name]) => !replaced.has(name))),
	}));
	return {
		minor: delta.minor,
		arch: delta.arch,
		keys: delta.keys,
		inert: delta.inert,
		structs: merged(same.structs, delta.structs),
		globals: merged(same.globals, delta.globals),
		constants: [...kept, ...delta.constants],
		tables: merged(same.tables, delta.tables),
	};
}

/** What a file says of some of its builds. Throws where it does not have one of them, which is a defect of the data. */
export function onlyBuilds(file: LayoutFile, keys: readonly string[]): LayoutFile {
	if (keys.join() === file.keys.join()) return file;
	const places = keys.map((key) => file.keys.indexOf(key));
	if (places.includes(-1)) throw new Error(`layout data: ${file.minor} ${file.arch} lacks one of ${keys.join(", ")}`);
	const restricted = <V extends Variant>(variants: readonly V[]): V[] =>
		variants.flatMap((variant) => {
			const { keys: of, ...rest } = variant;
			const held = parseKeys(of);
			if (held === undefined) return [variant];
			const here = places.flatMap((place, i) => (held.has(place) ? [i] : []));
			if (here.length === 0) return [];
			return [(here.length === keys.length ? rest : { keys: formatKeys(here), ...rest }) as V];
		});
	const section = <V extends Variant>(lists: Readonly<Record<string, readonly V[]>>) =>
		Object.fromEntries(
			Object.entries(lists)
				.map(([name, list]) => [name, restricted(list)] as const)
				.filter(([, list]) => list.length > 0),
		);
	return {
		minor: file.minor,
		arch: file.arch,
		keys,
		inert: file.inert,
		structs: section(file.structs),
		globals: section(file.globals),
		constants: restricted(file.constants),
		tables: section(file.tables),
	};
}

interface Variant {
	readonly keys?: string;
}

export interface StructVariant extends Variant {
	readonly size: number;
	readonly fields: Readonly<Record<string, FieldRecord>>;
}

/** [offset, size, type?] or, for an array, [offset, size, count, element size, element type?]; bytes */
export type FieldRecord = readonly (number | string)[];

export interface GlobalVariant extends Variant {
	readonly field: FieldRecord;
}

export interface ConstantVariant extends Variant {
	readonly values: Readonly<Record<string, number>>;
}

export interface TableVariant extends Variant {
	readonly values: readonly TableValue[];
}

/** null is an element that the source leaves out, the zero of its kind */
export type TableValue = string | number | null;

/** The indices that a variant names; undefined stands for all. Throws on a malformed list, which is a defect of the data. */
export function parseKeys(keys: string | undefined): ReadonlySet<number> | undefined {
	if (keys === undefined) return undefined;
	const out = new Set<number>();
	for (const range of keys.split(",")) {
		const match = /^(\d+)(?:-(\d+))?$/.exec(range);
		if (match === null) throw new Error(`layout data: malformed key range ${JSON.stringify(keys)}`);
		const first = Number(match[1]);
		for (let key = first; key <= Number(match[2] ?? first); key++) out.add(key);
	}
	return out;
}

/** The inverse of parseKeys; `keys` ascending. */
export function formatKeys(keys: readonly number[]): string {
	const ranges: string[] = [];
	for (let i = 0; i < keys.length; i++) {
		const first = keys[i];
		while (i + 1 < keys.length && keys[i + 1] === (keys[i] as number) + 1) i++;
		ranges.push(first === keys[i] ? `${first}` : `${first}-${keys[i]}`);
	}
	return ranges.join(",");
}
