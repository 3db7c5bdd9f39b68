import type { LayoutsResult } from "../../api/layouts.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

/** A row per minor release and architecture, then what was added. */
export function render(r: LayoutsResult, terminal: Terminal): string {
	const rows = r.minors.map((one) => [
		`go${one.minor}`,
		one.arch,
		range(one.releases),
		one.experiments.length === 0 ? "" : one.experiments.join(" · "),
	]);
	const columns = [{ head: "release" }, { head: "arch" }, { head: "patch releases" }, { head: "with GOEXPERIMENT" }];
	const out =
		rows.length === 0 ? ["gomem brings no layouts of that architecture"] : [table(columns, rows, terminal.columns)];
	out.push("", added(r, terminal));
	for (const one of r.unavailable) {
		out.push(
			"",
			`Missing   ${one.part}: ${one.why}`,
			...(one.wouldHelp === undefined ? [] : [`          → ${one.wouldHelp}`]),
		);
	}
	out.push(
		"",
		terminal.style("dim", "Next      gomem layouts verify TARGET    which of them a program or process is read with"),
	);
	return out.join("\n");
}

function added(r: LayoutsResult, terminal: Terminal): string {
	if (r.added.length === 0) return `Added     none (${r.folder})`;
	const rows = r.added.map((one) => [one.goVersion, one.arch, one.from, one.path]);
	const columns = [{ head: "added" }, { head: "arch" }, { head: "from" }, { head: "file" }];
	return table(columns, rows, terminal.columns);
}

/** "1.26.0–1.26.8": between two that were read the layouts are known as well, where they are equal. */
function range(releases: readonly string[]): string {
	const first = releases[0] ?? "";
	const last = releases.at(-1) ?? "";
	return first === last ? first : `${first}–${last}`;
}
