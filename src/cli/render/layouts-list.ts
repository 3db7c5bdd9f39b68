import type { LayoutsResult } from "../../api/layouts.ts";
import type { Terminal } from "../terminal.ts";
import { render as renderLayouts } from "./layouts.ts";

export function render(r: LayoutsResult, terminal: Terminal): string {
	return renderLayouts(r, terminal);
}
