import type { LayoutsVerifyResult } from "../api/layouts-verify.ts";
import { count } from "../figures/figures.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

type Dwarf = Pick<NonNullable<LayoutsVerifyResult["dwarf"]>, "against" | "sameMinor" | "differences" | "taken">;

/** Differences that are shown; --json has all. */
const SHOWN = 20;
const LABEL = 10;

/** What the DWARF was held against, and where the two differ. */
export function differenceLines(dwarf: Dwarf, terminal: Terminal): string[] {
	const out = [labelled("", verdict(dwarf))];
	if (dwarf.taken.length > 0 && dwarf.against !== undefined) {
		const names = dwarf.taken.slice(0, 3).join(", ");
		const more = dwarf.taken.length > 3 ? ", …" : "";
		out.push(
			labelled("", `not in the program, taken from ${dwarf.against}: ${count(dwarf.taken.length)} (${names}${more})`),
		);
	}
	// releases of different minors are bound to differ: how much is said above
	if (dwarf.differences.length === 0 || !dwarf.sameMinor) return out;
	const shown = dwarf.differences.slice(0, SHOWN);
	const columns = [{ head: "differs" }, { head: "DWARF" }, { head: `table, ${dwarf.against ?? ""}` }];
	const rows = shown.map((one) => [one.what, one.dwarf, one.table]);
	out.push("", table(columns, rows, terminal.columns));
	const more = dwarf.differences.length - shown.length;
	if (more > 0) out.push(`and ${count(more)} more (--json has all)`);
	return out;
}

function verdict(dwarf: Dwarf): string {
	if (dwarf.against === undefined) return "nothing to hold it against: the table has no build for this architecture";
	const n = dwarf.differences.length;
	if (n === 0) return `the same as ${dwarf.against} of the table in everything that both have`;
	const which = dwarf.sameMinor ? "" : ", the nearest minor release that is known";
	return `differs from ${dwarf.against} of the table${which}, in ${count(n)} ${n === 1 ? "place" : "places"}`;
}

/** A line with its label at the left, or none. */
export function labelled(label: string, text: string): string {
	return `${label.padEnd(LABEL)}${text}`;
}
