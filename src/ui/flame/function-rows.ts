import type { FlameTree } from "../../profile/flame-tree.ts";
import { meanOf } from "./figures.ts";
import { countType } from "./picture.ts";
import type { Found } from "./search.ts";

/** columns of the table of functions */
export type SortKey = "name" | "flat" | "cum" | "base" | "mean";

export interface Sort {
	readonly key: SortKey;
	readonly ascending: boolean;
}

/** The places that weigh anything in a sample type (or match a search), sorted. Of a difference, by the size of the change. */
export function functionRows(tree: FlameTree, type: number, sort: Sort, found: Found | undefined): Uint32Array {
	const { flat, cum, baseCum } = tree.values[type]!; // a row
	const { name } = tree.places;
	const rows = Uint32Array.from(name.keys()).filter(
		(place) =>
			place > 0 &&
			(found?.places[place] ?? 1) === 1 &&
			(flat[place] !== 0 || cum[place] !== 0 || (baseCum?.[place] ?? 0) !== 0),
	);
	const columns = { flat, cum, base: baseCum, mean: placeMeans(tree, type), name: undefined };
	const column = columns[sort.key] ?? cum;
	const direction = sort.ascending ? 1 : -1;
	const byName = (a: number, b: number) => (name[a]! < name[b]! ? -1 : name[a]! > name[b]! ? 1 : a - b);
	if (sort.key === "name") return rows.sort((a, b) => direction * byName(a, b));
	return rows.sort(
		(a, b) =>
			direction * (Math.abs(column[a]!) - Math.abs(column[b]!)) ||
			direction * (Math.abs(cum[a]!) - Math.abs(cum[b]!)) ||
			byName(a, b),
	);
}

/** By place what one of its samples weighs with all that it calls, 0 where nothing was counted; undefined where no means are told. */
export function placeMeans(tree: FlameTree, type: number): Float64Array | undefined {
	const counting = countType(tree, type);
	if (counting === undefined) return undefined;
	const counts = tree.values[counting]!.cum; // a row
	return tree.values[type]!.cum.map((cum, place) => meanOf(cum, counts[place]) ?? 0);
}
