import { parseExpvar } from "./expvar.ts";
import { parseHeapTrailer } from "./heap-trailer.ts";
import { readLogLines } from "./log-lines.ts";
import { parsePrometheus } from "./prometheus.ts";
import type { MemStatsReading } from "./reading.ts";

export type MemStatsForm = MemStatsReading["source"];

/** Which of the text forms a text is; a log is what none of the others is. */
export function memStatsForm(text: string): MemStatsForm {
	if (/^\s{0,64}\{\s{0,64}"/.test(text) && /"HeapSys"\s{0,4}:/.test(text) && /"BySize"\s{0,4}:/.test(text))
		return "expvar";
	if (text.includes("\n# runtime.MemStats\n")) return "heap-debug1";
	if (/^(?:go_memstats_[a-z_]+|process_resident_memory_bytes)[{ ]/m.test(text)) return "prometheus";
	return "log";
}

/** The readings of a text in whichever form it is; a long log is better read by readLogLines. Throws ParseError. */
export function parseMemStats(text: string): MemStatsReading[] {
	switch (memStatsForm(text)) {
		case "expvar":
			return [parseExpvar(text)];
		case "heap-debug1":
			return [parseHeapTrailer(text)];
		case "prometheus":
			return parsePrometheus(text);
		case "log":
			return [...readLogLines(text)];
	}
}
