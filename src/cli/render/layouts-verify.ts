import type { LayoutsVerifyResult } from "../../api/layouts-verify.ts";
import { bytes, count } from "../../figures/figures.ts";
import { differenceLines, labelled } from "../layout-differences.ts";
import type { Terminal } from "../terminal.ts";

type Certainty = NonNullable<LayoutsVerifyResult["use"]>["certainty"];

const CERTAINTY: Readonly<Record<Certainty, string>> = {
	exact: "exact: this very version was read before, from its toolchain or from what you added",
	dwarf: "dwarf: read from the program's own debug information",
	interpolated: "interpolated: the releases before and after it are the same in everything",
	validated: "validated: the only known layout of its minor release that fits",
};

/** Which layout is used and why, what the DWARF says, and how each fits. */
export function render(r: LayoutsVerifyResult, terminal: Terminal): string {
	const out = [header(r, terminal), "", ...use(r, terminal), ...knows(r)];
	if (r.dwarf !== undefined) {
		const { structs, fields, constants } = r.dwarf;
		out.push(labelled("DWARF", `${count(structs)} structs, ${count(fields)} fields, ${count(constants)} constants`));
		out.push(...differenceLines(r.dwarf, terminal));
	}
	if (r.fits.length > 0) out.push("", ...fits(r));
	for (const one of r.unavailable) {
		out.push("", labelled("Missing", `${one.part}: ${one.why}`));
		if (one.wouldHelp !== undefined) out.push(labelled("", `→ ${one.wouldHelp}`));
	}
	return out.join("\n");
}

function header(r: LayoutsVerifyResult, terminal: Terminal): string {
	const p = r.program;
	const parts = [
		terminal.style("bold", p.path),
		...(p.pid === undefined ? [] : [`pid ${p.pid}`]),
		p.goVersion,
		p.arch,
		p.stripped ? "stripped" : "symbols",
		p.dwarfBytes === 0 ? "no DWARF" : `DWARF ${bytes(p.dwarfBytes)}`,
	];
	return parts.join(" · ");
}

function use(r: LayoutsVerifyResult, terminal: Terminal): string[] {
	if (r.use !== undefined) {
		return [labelled("Use", terminal.style("bold", r.use.label)), labelled("", CERTAINTY[r.use.certainty])];
	}
	const candidates = r.table.layouts.length;
	if (r.unavailable.some((one) => one.part === "runtime") || candidates === 0) {
		return [labelled("Use", terminal.style("bold", "none: its runtime cannot be read"))];
	}
	return [labelled("Use", `one of ${count(candidates)} layouts: the process decides which fits`)];
}

function knows({ table }: LayoutsVerifyResult): string[] {
	const label = labelled("Table", "");
	if (table.knows === "unknown") return [`${label}nothing: ${table.why ?? ""}`];
	const [first = "", ...others] = table.layouts;
	const lines = [`${label}${first}`, ...others.map((one) => labelled("", one))];
	return table.why === undefined ? lines : [...lines, labelled("", `since ${table.why}`)];
}

function fits(r: LayoutsVerifyResult): string[] {
	return r.fits.map((one, i) => {
		const how = one.fits ? `fits, variables by ${one.variablesFrom ?? "structure"}` : "does not fit";
		return labelled(i === 0 ? "Process" : "", `${one.label}: ${how}`);
	});
}
