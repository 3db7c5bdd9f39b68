import { GomemError } from "../errors.ts";

/** Edges of a graph that are laid out in seconds; beyond that the time grows with their square and the picture says nothing. */
const MOST_EDGES = 10_000;

/**
 * A graph of pprof's dot format as svg, laid out by Graphviz, which is loaded here (as WebAssembly, 0.8 MB) and not on the system.
 * Throws GomemError for a graph that is too large or that Graphviz refuses.
 */
export async function graphSvg(dot: string): Promise<string> {
	const edges = dot.match(/ -> /g)?.length ?? 0;
	if (edges > MOST_EDGES) {
		throw new GomemError({
			code: "graph-too-large",
			message: `the graph has ${edges} edges, and no picture of more than ${MOST_EDGES} can be read`,
			hint: "show less of it: --nodecount, --nodefraction, --edgefraction, --focus",
		});
	}
	const { Graphviz } = await import("@hpcc-js/wasm-graphviz");
	const graphviz = await Graphviz.load();
	try {
		return withFonts(graphviz.dot(withFont(dot)));
	} catch (error) {
		throw new GomemError({
			code: "graph-refused",
			message: "Graphviz does not lay the graph out",
			hint: "write it with `gomem profile dot` and look at it",
			cause: error,
		});
	}
}

/** pprof's dot names no font, which would be Times; Graphviz knows how wide the letters of Arial are, and no others without serifs. */
function withFont(dot: string): string {
	const brace = dot.indexOf("{");
	const fonts = ["graph", "node", "edge"].map((what) => `${what} [fontname="Arial"]`);
	return `${dot.slice(0, brace + 1)}\n${fonts.join("\n")}\n${dot.slice(brace + 1)}`;
}

/** Fonts with letters about as wide, for where there is no Arial. */
function withFonts(svg: string): string {
	return svg.replaceAll(
		'font-family="Arial"',
		`font-family="Arial,Helvetica,'Liberation Sans','DejaVu Sans Condensed',sans-serif"`,
	);
}
