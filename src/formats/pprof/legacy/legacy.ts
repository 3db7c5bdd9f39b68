import { decodeUtf8 } from "../../../bytes/cursor.ts";
import { parseHeapTrailer } from "../../memstats/heap-trailer.ts";
import type { MemStatsReading } from "../../memstats/reading.ts";
import type { Profile } from "../model.ts";
import { countHeader, isContention, isThreads, readContention, readCounts, readThreads } from "./counts.ts";
import { isCpu, readCpu } from "./cpu.ts";
import type { LegacyDraft } from "./draft.ts";
import { isHeap, readHeap } from "./heap.ts";
import { isJava, readJava } from "./java.ts";
import { isSpaceOrComment, TextLines, textOf } from "./lines.ts";
import { isTraceback, readTraceback } from "./traceback.ts";

export type LegacyForm = "cpu" | "heap" | "count" | "threads" | "contention" | "java" | "goroutines";

export interface LegacyProfile {
	readonly form: LegacyForm;
	readonly profile: Profile;
	/** what stands below the records of Go's heap?debug=1 and allocs?debug=1 */
	readonly memStats?: MemStatsReading;
	/** the text is cut short, by what it says of itself: how that shows */
	readonly missing?: string;
}

export interface LegacyOptions {
	/**
	 * Whether the names, files and lines that Go writes below each stack, and the labels of goroutines, are read (default).
	 * `go tool pprof` does not: false gives what it has.
	 */
	readonly symbols?: boolean;
}

/** As many bytes as the comments before a heading may take: what comes after them says nothing of the form. */
export const HEADING_BYTES = 1 << 16;

/**
 * Which of the forms that came before profile.proto this is, by its first words or lines; undefined: none. The texts are those
 * of gperftools, of Go's debug=1 and debug=2, and of Java; the binary one is the CPU profile of gperftools and of Go up to 1.8.
 */
export function legacyForm(bytes: Uint8Array): LegacyForm | undefined {
	if (isCpu(bytes)) return "cpu";
	// the protobuf form begins with short messages of small numbers, which are no text
	if (bytes.subarray(0, 16).some((byte) => byte < 32 && (byte < 9 || byte > 13))) return undefined;
	const text = decodeUtf8(bytes.subarray(0, HEADING_BYTES));
	const lines = new TextLines(text);
	lines.scan();
	if (isHeap(lines.line)) return "heap";
	if (isJava(text)) return "java";
	if (isContention(lines.line)) return "contention";
	skipComments(lines);
	if (countHeader.test(lines.line)) return "count";
	if (isThreads(lines.line)) return "threads";
	return isTraceback(lines.line) ? "goroutines" : undefined;
}

function skipComments(lines: TextLines): void {
	while (isSpaceOrComment(lines.line) && lines.scan()) {
		// on
	}
}

/** Reads a profile of this form, to which `legacyForm` said it belongs. Throws ParseError where it does not hold to it. */
export function readLegacy(bytes: Uint8Array, form: LegacyForm, options: LegacyOptions = {}): LegacyProfile {
	if (form === "cpu") {
		const { draft, java } = readCpu(bytes);
		return { form, profile: draft.finish({ keepAddresses: !java }) };
	}
	const text = textOf(bytes);
	const lines = new TextLines(text);
	lines.scan();
	if (form === "java") return { form, profile: readJava(lines).finish({ keepAddresses: false }) };
	if (form === "count" || form === "threads" || form === "goroutines") skipComments(lines);
	if (form === "goroutines") {
		const cut = text.endsWith("\n") ? {} : { missing: "it ends in the middle of a line" };
		return { form, profile: readTraceback(lines), ...cut };
	}
	const readers = { heap: readHeap, count: readCounts, threads: readThreads, contention: readContention };
	const draft = readers[form](lines);
	if (options.symbols === false) forgetNames(draft);
	return {
		form,
		profile: draft.finish(),
		...(form === "heap" && text.includes("# runtime.MemStats") ? { memStats: parseHeapTrailer(text) } : {}),
		...(draft.missing === undefined ? {} : { missing: draft.missing }),
	};
}

function forgetNames(draft: LegacyDraft): void {
	draft.lines.fill(undefined);
	for (const [sample, labels] of draft.labels.entries()) {
		draft.labels[sample] = labels.filter(({ value }) => typeof value !== "string");
	}
}
