import { useEffect, useState } from "preact/hooks";
import type { FlameTree } from "../../profile/flame-tree.ts";
import { readState, type ViewState, writeState } from "../flame/view-state.ts";

/** What the page shows, kept in its address. Going to another frame is a step back in the browser; typing is none. */
export function usePageState(tree: FlameTree, firstTab: string): [state: ViewState, set: (state: ViewState) => void] {
	const types = tree.values.map((value) => value.type);
	const first: ViewState = { type: tree.sampleIndex, zoom: 0, search: "", flame: false, tab: firstTab };
	const read = () => readState(location.hash, types, tree.depth.length, first);
	const [state, setState] = useState(read);
	useEffect(() => {
		const onChange = () => setState(read());
		addEventListener("popstate", onChange);
		addEventListener("hashchange", onChange);
		return () => {
			removeEventListener("popstate", onChange);
			removeEventListener("hashchange", onChange);
		};
	}, [tree]);
	const set = (next: ViewState) => {
		setState(next);
		const address = writeState(next, types, first) || "#";
		const step = next.zoom !== state.zoom || next.tab !== state.tab;
		if (step) history.pushState(undefined, "", address);
		else history.replaceState(undefined, "", address);
	};
	return [state, set];
}
