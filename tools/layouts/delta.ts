import type { ConstantVariant, LayoutDelta, LayoutFile } from "../../src/goruntime/layouts/layout-file.ts";
import { onlyBuilds } from "../../src/goruntime/layouts/layout-file.ts";

/** What `file` says otherwise than `all`: the inverse of onBase(). Undefined where that has not all of its builds. */
export function deltaOf(all: LayoutFile, name: string, file: LayoutFile): LayoutDelta | undefined {
	if (all.minor !== file.minor || file.keys.some((key) => !all.keys.includes(key))) return undefined;
	const base = onlyBuilds(all, file.keys);
	const constants = constantsThatDiffer(base, file);
	return {
		minor: file.minor,
		arch: file.arch,
		base: name,
		keys: file.keys,
		inert: file.inert,
		structs: differing(base.structs, file.structs),
		globals: differing(base.globals, file.globals),
		constants: constants.of,
		tables: differing(base.tables, file.tables),
		absent: constants.absent,
	};
}

/** Lists that are new or not the same; an empty one stands for what the base has and the file has not. */
function differing<V>(
	base: Readonly<Record<string, readonly V[]>>,
	file: Readonly<Record<string, readonly V[]>>,
): Record<string, readonly V[]> {
	const out: Record<string, readonly V[]> = {};
	for (const name of [...new Set([...Object.keys(base), ...Object.keys(file)])].sort()) {
		const list = file[name] ?? [];
		if (JSON.stringify(base[name]) !== JSON.stringify(list)) out[name] = list;
	}
	return out;
}

function constantsThatDiffer(
	base: LayoutFile,
	file: LayoutFile,
): { readonly of: readonly ConstantVariant[]; readonly absent: readonly string[] } {
	const [before, now] = [valuesByName(base), valuesByName(file)];
	const changed = new Set([...now].filter(([name, text]) => before.get(name) !== text).map(([name]) => name));
	const of = file.constants.flatMap((variant) => {
		const values = Object.entries(variant.values).filter(([name]) => changed.has(name));
		return values.length === 0 ? [] : [{ ...variant, values: Object.fromEntries(values) }];
	});
	return { of, absent: [...before.keys()].filter((name) => !now.has(name)).sort() };
}

/** Each constant's values and the builds they hold for, as a text. */
function valuesByName(file: LayoutFile): Map<string, string> {
	const out = new Map<string, string>();
	for (const { keys, values } of file.constants)
		for (const [name, value] of Object.entries(values))
			out.set(name, `${out.get(name) ?? ""} ${keys ?? "all"}:${value}`);
	return out;
}
