import { Type } from "typebox";
import type { Target } from "../capture/target.ts";
import { isWithin, lineGroups } from "../ledger/lines.ts";
import type { MappingsPoint } from "../ledger/mapping-growth.ts";
import { executableInput } from "./core-input.ts";
import { GomemError } from "./errors.ts";
import { readMapsBaseline } from "./maps-baseline.ts";
import { type MapsReading, mapsReading, pointOf } from "./maps-reading.ts";
import { mapsResult } from "./maps-result.ts";
import { MapsDocument, type MapsResult } from "./maps-shape.ts";
import { observe, targetOf } from "./observe.ts";
import { beats, defineOperation, type OperationContext, pauseInput } from "./operation.ts";

const input = Type.Object({
	all: Type.Boolean({
		description: "each mapping, not their owners; every counter of smaps in --json",
		default: false,
	}),
	owner: Type.Optional(
		Type.String({ description: "only mappings of this owner: heap, c, libs, anon.mmap …", placeholder: "id" }),
	),
	baseline: Type.Optional(
		Type.String({
			description: "an earlier capture (.gomem) or `maps --json` output to compare with",
			placeholder: "file",
		}),
	),
	pause: pauseInput,
	exe: executableInput,
});

export const operation = defineOperation({
	name: "maps",
	summary: "Every mapping named and owned: by Go, C, threads, files, mmap",
	description:
		"What pmap shows and whose it is: the runtime's arenas and metadata, the binary, libraries, C's arenas, threads' stacks, " +
		"files, shared memory, and what the program mapped with syscall.Mmap or unix.Mmap, by the lists that those keep. " +
		"With --every, --watch or --baseline it says which mappings are new, gone or grown.",
	group: "Where memory is",
	kind: "query",
	effect: "read",
	target: "required",
	input,
	result: MapsDocument,
	examples: [
		{ command: "gomem maps 4242", says: "address space and resident memory by owner" },
		{ command: "gomem maps 4242 --all", says: "each mapping, as pmap -x, with its owner's name" },
		{
			command: "gomem maps 4242 --owner anon",
			says: "anonymous mappings that are not the runtime's, and who made them",
		},
		{ command: "gomem maps orders-api --every 10s --for 1m", says: "which mappings grow, come and go" },
		{ command: "gomem maps 4242 --baseline monday.gomem", says: "what changed since a capture" },
	],
	async run(ctx, flags) {
		const target = targetOf(flags.target);
		using observed = await observe(target, { pause: flags.pause, exe: flags.exe });
		let earlier = await baselineOf(flags.baseline, target);
		let last: MapsReading | undefined;
		// a bundle holds the history itself: its last reading is the present, its first what it is compared with
		for (let next = await observed.next(); next !== undefined; next = await observed.next()) {
			if (last !== undefined) earlier ??= pointOf(last);
			last = mapsReading(next, observed.kind === "process");
			if (observed.kind === "process" || ctx.signal.aborted) break;
		}
		if (last === undefined)
			throw new GomemError({ code: "bundle-unreadable", message: "the capture holds no reading" });
		const result = mapsResult(last, earlier, flags);
		if (last.known !== "none") refuseUnknownOwner(result);
		return result;
	},
	async *watch(ctx, flags) {
		const target = targetOf(flags.target);
		using observed = await observe(target, { pause: flags.pause, exe: flags.exe });
		let earlier = await baselineOf(flags.baseline, target);
		// the readings of a file need not be waited for
		for await (const _ of observed.kind === "process" ? beats(ctx) : untilDone(ctx)) {
			const next = await observed.next();
			if (next === undefined) return;
			const read = mapsReading(next, observed.kind === "process");
			yield mapsResult(read, earlier, flags);
			if (read.known !== "none") earlier ??= pointOf(read);
		}
	},
});

/** Ids that are listed; a process may map hundreds of files. */
const MAX_OWNERS = 40;

/** What every id is, or is below. That a process has nothing of one is an answer; anything else is a slip of the pen. */
const GROUPS: ReadonlySet<string> = new Set(lineGroups.filter((group) => group !== "stacks")); // those stand in the heap's

/** Throws where nothing is, or was, this owner's. While one watches, it may come yet. */
function refuseUnknownOwner({ view: { owner: wanted }, owners, growth }: MapsResult): void {
	if (wanted === undefined || GROUPS.has(wanted)) return;
	const ids = owners.map(({ owner }) => owner);
	const known = [...ids, ...(growth?.gone ?? []).map(({ owner }) => owner)];
	if (known.some((id) => isWithin(id, wanted))) return;
	const shown = ids.slice(0, MAX_OWNERS).sort().join(", ");
	throw new GomemError({
		code: "owner-unknown",
		message: `nothing here is owned by ${wanted}`,
		hint: `owners here are ${shown}${ids.length > MAX_OWNERS ? ` and ${ids.length - MAX_OWNERS} more` : ""}`,
	});
}

async function baselineOf(path: string | undefined, target: Target): Promise<MappingsPoint | undefined> {
	return path === undefined ? undefined : readMapsBaseline(path, target);
}

async function* untilDone(ctx: OperationContext): AsyncGenerator<void> {
	while (!ctx.signal.aborted) yield;
}
