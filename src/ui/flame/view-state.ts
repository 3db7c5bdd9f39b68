/** What a page shows, as the part after # of its address: a link to a file opens what was seen. */
export interface ViewState {
	/** row of sample types */
	readonly type: number;
	/** the node that fills the width */
	readonly zoom: number;
	readonly search: string;
	/** the root below, as flames have it; else on top, as icicles */
	readonly flame: boolean;
	/** of the report: "flame", "top", "graph", "source" */
	readonly tab: string;
}

export function readState(hash: string, types: readonly string[], nodes: number, first: ViewState): ViewState {
	const parts = new URLSearchParams(hash.replace(/^#/, ""));
	const type = types.indexOf(parts.get("type") ?? "");
	const zoom = Number(parts.get("frame") ?? first.zoom);
	const view = parts.get("view");
	return {
		type: type < 0 ? first.type : type,
		zoom: Number.isInteger(zoom) && zoom >= 0 && zoom < nodes ? zoom : first.zoom,
		search: parts.get("search") ?? first.search,
		flame: view === null ? first.flame : view === "flame",
		tab: parts.get("tab") ?? first.tab,
	};
}

/** Only what differs from the first view. */
export function writeState(state: ViewState, types: readonly string[], first: ViewState): string {
	const parts = new URLSearchParams();
	if (state.tab !== first.tab) parts.set("tab", state.tab);
	if (state.type !== first.type) parts.set("type", types[state.type] ?? "");
	if (state.zoom !== first.zoom) parts.set("frame", String(state.zoom));
	if (state.flame !== first.flame) parts.set("view", state.flame ? "flame" : "icicle");
	if (state.search !== first.search) parts.set("search", state.search);
	return parts.size === 0 ? "" : `#${parts}`;
}
