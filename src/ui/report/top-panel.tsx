import { useMemo } from "preact/hooks";
import type { ReportPage } from "../../api/html/page-data.ts";
import { FunctionTable } from "../flame/function-table.tsx";
import { exactly, search as searchTree } from "../flame/search.ts";
import { TypeSwitch } from "../flame/type-switch.tsx";
import type { ViewState } from "../flame/view-state.ts";

export interface TopPanelProps {
	readonly data: ReportPage;
	readonly dark: boolean;
	readonly state: ViewState;
	onState(state: ViewState): void;
	/** row of the sources */
	onSource(row: number): void;
}

/** The table of functions with the page to itself. A click leads to the source where it is there, else into the flame graph. */
export function TopPanel({ data, dark, state, onState, onSource }: TopPanelProps) {
	const { tree, sources } = data;
	const searched = useMemo(() => searchTree(tree, state.search), [tree, state.search]);
	const found = searched !== undefined && "found" in searched ? searched.found : undefined;
	const whole = useMemo(() => {
		const { self, rest } = tree.values[state.type]!; // a row
		return self.reduce((sum, value, node) => sum + value + rest[node]!, 0);
	}, [tree, state.type]);
	const onPick = (place: number) => {
		const name = tree.places.name[place]!;
		const source = sources.findIndex((listing) => listing.function === name);
		if (source >= 0) onSource(source);
		onState({ ...state, tab: source >= 0 ? "source" : "flame", search: exactly(name), zoom: 0 });
	};
	return (
		<section class="panel" aria-label="Functions">
			<div class="toolbar">
				<TypeSwitch
					types={tree.values.map((value) => value.type)}
					type={state.type}
					onType={(type) => onState({ ...state, type })}
				/>
				<label class="search">
					<span class="unseen">Search by regular expression</span>
					<input
						type="search"
						value={state.search}
						placeholder="Search"
						spellcheck={false}
						aria-invalid={searched !== undefined && "problem" in searched}
						onInput={(event) => onState({ ...state, search: event.currentTarget.value })}
					/>
				</label>
			</div>
			<FunctionTable
				tree={tree}
				type={state.type}
				whole={whole}
				difference={data.difference}
				found={found}
				dark={dark}
				wide={true}
				onMark={() => {}}
				onPick={onPick}
			/>
		</section>
	);
}
