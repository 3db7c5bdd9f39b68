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
