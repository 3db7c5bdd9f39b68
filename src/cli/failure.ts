import { errorDocument, type GomemError } from "../api/errors.ts";
import { visibleText, write, writeError } from "./output.ts";
import { terminalFor } from "./terminal.ts";

export interface FailureForm {
	readonly json: boolean;
	readonly debug: boolean;
	readonly color: "auto" | "always" | "never";
}

/** Tells the user of a failure: three short lines (what, why, what to do) on standard error, or a JSON document. */
export async function printFailure(error: GomemError, form: FailureForm): Promise<void> {
	if (form.json) await write(`${JSON.stringify(errorDocument(error))}\n`);
	else writeError(visibleText(failureText(error, form)));
	if (form.debug) writeError(visibleText(`${stacks(error)}\n`));
}

function failureText(error: GomemError, form: FailureForm): string {
	const terminal = terminalFor(process.stderr, form.color, process.env);
	const lines = [`${terminal.style(["bold", "red"], "gomem:")} ${error.message}`];
	if (error.why) lines.push(`  ${error.why}`);
	if (error.hint) lines.push(`  ${terminal.style("dim", "→")} ${error.hint}`);
	return `${lines.join("\n")}\n`;
}

function stacks(error: unknown, depth = 0): string {
	if (!(error instanceof Error)) return String(error);
	const own = error.stack ?? error.message;
	return error.cause === undefined || depth > 8 ? own : `${own}\ncaused by: ${stacks(error.cause, depth + 1)}`;
}
