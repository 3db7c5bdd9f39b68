import type { ProfileTreeResult } from "../../api/profile-tree.ts";
import type { Terminal } from "../terminal.ts";
import { render as renderTree } from "./profile-tree.ts";

/** Looks as tree does. */
export function render(result: ProfileTreeResult, terminal: Terminal): string {
	return renderTree(result, terminal);
}
render.verbatim = true as const;
