import { type Uint64Column, uint64Hex } from "./columns.ts";

export interface Finding {
	/** "broken": no Profile may be so, whoever made it. "odd": readable, but not as profile.proto asks or as it can be meant. */
	readonly severity: "broken" | "odd";
	/** what is wrong, the same words for each row: "a sample without locations" */
	readonly what: string;
	/** how many rows have it */
	readonly count: number;
	/** the first of them, "sample 12: …" */
	readonly first: string;
}

/** Gathers findings by what is wrong: a list of a million rows helps nobody. */
export class Findings {
	readonly #byWhat = new Map<string, { severity: Finding["severity"]; count: number; first: string }>();

	add(severity: Finding["severity"], what: string, first: string): void {
		const known = this.#byWhat.get(what);
		if (known === undefined) this.#byWhat.set(what, { severity, count: 1, first });
		else known.count++;
	}

	list(): Finding[] {
		return Array.from(this.#byWhat, ([what, finding]) => ({ what, ...finding }));
	}
}

/** An address for a finding. */
export function addressText(column: Uint64Column, row: number): string {
	return `0x${uint64Hex(column, row)}`;
}
