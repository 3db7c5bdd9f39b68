/** The contract of a check, written with the first one. */
export const contractFile = "src/checks/check.ts";

/** The files of a new check: a share of a whole against a threshold and an absolute size. */
export function checkFiles(id: string): Readonly<Record<string, string>> {
	return {
		[contractFile]: CONTRACT,
		[`src/checks/${id}.ts`]: `import { defineCheck, unavailable } from "./check.ts";

export interface Evidence {
	/** absent where it could not be read */
	readonly bytes?: number;
	readonly wholeBytes: number;
}

export const check = defineCheck({
	id: "${id}",
	asks: "what ${id} asks, in a line",
	thresholds: { warnShare: 0.25, minBytes: 64 * 2 ** 20 },
	judge(evidence: Evidence, { warnShare, minBytes }) {
		if (evidence.bytes === undefined) return unavailable("the figure could not be read", "what would make it available");
		const figure = evidence.wholeBytes === 0 ? 0 : evidence.bytes / evidence.wholeBytes;
		// no ratio fires alone: it also needs an absolute size
		return { verdict: figure > warnShare && evidence.bytes >= minBytes ? "warn" : "pass", figure };
	},
});
`,
		[`src/checks/${id}.test.ts`]: `import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./${id}.ts";

const MiB = 2 ** 20;

test("${id}: fires on a large share of a large whole", () => {
	assert.equal(check.judge({ bytes: 300 * MiB, wholeBytes: 1000 * MiB }, check.thresholds).verdict, "warn");
});

test("${id}: stays silent where the share or the size is small", () => {
	assert.equal(check.judge({ bytes: 200 * MiB, wholeBytes: 1000 * MiB }, check.thresholds).verdict, "pass");
	assert.equal(check.judge({ bytes: 3 * MiB, wholeBytes: 4 * MiB }, check.thresholds).verdict, "pass");
});

test("${id}: says what is missing", () => {
	assert.equal(check.judge({ wholeBytes: 4 * MiB }, check.thresholds).verdict, "unavailable");
});
`,
	};
}

const CONTRACT = `/** What a check found. \`unavailable\` is not a pass: it says why, and what would make the evidence available. */
export type Finding =
	| { readonly verdict: "pass" | "warn" | "fail"; readonly figure: number }
	| { readonly verdict: "not-applicable"; readonly why: string }
	| { readonly verdict: "unavailable"; readonly why: string; readonly wouldHelp: string };

/** One check of the preflight: a pure judgement over evidence. The id is the name of its file. */
export interface Check<E, T> {
	readonly id: string;
	/** the question it answers, one line */
	readonly asks: string;
	/** defaults; gomem.toml may set others */
	readonly thresholds: T;
	judge(evidence: E, thresholds: T): Finding;
}

export function defineCheck<E, T extends Readonly<Record<string, number>>>(check: Check<E, T>): Check<E, T> {
	return check;
}

export function unavailable(why: string, wouldHelp: string): Finding {
	return { verdict: "unavailable", why, wouldHelp };
}
`;
