import { useEffect, useMemo, useState } from "preact/hooks";
import { changeText, valueText } from "../../figures/value.ts";
import { packageColour, packageOf, shortName } from "../../profile/flame-colours.ts";
import type { FlameTree } from "../../profile/flame-tree.ts";
import { shareText, weightText } from "./figures.ts";
import { functionRows, placeMeans, type Sort, type SortKey } from "./function-rows.ts";
import type { Found } from "./search.ts";

export interface FunctionTableProps {
	readonly tree: FlameTree;
	readonly type: number;
	/** what percentages are of */
	readonly whole: number;
	readonly difference: boolean;
	readonly found: Found | undefined;
	readonly dark: boolean;
	/** with files and percentages of both columns: where it has the page to itself */
	readonly wide: boolean;
	onMark(place: number | undefined): void;
	onPick(place: number): void;
}

const PAGE = 200;

/** The heaviest functions; a row marks its frames, its button searches for them. */
export function FunctionTable(props: FunctionTableProps) {
	const { tree, type, found, wide, difference } = props;
	const [sort, setSort] = useState<Sort>({ key: difference ? "cum" : "flat", ascending: false });
	const [shown, setShown] = useState(PAGE);
	const rows = useMemo(() => functionRows(tree, type, sort, found), [tree, type, sort, found]);
	const means = useMemo(() => placeMeans(tree, type), [tree, type]);
	useEffect(() => setShown(PAGE), [tree, type, found]);
	const onSort = (key: SortKey) =>
		setSort(sort.key === key ? { key, ascending: !sort.ascending } : { key, ascending: key === "name" });
	const head = (key: SortKey, text: string, title: string, span = 1) => (
		<th
			scope="col"
			class={key === "name" ? "" : "number"}
			colSpan={span}
			aria-sort={sort.key === key ? (sort.ascending ? "ascending" : "descending") : "none"}
		>
			<button type="button" title={title} onClick={() => onSort(key)}>
				{text}
				<span aria-hidden="true">{sort.key === key ? (sort.ascending ? " ▲" : " ▼") : ""}</span>
			</button>
		</th>
	);
	return (
		<div class={wide ? "functions wide" : "functions"}>
			<table>
				<caption class="unseen">Functions by what they weigh</caption>
				<thead>
					<tr>
						{head("flat", difference ? "Δ flat" : "Flat", "what ends in the function itself", difference ? 1 : 2)}
						{head("cum", difference ? "Δ cum" : "Cum", "with all that it calls", difference ? 1 : 2)}
						{difference && head("base", "Before", "cum in the base")}
						{means && head("mean", "Mean", `cum by ${tree.values[0]!.type}`)}
						{head("name", "Function", "sort by name")}
						{wide && <th scope="col">File</th>}
					</tr>
				</thead>
				<tbody onMouseLeave={() => props.onMark(undefined)}>
					{Array.from(rows.subarray(0, shown), (place) => (
						<Row key={place} {...props} place={place} mean={means?.[place]} />
					))}
				</tbody>
			</table>
			{rows.length === 0 && <p class="quiet">No function {found === undefined ? "weighs anything" : "matches"}.</p>}
			{shown < rows.length && (
				<button type="button" class="more" onClick={() => setShown(shown + 5 * PAGE)}>
					Show more of {rows.length.toLocaleString("en")} functions
				</button>
			)}
			{tree.places.leftOut > 0 && (
				<p class="quiet">{tree.places.leftOut.toLocaleString("en")} lighter functions are not in this page.</p>
			)}
		</div>
	);
}

function Row({
	tree,
	type,
	whole,
	difference,
	dark,
	wide,
	place,
	mean,
	onMark,
	onPick,
}: FunctionTableProps & { readonly place: number; readonly mean: number | undefined }) {
	const { unit, flat, cum, baseCum, size } = tree.values[type]!; // a row
	const figure = (value: number) => (value === 0 ? "0" : weightText(tree, value, unit, text));
	const { name, file, files, line } = tree.places;
	const text = difference || size !== undefined ? changeText : valueText;
	const tone = (value: number) =>
		difference && value !== 0 ? (value > 0 ? "number grew" : "number shrank") : value === 0 ? "number quiet" : "number";
	const at = line[place]! > 0 ? `:${line[place]}` : "";
	return (
		<tr onMouseEnter={() => onMark(place)}>
			<td class={tone(flat[place]!)}>{figure(flat[place]!)}</td>
			{!difference && <td class="number share">{shareText(flat[place]!, whole)}</td>}
			<td class={tone(cum[place]!)}>{figure(cum[place]!)}</td>
			{!difference && <td class="number share">{shareText(cum[place]!, whole)}</td>}
			{difference && <td class="number">{weightText(tree, baseCum?.[place] ?? 0, unit)}</td>}
			{mean !== undefined && <td class="number">{mean === 0 ? "" : weightText(tree, mean, unit)}</td>}
			<td class="name">
				<button type="button" title={`${name[place]}\n${files[file[place]!]}${at}`} onClick={() => onPick(place)}>
					<i class="swatch" style={{ background: packageColour(packageOf(name[place]!), dark) }} />
					{wide ? name[place] : shortName(name[place]!)}
					{at}
				</button>
			</td>
			{wide && <td class="file">{files[file[place]!]}</td>}
		</tr>
	);
}
