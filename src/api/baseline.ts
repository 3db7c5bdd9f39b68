import { readFileSync } from "node:fs";
import type { Target } from "../capture/target.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { LedgerPoint } from "../ledger/growth.ts";
import { type ProcessIdentity, sameProgram } from "../ledger/identity.ts";
import { lineKind } from "../ledger/lines.ts";
import { GomemError } from "./errors.ts";
import { bundleError } from "./observe.ts";
import { pointOf } from "./why-point.ts";

const HINT = "give a file made by `gomem capture -o x.gomem` or `gomem why PID --json > x.json`";

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
			hint: HINT,
		});
	}
	return [fromWhy(path, text)];
}

/** Throws GomemError where the baseline is of another program than what it is compared with. */
export function refuseOtherProgram(path: string, points: readonly LedgerPoint[], present: LedgerPoint): void {
	for (const { process } of points) {
		if (process === undefined || present.process === undefined || sameProgram(process, present.process)) continue;
		const [was, is] = [programName(process), programName(present.process)];
		throw new GomemError({
			code: "baseline-other-program",
			message: `the baseline ${path} is of another program`,
			why: `it is of ${was}, and this is ${is}`,
			hint: "give a baseline of the same program: its memory does not grow into another's",
		});
	}
}

function programName({ exe, name, module }: ProcessIdentity): string {
	return `${exe === "" ? name : exe}${module === undefined ? "" : ` (${module})`}`;
}

async function fromBundle(path: string, namesOf: number | undefined): Promise<LedgerPoint[]> {
	const bundle = await (await import("../capture/bundle-file.ts")).openBundle(path, { namesOf });
	if (isUnavailable(bundle)) throw bundleError(bundle);
	const points: LedgerPoint[] = [];
	for (let o = await bundle.next(); o !== undefined; o = await bundle.next()) {
		points.push({ ...pointOf(o), baseline: true });
	}
	return points;
}

type Saved = Readonly<Record<string, unknown>>;

function fromWhy(path: string, text: string): LedgerPoint {
	const saved = parsed(path, text);
	if (saved["schema"] !== "gomem.why/1")
		throw noBaseline(path, `its schema is ${JSON.stringify(saved["schema"])}, not "gomem.why/1"`);
	if (saved["obtained"] !== undefined)
		throw noBaseline(path, "it was read from a URL, which does not tell what is resident");
	const at = Date.parse(String(saved["at"]));
	const { rssBytes, lines, runtime, unavailable } = saved;
	if (!Number.isFinite(at) || typeof rssBytes !== "number" || !Array.isArray(lines))
		throw noBaseline(path, "at, rssBytes or lines is missing");
	const read = lines.flatMap((line: unknown) => {
		const { id, bytes } = record(line);
		if (typeof id !== "string" || typeof bytes !== "number") return [];
		const { what, source } = lineKind(id);
		return [{ id, bytes, what, source }];
	});
	const numGc = record(runtime)["numGC"];
	const process = savedProcess(record(saved["target"]), at);
	return {
		at,
		baseline: true,
		ledger: { rssBytes, lines: read },
		...(process === undefined ? {} : { process }),
		...(typeof numGc === "number" ? { numGc } : {}),
		...(runtime === undefined ? { lacks: savedProblem(unavailable) } : {}),
	};
}

function parsed(path: string, text: string): Saved {
	try {
		return record(JSON.parse(text));
	} catch (error) {
		throw noBaseline(path, undefined, error);
	}
}

function record(value: unknown): Saved {
	return typeof value === "object" && value !== null ? (value as Saved) : {};
}

/** Undefined where the file does not say which process it is of. */
function savedProcess(target: Saved, at: number): ProcessIdentity | undefined {
	const { pid, name, exe, module, uptimeSeconds } = target;
	if (typeof name !== "string" || typeof exe !== "string") return undefined;
	return {
		pid: typeof pid === "number" ? pid : undefined,
		name,
		exe,
		module: typeof module === "string" ? module : undefined,
		startedAt: typeof uptimeSeconds === "number" ? at - uptimeSeconds * 1000 : undefined,
	};
}

/** Of the parts that could not be read, why the first could not. */
function savedProblem(unavailable: unknown): string | undefined {
	const { why } = record(Array.isArray(unavailable) ? unavailable[0] : undefined);
	return typeof why === "string" ? why : undefined;
}

function noBaseline(path: string, why: string | undefined, cause?: unknown): GomemError {
	return new GomemError({
		code: "baseline-unreadable",
		message: `${path} is no baseline`,
		...(why === undefined ? {} : { why }),
		...(cause === undefined ? {} : { cause }),
		hint: HINT,
	});
}
