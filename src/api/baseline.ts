import { readFileSync } from "node:fs";
import type { Target } from "../capture/target.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { LedgerPoint } from "../ledger/growth.ts";
import { makeLedger } from "../ledger/ledger.ts";
import { lineKind } from "../ledger/lines.ts";
import { GomemError } from "./errors.ts";
import { bundleError } from "./observe.ts";

/**
 * The readings of an earlier capture, or the one of a saved `why --json`. Throws GomemError where the file is neither.
 *
 * @param target what it is compared with: a process's names stand in for the pseudonyms that a capture has
 */
export async function readBaseline(path: string, target?: Target): Promise<LedgerPoint[]> {
	let text: string;
	try {
		const bytes = readFileSync(path);
		if (bytes[0] === 0x50 && bytes[1] === 0x4b)
			return await fromBundle(path, target?.kind === "process" ? target.pid : undefined);
		text = bytes.toString("utf8");
	} catch (error) {
		if (error instanceof GomemError) throw error;
		throw new GomemError({
			code: "baseline-unreadable",
			message: `the baseline ${path} cannot be read`,
			cause: error,
			hint: "give a file made by `gomem capture -o x.gomem` or `gomem why PID --json > x.json`",
		});
	}
	return [fromWhy(path, text)];
}

async function fromBundle(path: string, namesOf: number | undefined): Promise<LedgerPoint[]> {
	const bundle = await (await import("../capture/bundle-file.ts")).openBundle(path, { namesOf });
	if (isUnavailable(bundle)) throw bundleError(bundle);
	const points: LedgerPoint[] = [];
	for (let o = await bundle.next(); o !== undefined; o = await bundle.next()) {
		points.push({ at: o.reading.at, ledger: makeLedger(o.reading, o.runtime) });
	}
	return points;
}

interface SavedWhy {
	readonly schema?: unknown;
	readonly at?: unknown;
	readonly rssBytes?: unknown;
	readonly lines?: unknown;
}

function fromWhy(path: string, text: string): LedgerPoint {
	const bad = (why: string) =>
		new GomemError({
			code: "baseline-unreadable",
			message: `${path} is no baseline`,
			why,
			hint: "give a file made by `gomem capture -o x.gomem` or `gomem why PID --json > x.json`",
		});
	let saved: SavedWhy;
	try {
		saved = JSON.parse(text) as SavedWhy;
	} catch (error) {
		throw new GomemError({
			code: "baseline-unreadable",
			message: `${path} is no baseline`,
			cause: error,
			hint: "give a file made by `gomem capture -o x.gomem` or `gomem why PID --json > x.json`",
		});
	}
	if (saved.schema !== "gomem.why/1") throw bad(`its schema is ${JSON.stringify(saved.schema)}, not "gomem.why/1"`);
	const at = Date.parse(String(saved.at));
	if (!Number.isFinite(at) || typeof saved.rssBytes !== "number" || !Array.isArray(saved.lines))
		throw bad("at, rssBytes or lines is missing");
	const lines = saved.lines.flatMap((line: unknown) => {
		const { id, bytes } = (line ?? {}) as { id?: unknown; bytes?: unknown };
		if (typeof id !== "string" || typeof bytes !== "number") return [];
		const { what, source } = lineKind(id);
		return [{ id, bytes, what, source }];
	});
	return { at, ledger: { rssBytes: saved.rssBytes, lines } };
}
