import { statSync } from "node:fs";
import { type Static, Type } from "typebox";
import { readBundleFile } from "../capture/bundle-file.ts";
import { ProcessEnded } from "../capture/process.ts";
import { type RecordedParts, RecordedProcess } from "../capture/record.ts";
import { nodeCodec } from "../capture/record-codec.ts";
import { type Bundle, writeBundle } from "../evidence/bundle/bundle.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { Reading } from "../evidence/reading.ts";
import { GomemError } from "./errors.ts";
import { bundleError, endedError, notOpened, targetOf } from "./observe.ts";
import {
	ByteCount,
	beats,
	Count,
	Duration,
	defineOperation,
	Milliseconds,
	type OperationContext,
	pauseInput,
} from "./operation.ts";
import { ProcessSummary } from "./shapes.ts";
import { processSummary } from "./summaries.ts";
import { version } from "./version.gen.ts";

const Part = Type.Object({
	id: Type.String({ description: "smaps, pagemap, runtime-memory, goroutines …" }),
	bytes: Type.Optional(ByteCount({ description: "as read, in all readings of this capture" })),
	unavailable: Type.Optional(
		Type.String({ description: "why it could not be read, in the last reading where that was so" }),
	),
	wouldHelp: Type.Optional(Type.String()),
});

const result = Type.Object({
	target: ProcessSummary,
	file: Type.String({ description: "- is standard output" }),
	bytes: ByteCount({ description: "size of the file" }),
	readings: Count({ description: "in the file, those of earlier captures among them" }),
	added: Count({ description: "by this capture" }),
	parts: Type.Array(Part),
	redacted: Type.Array(Type.String(), {
		description: "what was left out or replaced by pseudonyms; empty with --full",
	}),
	cost: Type.Object({
		wallMs: Milliseconds({}),
		pausedMs: Milliseconds({ description: "how long the process stood still, all readings together" }),
		bytesRead: ByteCount({}),
	}),
});

export type CaptureResult = Static<typeof result>;

/** A bundle is kept in memory, deflated, until it is written: beyond this a capture ends early. */
const MAX_BUNDLE_BYTES = 512 * 2 ** 20;
/** Some 5,000 readings fill the entries of a zip. */
const MAX_READINGS = 4000;

export const operation = defineOperation({
	name: "capture",
	summary: "Save a process's memory evidence to a file that every command reads",
	description:
		"What `why`, `memstats` and `stacks` need to know of a process, as a .gomem file to replay, compare with or attach to a " +
		"ticket. It holds no contents of the heap or of stacks; names of folders and data files are pseudonyms unless --full. " +
		"Without -o the file is NAME-PID-TIME.gomem.",
	group: "Keep and compare",
	kind: "artifact",
	effect: "read",
	target: "required",
	input: Type.Object({
		pause: pauseInput,
		every: Type.Optional(Duration({ description: "take a reading this often (100ms at least), until stopped" })),
		for: Type.Optional(Duration({ description: "stop after this long" })),
		append: Type.Boolean({ description: "add readings to the file of -o, if it is of this process", default: false }),
		force: Type.Boolean({ description: "replace the file of -o", default: false }),
		full: Type.Boolean({ description: "keep paths, the command line and all build settings", default: false }),
	}),
	result,
	examples: [
		{ command: "gomem capture 4242 -o x.gomem", says: "one reading; then: gomem why x.gomem" },
		{ command: "gomem capture :8080 --pause", says: "exact numbers, to a file named after process and time" },
		{ command: "gomem capture 4242 -o x.gomem --every 30s --for 1h", says: "an hour, to see what grows" },
		{ command: "gomem capture 4242 -o x.gomem --append", says: "another reading of the same process to the same file" },
	],
	async run(ctx, input) {
		const target = targetOf(input.target);
		if (target.kind !== "process") {
			throw new GomemError({
				code: "target-not-capturable",
				message: `${input.target} is no process`,
				...(target.kind === "core" ? { why: "a core holds what a capture would, and more" } : {}),
				hint:
					target.kind === "bundle" || target.kind === "core"
						? "it is a file already: every command reads it as it is"
						: "give a pid, a name or a :port of a process here",
			});
		}
		const before = earlier(ctx, input.append, input.force);
		const recorded = await RecordedProcess.open(target.pid, {
			pauseMs: input.pause,
			full: input.full,
			tool: { name: "gomem", version },
		});
		if (isUnavailable(recorded)) throw notOpened(recorded);
		using process = recorded;
		if (before !== undefined) checkSame(process, before, ctx.output ?? "");
		const again = input.every !== undefined || input.for !== undefined;
		const taken = await take(again ? forAWhile(ctx, input.for) : once(), process, before, ctx);
		const file = ctx.output ?? fileName(taken.last);
		const pieces = await writeBundle(taken.bundle, nodeCodec);
		return {
			mediaType: "application/vnd.gomem+zip",
			fileName: file,
			bytes: pieces,
			existing: input.append || input.force ? "replace" : "keep",
			result: {
				target: processSummary(taken.last),
				file,
				bytes: pieces.reduce((n, piece) => n + piece.length, 0),
				readings: taken.bundle.manifest.readings.length,
				added: taken.added,
				parts: taken.parts,
				redacted: [...taken.redacted],
				cost: taken.cost,
			},
		};
	},
});

/** The bundle that readings are added to. Throws where the output is not to be written, before anything is read. */
function earlier(ctx: OperationContext, append: boolean, force: boolean): Bundle | undefined {
	const { output } = ctx;
	if (append && (output === undefined || output === "-")) {
		throw new GomemError({
			code: "invalid-input",
			message: "--append needs the file to add to",
			hint: "name it with -o FILE",
		});
	}
	if (output === undefined || output === "-" || force || !isFile(output)) return undefined;
	if (!append) {
		throw new GomemError({
			code: "output-exists",
			message: `there is a file ${output} already`,
			hint: "--append adds readings to it, --force replaces it; or name another with -o",
		});
	}
	const bundle = readBundleFile(output);
	if (isUnavailable(bundle)) throw bundleError(bundle);
	return bundle;
}

function isFile(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function checkSame(process: RecordedProcess, bundle: Bundle, file: string): void {
	const why = process.otherThan(bundle);
	if (why === undefined) return;
	throw new GomemError({
		code: "bundle-of-another-process",
		message: `${file} is not a capture of this process`,
		why,
		hint: "name another file with -o",
	});
}

interface Taken extends Pick<CaptureResult, "parts" | "cost"> {
	readonly bundle: Bundle;
	readonly last: Reading;
	readonly added: number;
	readonly redacted: readonly string[];
}

/** Takes readings, one per beat. What was taken counts even where the process then ends. */
async function take(
	pulse: AsyncIterable<unknown>,
	process: RecordedProcess,
	before: Bundle | undefined,
	ctx: OperationContext,
): Promise<Taken> {
	let bundle = before;
	let last: Reading | undefined;
	let added = 0;
	const parts = new Map<string, CaptureResult["parts"][number]>();
	const redacted = new Set<string>();
	const cost = { wallMs: 0, pausedMs: 0, bytesRead: 0 };
	for await (const _ of pulse) {
		const recorded = await record(process, bundle, last !== undefined, ctx);
		if (recorded === undefined) break;
		bundle = recorded.bundle;
		last = recorded.reading;
		added++;
		addParts(parts, recorded.parts);
		for (const what of recorded.redacted) redacted.add(what);
		cost.wallMs += Math.round(last.cost.wallMs);
		cost.pausedMs += Math.round(last.cost.pausedMs);
		cost.bytesRead += last.cost.bytesRead;
		ctx.progress({ what: `reading ${added}`, done: added });
		if (isFull(bundle)) {
			ctx.warn("the capture ends here, it is as large as one may be");
			break;
		}
	}
	if (bundle === undefined || last === undefined)
		throw new GomemError({ code: "interrupted", message: "interrupted before a reading was taken" });
	return { bundle, last, added, parts: [...parts.values()], redacted: [...redacted], cost };
}

async function record(
	process: RecordedProcess,
	bundle: Bundle | undefined,
	any: boolean,
	ctx: OperationContext,
): Promise<({ bundle: Bundle } & RecordedParts) | undefined> {
	try {
		return await process.record(bundle);
	} catch (error) {
		if (!(error instanceof ProcessEnded)) throw error;
		if (!any) throw endedError(error);
		ctx.warn(`${error.message}: the readings before are kept`);
		return undefined;
	}
}

function addParts(into: Map<string, CaptureResult["parts"][number]>, parts: RecordedParts["parts"]): void {
	for (const part of parts) {
		const sum = into.get(part.id) ?? { id: part.id };
		if ("bytes" in part) sum.bytes = (sum.bytes ?? 0) + part.bytes;
		else {
			sum.unavailable = part.unavailable;
			if (part.wouldHelp !== undefined) sum.wouldHelp = part.wouldHelp;
		}
		into.set(part.id, sum);
	}
}

function isFull(bundle: Bundle): boolean {
	let bytes = 0;
	for (const entry of bundle.files.values()) bytes += entry.packed.length;
	return bytes > MAX_BUNDLE_BYTES || bundle.manifest.readings.length >= MAX_READINGS;
}

async function* once(): AsyncGenerator<void> {
	yield;
}

/** Beats until the time is over or the user stops it: both are how a capture ends, and what was taken is written. */
async function* forAWhile(ctx: OperationContext, forMs: number | undefined): AsyncGenerator<void> {
	const over = new AbortController();
	const signal = AbortSignal.any([ctx.signal, over.signal]);
	if (forMs !== undefined) void ctx.clock.sleep(forMs, signal).then(() => over.abort());
	try {
		for await (const _ of beats({ ...ctx, signal })) yield;
	} finally {
		over.abort();
	}
}

function fileName(reading: Reading): string {
	const name = reading.stat.comm.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^[.-]+/, "");
	const time = new Date(reading.at)
		.toISOString()
		.replace(/\.\d+Z$/, "Z")
		.replace(/[-:]/g, "");
	return `${name === "" ? "process" : name}-${reading.pid}-${time}.gomem`;
}
