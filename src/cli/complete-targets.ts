import { goProcesses } from "../capture/go-processes.ts";
import { visibleText } from "./output.ts";

/** Completion waits for this: what is not found by then is not offered. */
const LONGEST_MS = 250;

/**
 * The hidden command `gomem __complete`, which completion scripts call for a TARGET: `pid<tab>name`, and `name<tab>pid` for
 * names that one process has, a line each. It loads neither commander nor TypeBox, and says nothing of what it may not
 * look at.
 */
export function completeTargets(): string {
	// a space or a colon would end the word, or the description, in some shell
	const found = goProcesses(LONGEST_MS).map(({ pid, name }) => ({
		pid,
		name: visibleText(name).replace(/[\s:]/g, "_"),
	}));
	const times = new Map<string, number>();
	for (const { name } of found) times.set(name, (times.get(name) ?? 0) + 1);
	const plain = found.filter(({ name }) => times.get(name) === 1 && /^[\w.@+-]*[A-Za-z][\w.@+-]*$/.test(name));
	return [
		...found.map(({ pid, name }) => `${pid}\t${name}\n`),
		...plain.map(({ pid, name }) => `${name}\tpid ${pid}\n`),
	].join("");
}
