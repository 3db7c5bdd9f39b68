import type { Ref } from "preact";
import { shareText, weightText } from "./figures.ts";
import type { Picture } from "./picture.ts";
import { matched, type Search } from "./search.ts";
import { TypeSwitch } from "./type-switch.tsx";

export interface ToolbarProps {
	readonly picture: Picture;
	readonly search: string;
	readonly searched: Search | undefined;
	readonly flame: boolean;
	readonly zoomed: boolean;
	readonly tableShown: boolean;
	readonly searchBox: Ref<HTMLInputElement>;
	onType(type: number): void;
	onSearch(search: string): void;
	onFlame(flame: boolean): void;
	onReset(): void;
	onTable(shown: boolean): void;
}

export function Toolbar(props: ToolbarProps) {
	const { picture, search, searched, flame } = props;
	const types = picture.tree.values.map((value) => value.type);
	const problem = searched !== undefined && "problem" in searched ? searched.problem : undefined;
	return (
		<div class="toolbar" role="toolbar" aria-label="Flame graph">
			<TypeSwitch types={types} type={picture.type} onType={props.onType} />
			<div class="segments">
				<button type="button" aria-pressed={!flame} onClick={() => props.onFlame(false)}>
					Icicle
				</button>
				<button type="button" aria-pressed={flame} onClick={() => props.onFlame(true)}>
					Flame
				</button>
			</div>
			<label class="search">
				<span class="unseen">Search by regular expression</span>
				<input
					ref={props.searchBox}
					type="search"
					value={search}
					placeholder="Search  ( / )"
					spellcheck={false}
					autocomplete="off"
					aria-invalid={problem !== undefined}
					aria-describedby="search-result"
					onInput={(event) => props.onSearch(event.currentTarget.value)}
				/>
			</label>
			<output id="search-result" class={problem === undefined ? "" : "problem"}>
				{problem ?? (searched !== undefined && "found" in searched ? resultText(picture, searched.found) : "")}
			</output>
			<span class="spring" />
			<button type="button" disabled={!props.zoomed} onClick={props.onReset}>
				Reset zoom
			</button>
			<button type="button" aria-pressed={props.tableShown} onClick={() => props.onTable(!props.tableShown)}>
				Functions
			</button>
		</div>
	);
}

function resultText(picture: Picture, found: { readonly places: Uint8Array; readonly count: number }): string {
	const weight = matched(picture, found);
	const functions = found.count === 1 ? "1 function" : `${found.count.toLocaleString("en")} functions`;
	if (weight === 0)
		return found.count === 0 ? "nothing found" : `${functions}, none with ${picture.tree.values[picture.type]!.type}`;
	// a match may be in what was left out, which the page does not know
	const least = picture.tree.more.some((count) => count > 0) ? "at least " : "";
	return `${functions} · ${least}${weightText(picture.tree, weight, picture.unit)} · ${shareText(weight, picture.width[0]!)}`;
}
