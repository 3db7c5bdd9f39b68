import type { DwarfIndex } from "../../formats/dwarf/index.ts";
import type { DwarfTypes, TypeId } from "../../formats/dwarf/types.ts";
import type { FieldRecord } from "./layout-file.ts";
import type { LayoutRecord } from "./layout-record.ts";
import type { Wanted } from "./wanted.ts";

type Structs = Record<string, { size: number; fields: Record<string, FieldRecord> }>;

/** No runtime nests structs this deep; a hostile DWARF may let a struct hold itself. */
const MAX_DEPTH = 32;
const MAX_STRUCTS = 2000;
const MAX_FIELDS = 4000;

/**
 * The wanted structs and global variables, and the structs that they are made of, as the generator of the table has them
 * (tools/layouts/dump/structs.go): the two must give the same.
 */
export function structsFromDwarf(dwarf: DwarfIndex, wanted: Wanted): Pick<LayoutRecord, "structs" | "globals"> {
	const reader = new StructReader(dwarf.types, wanted);
	for (const name of wanted.structs) {
		const id = dwarf.types.find(name);
		if (id >= 0) reader.typeName(id, name, 0);
	}
	const names = new Set(wanted.globals);
	const globals: Record<string, FieldRecord> = {};
	for (let i = 0; i < dwarf.variables.count; i++) {
		const name = dwarf.variables.name(i);
		if (!names.has(name)) continue;
		const id = dwarf.variables.type(i);
		if (id >= 0) globals[name] = reader.field(0, id, name, 0);
	}
	return { structs: reader.structs, globals };
}

class StructReader {
	readonly structs: Structs = {};
	readonly #types: DwarfTypes;
	readonly #wanted: Wanted;

	constructor(types: DwarfTypes, wanted: Wanted) {
		this.#types = types;
		this.#wanted = wanted;
	}

	field(offset: number, id: TypeId, path: string, depth: number): FieldRecord {
		const types = this.#types;
		const under = types.underlying(id);
		const size = types.size(under) ?? 0;
		if (types.kind(under) !== "array") {
			const name = this.typeName(under, path, depth);
			return name === "" ? [offset, size] : [offset, size, name];
		}
		const element = types.target(under);
		const elementSize = types.size(element) ?? 0;
		const count = types.arrayCount(under) ?? 0;
		const name = this.typeName(element, `${path}[]`, depth);
		return name === "" ? [offset, size, count, elementSize] : [offset, size, count, elementSize, name];
	}

	/**
	 * Describes the struct, unless that was done, and gives the name under which it is found; "" for what is no struct. An
	 * anonymous struct is named by the path that leads to it, which holds within one release as well as across releases.
	 */
	typeName(of: TypeId, path: string, depth: number): string {
		const types = this.#types;
		const id = types.underlying(of);
		const size = types.size(id) ?? 0;
		if (types.kind(id) !== "struct" || size <= 0) return "";
		let name = types.name(id);
		// a slice or string type with a name of its own is a struct as any other
		if (name === "string") return "string";
		if (name.startsWith("[]")) return "[]";
		if (name === "runtime.iface" || name === "runtime.eface") return "";
		if (this.#wanted.opaque.some((prefix) => name.startsWith(prefix))) return "";
		if (name === "" || name.startsWith("struct {")) name = path;
		name = this.#wanted.renamed[name] ?? name;
		if (Object.hasOwn(this.structs, name)) return name;
		if (depth >= MAX_DEPTH || Object.keys(this.structs).length >= MAX_STRUCTS) return "";
		this.#describe(id, name, size, depth);
		return name;
	}

	#describe(id: TypeId, name: string, size: number, depth: number): void {
		const types = this.#types;
		const fields: Record<string, FieldRecord> = {};
		this.structs[name] = { size, fields };
		const newer = this.#wanted.renamedFields?.[name] ?? {};
		const end = Math.min(types.memberEnd(id), types.memberStart(id) + MAX_FIELDS);
		for (let member = types.memberStart(id); member < end; member++) {
			const own = types.memberName(member);
			const type = types.memberType(member);
			if (own === "_" || (types.size(type) ?? 0) <= 0) continue;
			const field = Object.hasOwn(newer, own) ? (newer[own] ?? own) : own;
			fields[field] = this.field(types.memberOffset(member), type, `${name}.${field}`, depth + 1);
		}
	}
}
