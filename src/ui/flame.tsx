import type { FlamePage } from "../api/html/page-data.ts";
import { FlamePanel } from "./flame/flame-panel.tsx";
import { PageHead } from "./page/page-head.tsx";
import { usePageState } from "./page/page-state.ts";
import { showPage } from "./page/show-page.tsx";
import { useTheme } from "./page/theme.ts";
import "./page/page.css";
import "./flame/flame.css";

/** The kit "flame": a flame graph that fills the page. */
function Page({ data }: { readonly data: FlamePage }) {
	const { theme, dark, setTheme } = useTheme();
	const [state, setState] = usePageState(data.tree, "flame");
	return (
		<>
			<PageHead title={data.title} notes={data.notes} generator={data.generator} theme={theme} onTheme={setTheme} />
			<main>
				<FlamePanel tree={data.tree} difference={data.difference} dark={dark} state={state} onState={setState} />
			</main>
		</>
	);
}

void showPage(Page);
