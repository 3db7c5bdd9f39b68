import type { ProfileTagsResult } from "../../api/profile-tags.ts";
import { visibleStrings } from "../output.ts";
import { align, clip } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { FigureText, headLines } from "./profile-figures.ts";
import { spelled } from "./profile-spelling.ts";

/** Values of a label that are told one by one. */
const VALUES = 30;

export function render(result: ProfileTagsResult, terminal: Terminal): string {
	if (result.pprof !== undefined) return result.pprof.join("\n");
	const text = new FigureText(result);
	const out = headLines(result, terminal);
	if (result.tags.length === 0) out.push("", "  no labels");
	for (const { key, total, values } of result.tags) {
		out.push("", `${terminal.style("bold", visibleStrings(key))}  ${text.value(total)} ${text.share(total)}`);
		for (const { value, weight } of values.slice(0, VALUES)) {
			const figures = `${align(text.value(weight), 12, true)}${align(text.share(weight), 9, true)}  `;
			out.push(figures + clip(visibleStrings(value), terminal.rowColumns - figures.length));
		}
		if (values.length > VALUES)
			out.push(
				terminal.style("dim", `${" ".repeat(23)}${spelled(`${values.length - VALUES} more (--json)`, terminal)}`),
			);
	}
	return out.join("\n");
}
render.verbatim = true as const;
