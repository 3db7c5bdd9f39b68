import type { WhyUrlResult } from "../../api/why-shape.ts";
import { bar, bytes, percent } from "../../figures/figures.ts";
import { align, clip } from "../table.ts";
import type { Terminal } from "../terminal.ts";

/** The upper half of `why URL`: the split of Sys, which is address space, in place of resident lines. */
export function obtainedLines(result: WhyUrlResult, terminal: Terminal): string[] {
	const { target, obtained, rssBytes } = result;
	const head = [
		terminal.style("bold", target.name),
		...(target.goVersion === undefined ? [] : [target.goVersion]),
		...(target.gogc === undefined ? [] : [`GOGC=${target.gogc}`]),
	];
	const rows = obtained.lines
		.filter((line) => line.bytes !== 0)
		.map((line) => {
			const share = obtained.sysBytes > 0 ? line.bytes / obtained.sysBytes : 0;
			return `  ${align(line.what, 52, false)}${align(bytes(line.bytes), 12, true)}${align(percent(share), 7, true)}  ${terminal.style("cyan", bar(share, 20))}`.trimEnd();
		});
	return [
		clip(head.join(" · "), terminal.columns),
		"",
		`  Sys ${terminal.style("bold", bytes(obtained.sysBytes))}: address space that Go obtained. What is resident a URL does not tell.`,
		...(rssBytes === undefined
			? []
			: [
					`  RSS ${terminal.style("bold", bytes(rssBytes))} by process_resident_memory_bytes; Go's part of it at most ${bytes(obtained.backedBytes)}`,
				]),
		"",
		...rows,
	];
}
