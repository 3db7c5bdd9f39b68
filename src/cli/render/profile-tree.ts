import type { ProfileTreeResult } from "../../api/profile-tree.ts";
import { align } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { FigureText, fittingName, headLines, noRowsText, shownText } from "./profile-figures.ts";
import { spelled } from "./profile-spelling.ts";
import { nameCell } from "./profile-top.ts";

type Row = ProfileTreeResult["rows"][number];
type Edge = Row["callers"][number];

const WIDTH = 11;
const SHARE = 8;
/** Callers or callees of a row that are told one by one. */
const EDGES = 12;

/** A block per function: callers above it, callees below, indented. */
export function render(result: ProfileTreeResult, terminal: Terminal): string {
	if (result.pprof !== undefined) return result.pprof.join("\n");
	const out = headLines(result, terminal, shownText(result, result.rows.length, terminal));
	if (result.rows.length === 0) return [...out, "", noRowsText(result, terminal)].join("\n");
	const text = new FigureText(result);
	const heads = ["flat", "%", "cum", "%"].map((head, i) => align(head, i % 2 === 0 ? WIDTH : SHARE, true)).join("");
	out.push("", terminal.style("dim", `${heads}  function, between its callers ← and callees →`));
	for (const row of result.rows) {
		out.push(
			"",
			...edges(row.callers, "←", row, text, terminal),
			own(row, text, terminal),
			...edges(row.callees, "→", row, text, terminal),
		);
	}
	return out.join("\n");
}
render.verbatim = true as const;

function own(row: Row, text: FigureText, terminal: Terminal): string {
	const cells = [text.value(row.flat), text.share(row.flat), text.value(row.cum), text.share(row.cum)];
	const figures = cells.map((cell, i) => align(cell, i % 2 === 0 ? WIDTH : SHARE, true)).join("");
	return terminal.style("bold", `${figures}  `) + nameCell(row, terminal.rowColumns - figures.length - 2, terminal);
}

/** Shares of edges are of the row's own cum. */
function edges(all: readonly Edge[], arrow: string, row: Row, text: FigureText, terminal: Terminal): string[] {
	const lines = all.slice(0, EDGES).map((edge) => {
		const figures = `${align(text.value(edge.weight), WIDTH * 2 + SHARE, true)}${align(text.share(edge.weight, row.cum), SHARE, true)}`;
		const via = edge.residual ? " …" : "";
		const mark = edge.inlined ? " (inline)" : "";
		const room = terminal.rowColumns - figures.length - 6 - via.length - mark.length;
		return (
			terminal.style("dim", `${figures}    ${arrow}${via} `) +
			fittingName(edge.name, room) +
			terminal.style("dim", mark)
		);
	});
	const left = all.length - lines.length;
	if (left > 0)
		lines.push(
			terminal.style(
				"dim",
				`${" ".repeat(WIDTH * 2 + SHARE * 2 + 4)}${arrow} ${spelled(`${left} more (--json)`, terminal)}`,
			),
		);
	return lines;
}
