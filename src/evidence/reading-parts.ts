import { encodeProfile } from "../formats/pprof/encode.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { serialiseResidency } from "../formats/procfs/residency-codec.ts";
import type { BundleHead, NewPart, NewReading, PartContent } from "./bundle/bundle.ts";
import type { JsonObject } from "./bundle/manifest.ts";
import { isUnavailable, type Unavailable } from "./bundle/unavailable.ts";
import type { CgroupEvidence } from "./memory-bounds.ts";
import type { Reading } from "./reading.ts";
import type { Redactor } from "./redaction.ts";
import { encodeGoroutines, encodeSymbols, type GoroutineStacks } from "./stacks.ts";

/** Everything that a reading was made from, for a bundle. */
export interface ReadingEvidence {
	readonly reading: Reading;
	/** /proc/PID/stat and status as they were read; smaps where it could be */
	readonly stat: Uint8Array;
	readonly status: Uint8Array;
	readonly smaps: Uint8Array | undefined;
	readonly cgroup: CgroupEvidence | undefined;
	/** the runtime's memory look by look (bundle/recorded-looks.ts), in pieces; undefined where the reading has none */
	readonly memory: readonly Uint8Array[] | Unavailable | undefined;
	readonly stacks: GoroutineStacks | Unavailable | undefined;
	/** what the runtime's own samples of allocations say */
	readonly heapProfile?: Profile | Unavailable | undefined;
	/** only where it is wanted whole */
	readonly commandLine: Uint8Array | undefined;
}

/** Parts that a reading does not name as unavailable itself: they belong to other questions than where memory is. */
export const STACK_PARTS: ReadonlySet<string> = new Set(["goroutines", "symbols", "heap-profile"]);

/** The manifest's words for machine and process. `bootId` is a digest of the boot's id: it names the process for good. */
export function bundleHead(
	reading: Reading,
	tool: BundleHead["tool"],
	bootId: string,
	redactor?: Redactor,
): BundleHead {
	const { kernel, pageSize, ticksPerSecond, bootTime, memTotal } = reading.host;
	const { program, stat } = reading;
	return {
		tool,
		host: { kernel, pageSize, ticksPerSecond, bootTime, memTotal },
		target: {
			pid: reading.pid,
			startTime: stat.startTime,
			bootId,
			name: stat.comm,
			exe: redactor?.path(reading.exe) ?? reading.exe,
			...(program === undefined ? {} : { goVersion: program.goVersion }),
		},
	};
}

/** The parts of one reading; with a redactor, without what tells whose machine it is. */
export function readingParts(evidence: ReadingEvidence, redactor?: Redactor): NewReading {
	const { reading } = evidence;
	const time = new Date(reading.at).toISOString();
	const parts: NewPart[] = [];
	const add = (id: string, source: string, content: PartContent["content"] | Unavailable | undefined) => {
		if (content === undefined) return;
		parts.push(isUnavailable(content) ? { id, source, time, ...content } : { id, source, time, content });
	};
	add("stat", "/proc/PID/stat", evidence.stat);
	add("status", "/proc/PID/status", evidence.status);
	add(
		"smaps",
		"/proc/PID/smaps",
		redactor === undefined || evidence.smaps === undefined ? evidence.smaps : redactor.smaps(evidence.smaps),
	);
	add(
		"pagemap",
		"/proc/PID/pagemap",
		reading.residency === undefined ? undefined : serialiseResidency(reading.residency),
	);
	add("cgroup", "/proc/PID/cgroup and the cgroup's files", cgroupPart(evidence.cgroup, redactor));
	add("environment", "/proc/PID/environ", json(reading.environment));
	add("threads", "/proc/PID/task", threadsPart(reading));
	add("program", "/proc/PID/exe", programPart(reading, redactor));
	add("runtime-memory", "/proc/PID/mem", evidence.memory);
	addStacks(add, evidence, redactor);
	addHeapProfile(add, evidence, redactor);
	if (evidence.commandLine === undefined) redactor?.note("the command line");
	add("command-line", "/proc/PID/cmdline", evidence.commandLine);
	for (const { part, ...why } of reading.unavailable) addUnavailable(parts, part, why, time);
	return { time, more: readingFields(reading, redactor), parts };
}

type Add = (id: string, source: string, content: PartContent["content"] | Unavailable | undefined) => void;

function addStacks(add: Add, { stacks, reading }: ReadingEvidence, redactor: Redactor | undefined): void {
	const source = "/proc/PID/mem and /proc/PID/exe";
	if (stacks === undefined) return;
	if (isUnavailable(stacks)) {
		add("goroutines", source, stacks);
		return;
	}
	const kept = redactor?.stacks(stacks, reading.program?.package) ?? stacks;
	add("goroutines", source, encodeGoroutines(kept));
	add("symbols", source, encodeSymbols(kept));
}

/** As a file that `go tool pprof` opens, too. */
function addHeapProfile(add: Add, { heapProfile, reading }: ReadingEvidence, redactor: Redactor | undefined): void {
	if (heapProfile === undefined) return;
	const kept =
		isUnavailable(heapProfile) || redactor === undefined
			? heapProfile
			: redactor.profile(heapProfile, reading.program?.package);
	add("heap-profile", "/proc/PID/mem and /proc/PID/exe", isUnavailable(kept) ? kept : encodeProfile(kept));
}

/** A part that is there in one way and not in another (memory that was read, a runtime that was not decoded) has a second name. */
function addUnavailable(parts: NewPart[], part: string, why: Unavailable, time: string): void {
	let id = part;
	for (let n = 2; parts.some((other) => other.id === id); n++) id = `${part} (${n})`;
	parts.push({ id, source: "", time, ...why });
}

/** What the manifest says of a reading besides its time. */
function readingFields(reading: Reading, redactor: Redactor | undefined): JsonObject {
	return {
		exe: redactor?.path(reading.exe) ?? reading.exe,
		exeDeleted: reading.exeDeleted,
		cost: { ...reading.cost },
		redacted: [...(redactor?.replaced ?? [])],
	};
}

function cgroupPart(cgroup: CgroupEvidence | undefined, redactor: Redactor | undefined): Uint8Array | undefined {
	return cgroup === undefined ? undefined : json(redactor?.cgroup(cgroup) ?? cgroup);
}

/** Columns: a process may have tens of thousands. */
function threadsPart(reading: Reading): Uint8Array | undefined {
	return json({ tid: reading.threads.map((t) => t.tid), sp: reading.threads.map((t) => t.sp ?? 0) });
}

function programPart(reading: Reading, redactor: Redactor | undefined): Uint8Array | undefined {
	const { program } = reading;
	return program === undefined ? undefined : json(redactor?.program(program) ?? program);
}

function json(value: object | undefined): Uint8Array | undefined {
	return value === undefined ? undefined : new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}
