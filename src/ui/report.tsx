import { useState } from "preact/hooks";
import type { ReportPage } from "../api/html/page-data.ts";
import { FlamePanel } from "./flame/flame-panel.tsx";
import { PageHead } from "./page/page-head.tsx";
import { usePageState } from "./page/page-state.ts";
import { showPage } from "./page/show-page.tsx";
import { useTheme } from "./page/theme.ts";
import { GraphPanel } from "./report/graph-panel.tsx";
import { SourcePanel } from "./report/source-panel.tsx";
import { Tabs } from "./report/tabs.tsx";
import { TopPanel } from "./report/top-panel.tsx";
import "./page/page.css";
import "./flame/flame.css";
import "./report/report.css";

/** The kit "report": functions, flame graph, graph of calls and source of a profile. */
function Page({ data }: { readonly data: ReportPage }) {
	const { theme, dark, setTheme } = useTheme();
	const [state, setState] = usePageState(data.tree, "top");
	const [source, setSource] = useState(0);
	const tabs = [
		{ id: "top", name: "Top" },
		{ id: "flame", name: "Flame graph" },
		{ id: "graph", name: "Call graph" },
		...(data.sources.length > 0 ? [{ id: "source", name: "Source" }] : []),
	];
	const shown = tabs.some(({ id }) => id === state.tab) ? state.tab : "top";
	return (
		<>
			<PageHead title={data.title} notes={data.notes} generator={data.generator} theme={theme} onTheme={setTheme}>
				<Tabs tabs={tabs} shown={shown} onShow={(tab) => setState({ ...state, tab })} />
			</PageHead>
			<main>
				<div class="tab-panel" role="tabpanel" id="panel" aria-labelledby={`tab-${shown}`}>
					{shown === "top" && (
						<TopPanel data={data} dark={dark} state={state} onState={setState} onSource={setSource} />
					)}
					{shown === "flame" && (
						<FlamePanel tree={data.tree} difference={data.difference} dark={dark} state={state} onState={setState} />
					)}
					{shown === "graph" && <GraphPanel svg={data.graphSvg} note={data.graphNote} />}
					{shown === "source" && (
						<SourcePanel
							sources={data.sources}
							unit={data.sourceUnit}
							note={data.sourceNote}
							shown={source}
							onShow={setSource}
						/>
					)}
				</div>
			</main>
		</>
	);
}

void showPage(Page);
