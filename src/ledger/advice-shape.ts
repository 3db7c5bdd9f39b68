import type { Parts } from "./groups.ts";
import { bytesWithin } from "./lines.ts";
import type { NextStep, VerdictFacts } from "./verdict-facts.ts";

/** What is said of one part when it dominates or grows. */
export interface Advice {
	/** names the part as the answer to "where did the memory go" */
	readonly headline: string;
	/** what stands behind the part's size: what of it is the largest */
	readonly detail?: string | undefined;
	/** what growth of this part means, as a sentence */
	readonly growing: string;
	readonly reasons: readonly string[];
	readonly change: readonly string[];
	readonly next: readonly NextStep[];
}

export type Adviser = (facts: VerdictFacts, parts: Parts) => Advice;

/** To look again over time; nothing where that was just done. */
export function watch(facts: VerdictFacts, says: string): NextStep[] {
	return facts.watched ? [] : [{ command: `gomem why ${facts.target} --every 10s --for 5m`, says }];
}

/** The mappings that a part stands for, each by itself. */
export function mapsOf(facts: VerdictFacts, owner: string, says: string): NextStep {
	return { command: `gomem maps ${facts.target} --owner ${owner}`, says };
}

/** Resident bytes of a line and of what is deeper. */
export function bytesOf({ ledger }: VerdictFacts, id: string): number {
	return bytesWithin(ledger.lines, id);
}
