import type { ProfileListResult } from "../../api/profile-list.ts";
import { visibleStrings } from "../output.ts";
import { align, clip } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { FigureText, headLines } from "./profile-figures.ts";
import { spelled } from "./profile-spelling.ts";

type Function = ProfileListResult["functions"][number];

const WIDTH = 10;
const TAB = "    ";

/** Each function's lines with what they weigh; those that weigh something stand out. */
export function render(result: ProfileListResult, terminal: Terminal): string {
	if (result.pprof !== undefined) return result.pprof.join("\n");
	const text = new FigureText(result);
	const out = headLines(result, terminal);
	for (const one of result.functions) out.push("", ...block(one, text, terminal));
	return out.join("\n");
}
render.verbatim = true as const;

function block(one: Function, text: FigureText, terminal: Terminal): string[] {
	const head = `${terminal.style("bold", visibleStrings(one.function))}  flat ${text.value(one.flat)}, cum ${text.value(one.cum)} ${text.share(one.cum)}`;
	const file = terminal.style("dim", clip(`  ${visibleStrings(one.file)}`, terminal.rowColumns));
	if (one.problem !== undefined) {
		return [
			head,
			...(one.file === "" ? [] : [file]),
			`  no source: ${visibleStrings(one.problem)} (${spelled("--source-path, --trim-path", terminal)})`,
		];
	}
	const figures = align("flat", WIDTH, true) + align("cum", WIDTH + 1, true);
	return [
		head,
		file,
		terminal.style("dim", `${figures}   line`),
		...one.lines.map((line) => lineText(line, text, terminal)),
	];
}

function lineText(line: Function["lines"][number], text: FigureText, terminal: Terminal): string {
	const orDot = (figure: Function["flat"], width: number) =>
		align(Number(figure) === 0 ? "·" : text.value(figure), width, true);
	const figures = orDot(line.flat, WIDTH) + orDot(line.cum, WIDTH + 1);
	const code = visibleStrings(line.text.replaceAll("\t", TAB));
	const all = clip(`${figures} ${align(String(line.line), 6, true)}  ${code}`, terminal.rowColumns);
	return Number(line.cum) === 0 && Number(line.flat) === 0 ? terminal.style("dim", all) : all;
}
