import { ParseError } from "../bytes/parse-error.ts";
import { openLog } from "../capture/log.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { parseMemStats } from "../formats/memstats/detect.ts";
import { readLogLine } from "../formats/memstats/log-lines.ts";
import type { MemStatsReading } from "../formats/memstats/reading.ts";
import { GomemError } from "./errors.ts";
import { type MemStatsSource, takenFromText } from "./memstats-reading.ts";
import { missingFrom } from "./memstats-url.ts";

export interface LogSource extends MemStatsSource {
	/** lines so far that held no MemStats */
	readonly skipped: number;
}

/** Every line that can hold a field has one of these in it; the rest of a log is passed over quickly. */
const HINT = /alloc|heap|stack[-_]?(?:inuse|sys)|gc|mspan|mcache|buck|sys|pause/i;

/** The readings in a file or in standard input (`-`): a saved page, or lines of a log, as they come. Throws GomemError. */
export async function openLogSource(path: string, signal: AbortSignal): Promise<LogSource> {
	const text = await openLog(path, signal);
	const name = path === "-" ? "standard input" : path;
	if (isUnavailable(text))
		throw new GomemError({
			code: "file-unreadable",
			message: text.unavailable,
			hint: "name a file that can be read, or - for standard input",
		});
	const state = { skipped: 0 };
	const readings = "page" in text ? pageReadings(text.page, name) : lineReadings(text.lines, state);
	const iterator = readings[Symbol.asyncIterator]();
	return {
		live: false,
		get skipped() {
			return state.skipped;
		},
		close: () => void iterator.return?.(undefined),
		async next() {
			const { value, done } = await iterator.next();
			if (done === true) return undefined;
			return takenFromText(value, undefined, { target: name, how: HOW[value.source], unavailable: missingFrom(value) });
		},
	};
}

const HOW: Readonly<Record<MemStatsReading["source"], string>> = {
	expvar: "a saved page of expvar",
	"heap-debug1": "a saved page of heap?debug=1",
	prometheus: "a saved page of Prometheus metrics",
	log: "what the program logged",
};

async function* lineReadings(
	lines: AsyncIterable<string>,
	state: { skipped: number },
): AsyncGenerator<MemStatsReading> {
	for await (const line of lines) {
		const reading = HINT.test(line) ? readLogLine(line) : undefined;
		if (reading === undefined) state.skipped++;
		else yield reading;
	}
}

async function* pageReadings(page: string, name: string): AsyncGenerator<MemStatsReading> {
	try {
		yield* parseMemStats(page);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		throw new GomemError({
			code: "file-unreadable",
			message: `${name} holds no MemStats that can be read`,
			cause: error,
		});
	}
}
