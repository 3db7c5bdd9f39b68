import { readFileSync, statSync } from "node:fs";
import { ParseError } from "../bytes/parse-error.ts";
import { type Bundle, readBundle, readPart } from "../evidence/bundle/bundle.ts";
import { NewerBundle } from "../evidence/bundle/manifest.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { Reading } from "../evidence/reading.ts";
import { type RecordedReading, readRecording } from "../evidence/reading-parts-read.ts";
import { Redactor } from "../evidence/redaction.ts";
import { viewOfRecording } from "../goruntime/attach.ts";
import { type RuntimeState, readRuntime } from "../goruntime/runtime-state.ts";
import { readProcLink } from "./linux/proc-files.ts";
import { errnoOf } from "./linux/system-error.ts";
import { readMaps } from "./mappings.ts";
import type { Observation } from "./process.ts";
import { nodeCodec } from "./record-codec.ts";
import { pseudonymOf } from "./record-pseudonyms.ts";
import { standardInput } from "./standard-input.ts";

/** Why a file cannot be replayed. */
export interface BundleProblem extends Unavailable {
	/** bundle-unreadable: no bundle, cut off, damaged · bundle-newer: made by a newer gomem · bundle-empty: no reading in it can be used */
	readonly code: "bundle-unreadable" | "bundle-newer" | "bundle-empty";
}

/** A zip without zip64 ends here, and so does what Node reads into one buffer. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** Reads a bundle file; its parts stay packed. "-" is what was read of standard input, to see that it is one. */
export function readBundleFile(path: string): Bundle | BundleProblem {
	const name = path === "-" ? "standard input" : path;
	const other = "give another copy of the file, or capture again: `gomem capture PID -o x.gomem`";
	try {
		if (path !== "-" && statSync(path).size > MAX_FILE_BYTES)
			return { code: "bundle-unreadable", unavailable: `${path} is larger than a capture can be`, wouldHelp: other };
		return readBundle(path === "-" ? standardInput().whole : readFileSync(path), { codec: nodeCodec });
	} catch (error) {
		if (error instanceof NewerBundle) {
			return {
				code: "bundle-newer",
				unavailable: `${name} was captured by a newer gomem: ${error.message}`,
				wouldHelp: "use that gomem, or a later one",
			};
		}
		if (error instanceof ParseError) {
			return {
				code: "bundle-unreadable",
				unavailable: `${name} is no capture, or damaged: ${error.message}`,
				wouldHelp: other,
			};
		}
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return {
			code: "bundle-unreadable",
			unavailable: `${name} cannot be read (${errno})`,
			wouldHelp: "check the path and who may read it",
		};
	}
}

export interface ReplayOptions {
	/**
	 * A process of this machine with which the capture is compared: names that the capture has as pseudonyms are taken from
	 * what this process has mapped, where they are the same.
	 */
	readonly namesOf?: number | undefined;
}

/** The readings of a bundle, oldest first, each decoded when it is asked for: one is held at a time. */
export interface OpenBundle {
	readonly bundle: Bundle;
	/** undefined after the last one */
	next(): Promise<Observation | undefined>;
}

/** Opens a bundle for replay. Readings that cannot be used are left out, which the others' `unavailable` says. */
export async function openBundle(path: string, options: ReplayOptions = {}): Promise<OpenBundle | BundleProblem> {
	const bundle = readBundleFile(path);
	if (isUnavailable(bundle)) return bundle;
	const names = options.namesOf === undefined ? undefined : liveNames(options.namesOf);
	const lost: (Unavailable & { readonly part: string })[] = [];
	const ids = bundle.manifest.readings.map((reading) => reading.id);
	const next = async () => {
		for (let id = ids.shift(); id !== undefined; id = ids.shift()) {
			const recorded = await usable(bundle, id);
			if (!isUnavailable(recorded)) return replay(recorded, names, lost);
			lost.push({ part: `reading ${id}`, ...recorded });
		}
		return undefined;
	};
	// the first one now, so that a file without any is told when it is opened
	let first = await next();
	if (first === undefined) {
		const why = lost.map((one) => `${one.part}: ${one.unavailable}`).join("; ");
		return {
			code: "bundle-empty",
			unavailable: `${path === "-" ? "standard input" : path} holds no reading that can be used${why === "" ? "" : ` (${why})`}`,
			wouldHelp: "capture again: `gomem capture PID -o x.gomem`",
		};
	}
	return {
		bundle,
		async next() {
			const now = first ?? (await next());
			first = undefined;
			return now;
		},
	};
}

/** The bytes of the heap profile of each reading, oldest first. Nothing else of a reading is unpacked or decoded. */
export function heapProfilesIn(bundle: Bundle): readonly NonNullable<Observation["heapProfile"]>[] {
	return bundle.manifest.readings.map(({ id }) => async () => {
		const part = await readPart(bundle, "heap-profile", id, nodeCodec);
		return isUnavailable(part) ? part : part.content;
	});
}

async function usable(bundle: Bundle, id: string): Promise<RecordedReading | Unavailable> {
	try {
		return await readRecording(bundle, id, nodeCodec);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: error.message };
	}
}

/** Decodes what was recorded of the runtime, as a live one is decoded. */
async function replay(
	recorded: RecordedReading,
	names: Names | undefined,
	lost: Reading["unavailable"],
): Promise<Observation> {
	const { reading, memory, stacks, heapProfile } = recorded;
	const unavailable = [...reading.unavailable, ...lost];
	let runtime: RuntimeState | undefined;
	if (memory !== undefined && reading.program !== undefined) {
		const decoded = await decode(reading.program, memory);
		if (isUnavailable(decoded)) unavailable.push({ part: "runtime", ...decoded });
		else runtime = decoded;
	}
	return {
		reading: { ...named(reading, names), unavailable },
		runtime,
		...(stacks === undefined ? {} : { stacks }),
		heapProfile,
	};
}

async function decode(
	program: NonNullable<Reading["program"]>,
	memory: NonNullable<Reading["memory"]>,
): Promise<RuntimeState | Unavailable> {
	const view = await viewOfRecording(program, memory);
	if (isUnavailable(view)) return view;
	try {
		return readRuntime(view);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `what was recorded of the runtime cannot be decoded: ${error.message}` };
	}
}

/** Path by pseudonym. */
type Names = ReadonlyMap<string, string>;

function liveNames(pid: number): Names | undefined {
	const maps = readMaps(pid);
	const exe = readProcLink(pid, "exe");
	if (isUnavailable(maps) || typeof exe !== "string") return undefined;
	const redactor = new Redactor(pseudonymOf, exe);
	const paths = [exe, ...maps.map((m) => m.path)];
	return new Map(paths.map((path) => [redactor.path(path), path]));
}

function named(reading: Reading, names: Names | undefined): Reading {
	if (names === undefined) return reading;
	const name = (path: string) => names.get(path) ?? path;
	return { ...reading, exe: name(reading.exe), mappings: reading.mappings.map((m) => ({ ...m, path: name(m.path) })) };
}
