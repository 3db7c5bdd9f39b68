import type { FieldRecord, LayoutFile, TableValue } from "../../src/goruntime/layouts/layout-file.ts";
import { parseKeys } from "../../src/goruntime/layouts/layout-file.ts";
import type { NamedDump } from "./merge.ts";
import type { Build } from "./toolchains.ts";

/** The inverse of mergeDumps: what a data file says of each build, so that a build can be added without reading all again. */
export function splitLayoutFile(file: LayoutFile): { build: Build; dump: NamedDump }[] {
	return file.keys.map((key, index) => {
		const [release = "", experiments = ""] = key.split(" ");
		const holds = (variant: { readonly keys?: string }) => parseKeys(variant.keys)?.has(index) ?? true;
		const structs: Record<string, { size: number; fields: Record<string, FieldRecord> }> = {};
		for (const [name, variants] of Object.entries(file.structs)) {
			const variant = variants.find(holds);
			if (variant !== undefined) structs[name] = { size: variant.size, fields: variant.fields };
		}
		const globals: Record<string, FieldRecord> = {};
		for (const [name, variants] of Object.entries(file.globals)) {
			const variant = variants.find(holds);
			if (variant !== undefined) globals[name] = variant.field;
		}
		const tables: Record<string, readonly TableValue[]> = {};
		for (const [name, variants] of Object.entries(file.tables)) {
			const variant = variants.find(holds);
			if (variant !== undefined) tables[name] = variant.values;
		}
		const constants = Object.assign({}, ...file.constants.filter(holds).map((variant) => variant.values));
		return { build: { release, arch: file.arch, experiments }, dump: { structs, globals, constants, tables } };
	});
}
