/**
 * What of a Go runtime a layout holds, in the names that releases give it; shared by the generator of the table
 * (tools/layouts) and by what reads a binary's own DWARF.
 */
export interface Wanted {
	readonly structs: readonly string[];
	/** struct as some releases have it → as the newest has it */
	readonly renamed: Readonly<Record<string, string>>;
	/** by struct, under its newest name: field as some releases have it → as the newest has it */
	readonly renamedFields?: Readonly<Record<string, Readonly<Record<string, string>>>>;
	/** prefixes of structs whose fields nobody reads */
	readonly opaque: readonly string[];
	readonly globals: readonly string[];
	/** packages whose constants are looked at */
	readonly packages: readonly string[];
	readonly constants: readonly string[];
	/** regular expressions that match a constant's whole name */
	readonly constantSets: readonly string[];
	/** name in the layout → where releases have it */
	readonly constantNames: Readonly<Record<string, readonly string[]>>;
	readonly tableNames: Readonly<Record<string, readonly string[]>>;
	/** functions of the source whose result is a rule: for the generator, DWARF has none of it */
	readonly rules?: readonly string[];
}

/** Loaded only where DWARF is read. */
export async function loadWanted(): Promise<Wanted> {
	return (await import("./wanted.gen.ts")).wanted;
}

/** "runtime." is dropped, other packages keep their last element: "abi.FuncIDNormal". */
export function shortName(name: string): string {
	return name.replace(/^runtime\./, "").replace(/^.*\//, "");
}

/** Source name → name in the layout. */
export function renames(names: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, string> {
	const out = new Map<string, string>();
	for (const [name, sources] of Object.entries(names)) for (const source of sources) out.set(source, name);
	return out;
}
