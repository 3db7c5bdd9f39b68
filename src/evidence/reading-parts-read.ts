import { decodeUtf8 } from "../bytes/cursor.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { deserialiseResidency } from "../formats/procfs/residency-codec.ts";
import { parseSmaps } from "../formats/procfs/smaps.ts";
import { parseStat } from "../formats/procfs/stat.ts";
import { parseStatus } from "../formats/procfs/status.ts";
import { type Bundle, readPart } from "./bundle/bundle.ts";
import type { BundleCodec } from "./bundle/codec.ts";
import { isPresent, type Reading as ManifestReading } from "./bundle/manifest.ts";
import { RecordedLooks } from "./bundle/recorded-looks.ts";
import { isUnavailable, type Unavailable } from "./bundle/unavailable.ts";
import { boundsFrom, type CgroupEvidence } from "./memory-bounds.ts";
import type { HostSummary, LayoutUse, Program, Reading, ReadingCost, Thread } from "./reading.ts";
import { STACK_PARTS } from "./reading-parts.ts";
import { PartFields } from "./reading-parts-json.ts";
import { decodeStacks, type GoroutineStacks } from "./stacks.ts";

/** A reading out of a bundle. */
export interface RecordedReading {
	readonly reading: Reading;
	/** what was recorded of the runtime's memory; the same as the reading's: looks go on where decoding it left off */
	readonly memory: RecordedLooks | undefined;
	readonly stacks: GoroutineStacks | Unavailable | undefined;
	/** the bytes of a pprof file, unpacked when they are asked for */
	readonly heapProfile: () => Promise<Uint8Array | Unavailable>;
}

/**
 * Makes a reading of its parts with the parsers that a live one goes through. A part that is missing, damaged or no longer
 * what it should be is in the reading's `unavailable`; without stat and status there is no reading. Throws ParseError where
 * the manifest's own fields are not what they should be.
 *
 * @param id of a reading in the manifest
 */
export async function readRecording(
	bundle: Bundle,
	id: string,
	codec?: BundleCodec,
): Promise<RecordedReading | Unavailable> {
	const listed = bundle.manifest.readings.find((r) => r.id === id);
	if (listed === undefined) return { unavailable: `the bundle has no reading ${id}` };
	const parts = new PartReader(bundle, id, codec);
	const stat = await parts.need("stat", (bytes) => parseStat(decodeUtf8(bytes)));
	const status = await parts.need("status", (bytes) => parseStatus(decodeUtf8(bytes)));
	if (isUnavailable(stat)) return stat;
	if (isUnavailable(status)) return status;
	const host = hostOf(bundle);
	const cgroup = await parts.get("cgroup", cgroupOf);
	const bounds = parts.parse("cgroup", () => boundsFrom(cgroup, host.memTotal)) ?? boundsFrom(undefined, host.memTotal);
	const environment = await parts.get("environment", (bytes) => PartFields.parse("environment", bytes).texts());
	const residency = await parts.get("pagemap", deserialiseResidency);
	const program = await parts.get("program", programOf);
	const memory = await parts.get("runtime-memory", RecordedLooks.parse);
	const mappings = (await parts.get("smaps", parseSmaps)) ?? [];
	const threads = (await parts.get("threads", threadsOf)) ?? [];
	const stacks = await stacksOf(parts);
	const fields = new PartFields("manifest.json readings", listed.more);
	return {
		memory,
		stacks,
		heapProfile: () => parts.need("heap-profile", (bytes) => bytes),
		reading: {
			pid: stat.pid,
			at: timeOf(listed),
			host,
			exe: fields.text("exe"),
			exeDeleted: fields.boolean("exeDeleted"),
			stat,
			status,
			container: bounds.container,
			limit: bounds.limit,
			...(environment === undefined ? {} : { environment }),
			mappings,
			...(residency === undefined ? {} : { residency }),
			threads,
			...(program === undefined ? {} : { program }),
			...(memory === undefined ? {} : { memory }),
			unavailable: parts.unavailable,
			cost: costOf(fields.fields("cost")),
		},
	};
}

/** Takes parts of one reading, and notes those that it could not give. */
class PartReader {
	readonly #bundle: Bundle;
	readonly #id: string;
	readonly #codec: BundleCodec | undefined;
	readonly unavailable: (Unavailable & { readonly part: string })[];

	constructor(bundle: Bundle, id: string, codec: BundleCodec | undefined) {
		this.#bundle = bundle;
		this.#id = id;
		this.#codec = codec;
		const own = bundle.manifest.parts.filter((part) => part.reading === id && !STACK_PARTS.has(part.id));
		this.unavailable = own.flatMap((part) => {
			if (isPresent(part)) return [];
			const { unavailable, wouldHelp } = part;
			return [{ part: part.id, unavailable, ...(wouldHelp === undefined ? {} : { wouldHelp }) }];
		});
	}

	/** The part, or why it cannot be had. */
	async need<T>(part: string, parse: (bytes: Uint8Array) => T): Promise<T | Unavailable> {
		const found = await readPart(this.#bundle, part, this.#id, this.#codec);
		if (isUnavailable(found)) return found;
		try {
			return parse(found.content);
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			return { unavailable: `part ${part} cannot be read: ${error.message}` };
		}
	}

	/** The part; undefined where it was not gathered, or is noted as unavailable. */
	async get<T>(part: string, parse: (bytes: Uint8Array) => T): Promise<T | undefined> {
		const listed = this.#bundle.manifest.parts.find((p) => p.id === part && p.reading === this.#id);
		if (listed === undefined || !isPresent(listed)) return undefined;
		const got = await this.need(part, (bytes) => ({ value: parse(bytes) }));
		if (!isUnavailable(got)) return got.value;
		this.unavailable.push({ part, ...got });
		return undefined;
	}

	/** What comes of a part that was read; noted where it cannot be believed. */
	parse<T>(part: string, make: () => T): T | undefined {
		try {
			return make();
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			this.unavailable.push({ part, unavailable: error.message });
			return undefined;
		}
	}
}

function hostOf(bundle: Bundle): HostSummary {
	const host = new PartFields("manifest.json host", bundle.manifest.host);
	return {
		kernel: host.text("kernel"),
		pageSize: host.number("pageSize"),
		ticksPerSecond: host.number("ticksPerSecond"),
		bootTime: host.number("bootTime"),
		memTotal: host.number("memTotal"),
	};
}

function timeOf(listed: ManifestReading): number {
	const at = Date.parse(listed.time);
	if (Number.isFinite(at)) return at;
	throw new ParseError({
		format: "gomem bundle",
		field: "manifest.json readings.time",
		expected: "a time",
		actual: listed.time.slice(0, 40),
	});
}

function costOf(cost: PartFields): ReadingCost {
	return {
		wallMs: cost.number("wallMs", true),
		pausedMs: cost.number("pausedMs", true),
		bytesRead: cost.number("bytesRead"),
	};
}

function cgroupOf(bytes: Uint8Array): CgroupEvidence {
	const cgroup = PartFields.parse("cgroup", bytes);
	return {
		version: cgroup.number("version") === 1 ? 1 : 2,
		path: cgroup.text("path"),
		levels: cgroup.has("levels")
			? cgroup.objects("levels").map((level) => ({ path: level.text("path"), files: level.fields("files").texts() }))
			: undefined,
	};
}

function threadsOf(bytes: Uint8Array): Thread[] {
	const threads = PartFields.parse("threads", bytes);
	const sp = threads.numbers("sp");
	return threads.numbers("tid").map((tid, i) => ({ tid, sp: sp[i] === 0 ? undefined : sp[i] }));
}

function programOf(bytes: Uint8Array): Program {
	const program = PartFields.parse("program", bytes);
	const module = program.has("module") ? program.fields("module") : undefined;
	return {
		goVersion: program.text("goVersion"),
		goVersionSource: program.text("goVersionSource"),
		arch: program.choice("arch", ["amd64", "arm64"]),
		...(module === undefined ? {} : { module: { path: module.text("path"), version: module.text("version") } }),
		...(program.has("package") ? { package: program.text("package") } : {}),
		settings: program.fields("settings").texts(),
		stripped: program.boolean("stripped"),
		pie: program.boolean("pie"),
		dynamic: program.boolean("dynamic"),
		...(program.has("allocator")
			? { allocator: program.choice("allocator", ["jemalloc", "tcmalloc", "mimalloc", "musl"]) }
			: {}),
		bias: program.integer("bias"),
		data: program.objects("data").map((range) => ({ start: range.number("start"), end: range.number("end") })),
		layout: program.has("layout") ? layoutOf(program.fields("layout")) : undefined,
		globals: program.fields("globals").numbersByName(),
		globalsFrom: program.choice("globalsFrom", ["symbols", "structure", "none"]),
	};
}

function layoutOf(layout: PartFields): LayoutUse {
	return {
		label: layout.text("label"),
		certainty: layout.choice("certainty", ["exact", "dwarf", "interpolated", "validated"]),
		...(layout.has("record") ? { record: layout.raw("record") } : {}),
	};
}

async function stacksOf(parts: PartReader): Promise<RecordedReading["stacks"]> {
	const goroutines = await parts.need("goroutines", (bytes) => bytes);
	if (isUnavailable(goroutines)) return goroutines;
	const symbols = await parts.need("symbols", (bytes) => bytes);
	try {
		return decodeStacks(goroutines, isUnavailable(symbols) ? undefined : symbols);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `part goroutines cannot be read: ${error.message}` };
	}
}
