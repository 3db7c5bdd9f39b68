import { createContext, runInContext } from "node:vm";
import type { GoroutineStacks, StackFrame } from "../evidence/stacks.ts";
import { GomemError } from "./errors.ts";

/** Longest pattern, and how long it may take over all names together; some patterns take for ever over some names. */
const MAX_PATTERN = 512;
const MATCH_MS = 1000;

/**
 * The frames whose function or file matches a regular expression. It is applied once to each distinct name, in a context
 * of its own, so that an expression that backtracks without end is stopped. Throws GomemError for a pattern that is none,
 * or too slow.
 */
export function frameMatcher(s: GoroutineStacks, pattern: string): (frame: StackFrame) => boolean {
	if (pattern.length > MAX_PATTERN) {
		throw new GomemError({ code: "pattern-invalid", message: `the pattern is longer than ${MAX_PATTERN} characters` });
	}
	const names = [...new Set(s.symbols.flatMap((frames) => frames.flatMap((f) => [f.function, f.file])))];
	const matched = new Set(matching(names, pattern));
	return (frame) => matched.has(frame.function) || matched.has(frame.file);
}

function matching(names: readonly string[], pattern: string): string[] {
	const context = createContext({ text: names.join("\0"), pattern });
	const code = "const re = new RegExp(pattern); text.split('\\0').map((name) => (re.test(name) ? '1' : '0')).join('')";
	try {
		const bits = String(runInContext(code, context, { timeout: MATCH_MS }));
		return names.filter((_, i) => bits[i] === "1");
	} catch (error) {
		const slow = (error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
		throw new GomemError({
			code: slow ? "pattern-too-slow" : "pattern-invalid",
			message: slow
				? `the pattern took longer than ${MATCH_MS} ms`
				: `${JSON.stringify(pattern)} is no regular expression`,
			hint: slow
				? "a pattern without nested repetition, such as a part of the function's name"
				: "JavaScript's syntax, as in ^main\\.",
			cause: error,
		});
	}
}
