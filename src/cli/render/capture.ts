import type { CaptureResult } from "../../api/capture.ts";
import { bytes, count, duration } from "../../figures/figures.ts";
import { clip, table } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { pauseText } from "./pause-text.ts";

/** What was written, what is in it and what is not, and what to type next. */
export function render(result: CaptureResult, terminal: Terminal): string {
	const { target: t, file } = result;
	const head = [
		terminal.style("bold", t.name),
		...(t.pid === undefined ? [] : [`pid ${t.pid}`]),
		...(t.goVersion === undefined ? [] : [t.goVersion]),
	];
	const total = result.readings === result.added ? "" : `, ${count(result.readings)} in all`;
	const taken = `${count(result.added)} ${result.added === 1 ? "reading" : "readings"}${total}`;
	const lines = [
		head.join(" · "),
		"",
		`${file === "-" ? "standard output" : terminal.style("bold", file)}   ${bytes(result.bytes)}   ${taken}   readable by its owner only`,
		"",
		table(
			[{ head: "part" }, { head: "as read", right: true }, { head: "" }],
			result.parts.map((part) => row(part)),
			terminal.columns,
		),
		"",
		...(result.redacted.length === 0
			? ["Redacted  nothing (--full)"]
			: [
					"Redacted  --full keeps these; the file has pseudonyms, or nothing, for",
					...result.redacted.map((what) => `          ${what}`),
				]),
		...(file === "-" ? [] : [`Next      gomem why ${file}`]),
		"",
		terminal.style("dim", clip(cost(result), terminal.columns)),
	];
	return lines.join("\n");
}

function row(part: CaptureResult["parts"][number]): string[] {
	const why =
		part.unavailable === undefined
			? ""
			: `unavailable: ${part.unavailable}${part.wouldHelp === undefined ? "" : `; would help: ${part.wouldHelp}`}`;
	return [part.id, part.bytes === undefined ? "" : bytes(part.bytes), why];
}

function cost(r: CaptureResult): string {
	const unavailable = r.parts.flatMap(({ id, unavailable: why }) => (why === undefined ? [] : [{ part: id }]));
	return `read ${duration(r.cost.wallMs)} · ${bytes(r.cost.bytesRead)} read · ${pauseText({ cost: r.cost, unavailable })}`;
}
