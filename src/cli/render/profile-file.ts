import type { ProfileArtifactResult } from "../../api/profile-artifact.ts";
import { bytes } from "../../figures/figures.ts";
import { visibleStrings } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { headLines } from "./profile-figures.ts";

/** Where a report was written, and of what it is. */
export function fileText(result: ProfileArtifactResult, terminal: Terminal, next?: string): string {
	const size = result.bytes === undefined ? "" : `   ${bytes(result.bytes)}`;
	const out = headLines(result, terminal);
	if (result.file === "-") out.push("", `standard output${size}`);
	else if (result.file !== undefined) {
		out.push("", `${terminal.style("bold", visibleStrings(result.file))}${size}   readable by its owner only`);
		if (next !== undefined) out.push(`Next      ${next}`);
	}
	return out.join("\n");
}
