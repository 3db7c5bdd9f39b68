import { readFileSync } from "node:fs";
import type { Target } from "../capture/target.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { ComparedMapping, MappingsPoint, OwnerSums } from "../ledger/mapping-growth.ts";
import { GomemError } from "./errors.ts";
import { mapsReading, pointOf } from "./maps-reading.ts";
import { bundleError } from "./observe.ts";

const HINT = "give a file made by `gomem capture -o x.gomem` or `gomem maps PID --json > x.json`";
/** As many as a process can have, see formats/procfs/maps.ts. */
const MAX_MAPPINGS = 1 << 22;

/**
 * The first reading of an earlier capture, or a saved `maps --json`. Throws GomemError where the file is neither.
 *
 * @param target what it is compared with: a process's names stand in for the pseudonyms that a capture has
 */
export async function readMapsBaseline(path: string, target: Target): Promise<MappingsPoint> {
	let bytes: Uint8Array;
	try {
		bytes = readFileSync(path);
	} catch (cause) {
		throw new GomemError({
			code: "baseline-unreadable",
			message: `the baseline ${path} cannot be read`,
			cause,
			hint: HINT,
		});
	}
	if (bytes[0] === 0x50 && bytes[1] === 0x4b)
		return fromBundle(path, target.kind === "process" ? target.pid : undefined);
	return fromDocument(path, bytes);
}

async function fromBundle(path: string, namesOf: number | undefined): Promise<MappingsPoint> {
	const bundle = await (await import("../capture/bundle-file.ts")).openBundle(path, { namesOf });
	if (isUnavailable(bundle)) throw bundleError(bundle);
	const first = await bundle.next();
	if (first === undefined) throw noBaseline(path, "it holds no reading");
	return pointOf(mapsReading(first, false));
}

function fromDocument(path: string, bytes: Uint8Array): MappingsPoint {
	let saved: Readonly<Record<string, unknown>>;
	try {
		saved = JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, unknown>>;
	} catch (cause) {
		throw noBaseline(path, "it is neither a capture nor JSON", cause);
	}
	if (saved?.["schema"] !== "gomem.maps/1")
		throw noBaseline(path, `its schema is ${JSON.stringify(saved?.["schema"])}, not "gomem.maps/1"`);
	const { at, rssBytes, mappings, owners, view } = saved;
	if ((view as { owner?: unknown } | undefined)?.owner !== undefined)
		throw noBaseline(path, "it was made with --owner, so most mappings are not in it");
	const moment = Date.parse(String(at));
	if (!Number.isFinite(moment) || typeof rssBytes !== "number" || !Array.isArray(mappings) || !Array.isArray(owners))
		throw noBaseline(path, "at, rssBytes, mappings or owners is missing");
	if (mappings.length > MAX_MAPPINGS) throw noBaseline(path, `it lists more than ${MAX_MAPPINGS} mappings`);
	const read = mappings.map((m: unknown) => {
		const mapping = savedMapping(m);
		if (mapping === undefined) throw noBaseline(path, "a mapping in it has no addresses, owner or rssBytes");
		return mapping;
	});
	read.sort((a, b) => a.start - b.start);
	return { at: moment, rssBytes, mappings: read, owners: new Map(owners.flatMap(savedOwner)) };
}

function savedOwner(value: unknown): [string, OwnerSums][] {
	const { owner, rssBytes, sizeBytes, mappings } = (value ?? {}) as Readonly<Record<string, unknown>>;
	if (typeof owner !== "string" || typeof rssBytes !== "number") return [];
	const number = (it: unknown) => (typeof it === "number" ? it : 0);
	return [[owner, { rssBytes, sizeBytes: number(sizeBytes), mappings: number(mappings) }]];
}

function savedMapping(value: unknown): ComparedMapping | undefined {
	const m = (value ?? {}) as Readonly<Record<string, unknown>>;
	const start = address(m["start"]);
	const end = address(m["end"]);
	const { owner, name, rssBytes, inode, path } = m;
	if (start === undefined || end === undefined || end <= start) return undefined;
	if (typeof owner !== "string" || typeof name !== "string" || typeof rssBytes !== "number") return undefined;
	return { start, end, owner, name, rssBytes, inode: String(inode ?? "0"), path: typeof path === "string" ? path : "" };
}

function address(value: unknown): number | undefined {
	return typeof value === "string" && /^0x[0-9a-f]{1,16}$/.test(value) ? Number(value) : undefined;
}

function noBaseline(path: string, why: string, cause?: unknown): GomemError {
	return new GomemError({
		code: "baseline-unreadable",
		message: `${path} is no baseline`,
		why,
		hint: HINT,
		...(cause === undefined ? {} : { cause }),
	});
}
