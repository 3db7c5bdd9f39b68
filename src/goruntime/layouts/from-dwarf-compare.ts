import type { FieldRecord } from "./layout-file.ts";
import type { LayoutRecord } from "./layout-record.ts";

/** A place where a program's DWARF and the table do not say the same. */
export interface LayoutDifference {
	/** "runtime.mspan.freeindex", "runtime.mheap" (its size), "constant pageSize", "table waitReasons" */
	readonly what: string;
	readonly dwarf: string;
	readonly table: string;
}

/**
 * Where the two differ, by name. What one of them does not have at all is no difference: the linker leaves types out that a
 * program has no use for, and DWARF does not have every constant; a field that a struct of the DWARF lacks is one.
 */
export function compareLayouts(dwarf: LayoutRecord, table: LayoutRecord): LayoutDifference[] {
	const out: LayoutDifference[] = [];
	for (const [name, struct] of Object.entries(dwarf.structs)) {
		const other = table.structs[name];
		if (other === undefined) continue;
		if (struct.size !== other.size) {
			out.push({ what: name, dwarf: `${struct.size} bytes`, table: `${other.size} bytes` });
		}
		for (const field of new Set([...Object.keys(struct.fields), ...Object.keys(other.fields)])) {
			add(out, `${name}.${field}`, fieldText(struct.fields[field]), fieldText(other.fields[field]));
		}
	}
	for (const [name, field] of Object.entries(dwarf.globals)) {
		const other = table.globals[name];
		if (other !== undefined) add(out, name, fieldText(field), fieldText(other));
	}
	for (const [name, value] of Object.entries(dwarf.constants)) {
		const other = table.constants[name];
		if (other !== undefined) add(out, `constant ${name}`, String(value), String(other));
	}
	for (const [name, values] of Object.entries(dwarf.tables)) {
		const other = table.tables[name];
		if (other !== undefined) add(out, `table ${name}`, tableText(values), tableText(other));
	}
	return out;
}

function add(out: LayoutDifference[], what: string, dwarf: string, table: string): void {
	if (dwarf !== table) out.push({ what, dwarf, table });
}

function fieldText(field: FieldRecord | undefined): string {
	if (field === undefined) return "absent";
	const [offset, size, third, elementSize, elementType] = field;
	const type = typeof third === "string" ? third : elementType;
	const array = typeof third === "number" ? ` as ${third} of ${elementSize}` : "";
	return `at ${offset}, ${size} bytes${array}${type === undefined ? "" : `, ${type}`}`;
}

/** A hole in a table of the source is the zero of its kind in the program. */
function tableText(values: LayoutRecord["tables"][string]): string {
	return values
		.map((value) => value ?? "")
		.join(" | ")
		.replaceAll(/(?<=^|\| )0(?= \||$)/g, "");
}

/** How many places differ, and the first few. */
export function differencesText(differences: readonly LayoutDifference[]): string {
	const shown = differences.slice(0, 3).map((d) => `${d.what} ${d.dwarf}, not ${d.table}`);
	const more = differences.length - shown.length;
	return `${shown.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
