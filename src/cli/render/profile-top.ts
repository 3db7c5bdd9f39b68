import type { ProfileTopResult } from "../../api/profile-top.ts";
import { align, visible } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { FigureText, fittingName, headLines, noRowsText, shownText } from "./profile-figures.ts";

type Row = ProfileTopResult["rows"][number];

/** Rows as pprof's top has them: own weight, running sum, weight with all that is called. */
export function render(result: ProfileTopResult, terminal: Terminal): string {
	if (result.pprof !== undefined) return result.pprof.join("\n");
	const out = headLines(result, terminal, shownText(result, result.rows.length, terminal));
	if (result.rows.length === 0) return [...out, "", noRowsText(result, terminal)].join("\n");
	const text = new FigureText(result);
	const columns = ["flat", "%", "sum %", "cum", "%"];
	let sum = 0;
	const cells = result.rows.map((row) => {
		sum += Number(row.flat);
		return [text.value(row.flat), text.share(row.flat), text.share(sum), text.value(row.cum), text.share(row.cum)];
	});
	// no spread: there may be more rows than a call takes arguments
	const widest = (i: number, head: string) =>
		cells.reduce((most, row) => Math.max(most, visible(row[i] ?? "")), head.length);
	const widths = columns.map((head, i) => widest(i, head));
	const line = (row: readonly string[]) => `  ${row.map((cell, i) => align(cell, widths[i] ?? 0, true)).join("  ")}`;
	const room = terminal.rowColumns - line(columns).length - 2;
	out.push("", terminal.style("dim", line(columns)));
	for (const [i, row] of result.rows.entries()) out.push(`${line(cells[i] ?? [])}  ${nameCell(row, room, terminal)}`);
	return out.join("\n");
}
render.verbatim = true as const;

const MARKS = { all: " (inline)", some: " (partly inline)", none: "" } as const;

/** The name, and where it is as far as there is room. */
export function nameCell(row: Row, room: number, terminal: Terminal): string {
	const mark = MARKS[row.inlined];
	const name = fittingName(row.name, room - mark.length);
	const where = row.file === "" || row.name.includes(row.file) ? "" : placeOf(row);
	const left = room - name.length - mark.length - 2;
	return `${name}${terminal.style("dim", mark)}${where !== "" && where.length <= left ? terminal.style("dim", `  ${where}`) : ""}`;
}

/** `server.go:42` */
function placeOf({ file, line }: Pick<Row, "file" | "line">): string {
	const base = file.slice(file.lastIndexOf("/") + 1);
	return line === undefined ? base : `${base}:${line}`;
}
