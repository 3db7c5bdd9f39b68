import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { operation } from "../api/profile-svg.ts";
import { executeOperation, type Form } from "./execute.ts";
import { visibleText, writeError } from "./output.ts";

/** `gomem profile web SOURCE...`: the call graph in a file of its own, and in the browser. */
export async function profileWeb(argv: readonly string[]): Promise<number> {
	const file = join(mkdtempSync(join(tmpdir(), "gomem-")), "profile.svg");
	const form: Form = { json: false, color: "auto" };
	const named = argv.some((word) => /^(?:-o|--output)(?:=|$)/.test(word));
	const asked = argv.some((word) => word === "--help" || word === "-h");
	const words = argv.filter((word) => word !== "--no-browser");
	const code = await executeOperation(operation, named || asked ? words : [...words, "-o", file], form);
	if (code === 0 && !named && !asked && words.length === argv.length) openInBrowser(file);
	return code;
}

/** Opens a file or a URL where there is a display; else says so. */
export function openInBrowser(what: string): void {
	if (!hasDisplay()) {
		writeError(visibleText(`gomem: there is no display here: open ${what}\n`));
		return;
	}
	const child = spawn("xdg-open", [what], { detached: true, stdio: "ignore" });
	child.on("error", () => writeError(visibleText(`gomem: no browser could be started (xdg-open): open ${what}\n`)));
	child.unref();
}

export function hasDisplay(): boolean {
	return Boolean(process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"]);
}
