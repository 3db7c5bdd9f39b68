import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { changeText, valueText } from "../../figures/value.ts";
import { shortName } from "../../profile/flame-colours.ts";
import type { FlameTree } from "../../profile/flame-tree.ts";
import { nameOf, weightText } from "./figures.ts";
import { FlameView } from "./flame-view.tsx";
import { FunctionTable } from "./function-table.tsx";
import { type Picture, Pictures, pathTo } from "./picture.ts";
import { exactly, search as searchTree } from "./search.ts";
import { Toolbar } from "./toolbar.tsx";
import type { ViewState } from "./view-state.ts";

export interface FlamePanelProps {
	readonly tree: FlameTree;
	readonly difference: boolean;
	readonly dark: boolean;
	readonly state: ViewState;
	onState(state: ViewState): void;
}

/** The flame graph with its controls and the table of functions. */
export function FlamePanel({ tree, difference, dark, state, onState }: FlamePanelProps) {
	const pictures = useMemo(() => new Pictures(tree), [tree]);
	const picture = pictures.of(state.type);
	const searched = useMemo(() => searchTree(tree, state.search), [tree, state.search]);
	const found = searched !== undefined && "found" in searched ? searched.found : undefined;
	const [marked, setMarked] = useState<number>();
	const [tableShown, setTableShown] = useState(innerWidth > 900);
	const searchBox = useRef<HTMLInputElement>(null);
	useEffect(() => {
		const onKey = (event: KeyboardEvent) => {
			const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
			if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
			event.preventDefault();
			searchBox.current?.focus();
			searchBox.current?.select();
		};
		addEventListener("keydown", onKey);
		return () => removeEventListener("keydown", onKey);
	}, []);
	const zoomTo = (zoom: number) => onState({ ...state, zoom });
	const empty = picture.width[0] === 0;
	return (
		<section class="panel" aria-label="Flame graph">
			<Toolbar
				picture={picture}
				search={state.search}
				searched={searched}
				flame={state.flame}
				zoomed={state.zoom !== 0}
				tableShown={tableShown}
				searchBox={searchBox}
				onType={(type) => onState({ ...state, type })}
				onSearch={(search) => onState({ ...state, search })}
				onFlame={(flame) => onState({ ...state, flame })}
				onReset={() => zoomTo(0)}
				onTable={setTableShown}
			/>
			<div class="crumb-line">
				<Crumbs picture={picture} zoom={state.zoom} onZoom={zoomTo} />
				{difference && <ChangeLegend />}
			</div>
			<div class={tableShown ? "flame-and-table" : "flame-and-table alone"}>
				{empty ? (
					<p class="quiet">No sample weighs anything in {tree.values[state.type]!.type}.</p>
				) : (
					<FlameView
						picture={picture}
						zoom={state.zoom}
						flame={state.flame}
						difference={difference}
						found={found}
						marked={marked}
						dark={dark}
						onZoom={zoomTo}
					/>
				)}
				{tableShown && (
					<FunctionTable
						tree={tree}
						type={state.type}
						whole={picture.total[0]!}
						difference={difference}
						found={found}
						dark={dark}
						wide={false}
						onMark={setMarked}
						onPick={(place) => {
							const wanted = exactly(tree.places.name[place]!);
							onState({ ...state, search: state.search === wanted ? "" : wanted });
						}}
					/>
				)}
			</div>
		</section>
	);
}

/** The callers of the frame that is zoomed on, and what it weighs. */
function Crumbs({ picture, zoom, onZoom }: { picture: Picture; zoom: number; onZoom(node: number): void }) {
	const path = pathTo(picture, zoom);
	const text = picture.base === undefined ? valueText : changeText;
	const left = path.length > 6 ? path.length - 5 : 1;
	const shown = [0, ...path.slice(left)];
	return (
		<nav class="crumbs" aria-label="Zoom">
			{shown.map((node, i) => (
				<span key={node}>
					{i === 1 && left > 1 && <span class="quiet">… {left - 1} more › </span>}
					{node === zoom ? (
						<b aria-current="true">{shortName(nameOf(picture.tree, node))}</b>
					) : (
						<button type="button" onClick={() => onZoom(node)}>
							{shortName(nameOf(picture.tree, node))}
						</button>
					)}
					{node === zoom ? (
						<span class="quiet"> {weightText(picture.tree, picture.total[node]!, picture.unit, text)}</span>
					) : (
						" › "
					)}
				</span>
			))}
		</nav>
	);
}

function ChangeLegend() {
	return (
		<span class="legend">
			<i class="less" /> less than before
			<i class="more-now" /> more; widths: before and now together
		</span>
	);
}
