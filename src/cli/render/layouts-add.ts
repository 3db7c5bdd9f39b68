import type { LayoutsAddResult } from "../../api/layouts-add.ts";
import { count } from "../../figures/figures.ts";
import { differenceLines, labelled } from "../layout-differences.ts";
import type { Terminal } from "../terminal.ts";

/** What was learned, from what, and where it is kept. */
export function render(r: LayoutsAddResult, terminal: Terminal): string {
	return [
		`${terminal.style("bold", `${r.goVersion} ${r.arch}`)} · ${count(r.structs)} structs, ${count(r.constants)} constants`,
		"",
		labelled("From", r.from),
		...differenceLines(r, terminal),
		"",
		labelled(r.replaced ? "Replaced" : "Kept", r.path),
		labelled("", "used for processes of that version, stripped ones too; remove the file to forget it"),
	].join("\n");
}
