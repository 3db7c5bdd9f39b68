import type { Observation } from "../capture/process.ts";
import {
	coreHeapProfile,
	goroutineProfileOf,
	type OutsideHeapProfile,
	outsideGoroutineProfile,
	outsideHeapProfile,
	recordedHeapProfile,
} from "../capture/process-profile.ts";
import type { ProfileType } from "../capture/profile-types.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { GomemError } from "./errors.ts";
import type { OperationContext } from "./operation.ts";
import type { SourceInput } from "./profile-input.ts";
import { compareWithOwn, takeOwn } from "./profile-own.ts";
import type { SourceSummary } from "./profile-shape.ts";
import { unavailableError } from "./profile-source.ts";
import { switchOff, switchOn } from "./profile-switch.ts";
import { difference, profileFacts, type TakenProfile } from "./profile-take.ts";

/**
 * The profile of a process here, read from its memory: its heap, or its goroutines; with --seconds what came about meanwhile,
 * with --endpoint compared with what it says itself. Throws GomemError.
 */
export async function takeProcess(ctx: OperationContext, pid: number, input: SourceInput): Promise<TakenProfile> {
	const type = input.type ?? "heap";
	if (!isOutside(type)) {
		if (input.endpoint === undefined) throw notOutside(pid, type);
		return takeOwn(ctx, pid, type, input);
	}
	if (input.gc) {
		throw new GomemError({
			code: "invalid-input",
			message: "--gc needs a URL: reading a process's memory makes it do nothing",
			hint: "leave --gc out, or give the URL of its /debug/pprof/heap",
		});
	}
	if (input.enableProfiling) await switchOn(ctx, pid, input.seconds);
	const taken = await readTwice(ctx, pid, type, input);
	if (input.restore) await switchOff(ctx, pid);
	return input.endpoint === undefined ? taken : compareWithOwn(ctx, pid, type, input, taken);
}

type OutsideType = "heap" | "allocs" | "goroutine";

function isOutside(type: ProfileType): type is OutsideType {
	return type === "heap" || type === "allocs" || type === "goroutine";
}

async function readTwice(
	ctx: OperationContext,
	pid: number,
	type: OutsideType,
	{ seconds, enableProfiling }: SourceInput,
): Promise<TakenProfile> {
	const read = async () => (type === "goroutine" ? readGoroutines(ctx, pid) : readHeap(ctx, pid, type));
	const first = await read();
	if (seconds === undefined || enableProfiling) return first;
	ctx.progress({ what: `process ${pid}: waiting ${seconds} s`, done: 0 });
	await ctx.clock.sleep(seconds * 1000, ctx.signal);
	ctx.signal.throwIfAborted();
	const { summary, profile } = difference(await read(), first);
	return { profile, summary: { ...summary, how: `${summary.how}, twice ${seconds} s apart, and their difference` } };
}

async function readHeap(ctx: OperationContext, pid: number, type: OutsideType): Promise<TakenProfile> {
	return ofHeap(ctx, await outsideHeapProfile(pid), type, {
		kind: "process",
		name: String(pid),
		how: "heap read from its memory, not paused",
	});
}

async function readGoroutines(ctx: OperationContext, pid: number): Promise<TakenProfile> {
	const found = await outsideGoroutineProfile(pid);
	if (isUnavailable(found)) throw unavailableError("profile-unavailable", found);
	if (found.labelsUnread > 0)
		ctx.warn(`the labels of ${found.labelsUnread} goroutines cannot be read (before Go 1.24)`);
	return summed(found.profile, {
		kind: "process",
		name: String(pid),
		how: `stacks of ${found.goroutines} goroutines read from its memory, not paused`,
	});
}

function ofHeap(
	ctx: OperationContext,
	found: OutsideHeapProfile | Unavailable,
	type: ProfileType,
	told: Pick<SourceSummary, "kind" | "name" | "how">,
): TakenProfile {
	if (isUnavailable(found)) throw unavailableError("profile-unavailable", found);
	const { torn, cut } = found.records;
	if (torn > 0 || cut) ctx.warn(`${torn} records changed while they were read and are left out`);
	return summed(type === "allocs" ? { ...found.profile, defaultSampleType: "alloc_space" } : found.profile, told);
}

function summed(profile: Profile, told: Pick<SourceSummary, "kind" | "name" | "how">): TakenProfile {
	return { profile, summary: { ...told, ...profileFacts(profile) } };
}

function notOutside(pid: number, type: string): GomemError {
	return new GomemError({
		code: "profile-unavailable",
		message: `the ${type} profile of process ${pid} cannot be read from outside`,
		why: "the runtime keeps what it needs for it only while it is asked for, or in a form that gomem does not read",
		hint: `--endpoint asks the process itself, where it serves /debug/pprof/${type === "cpu" ? "profile" : type}`,
	});
}

/** The profile of a core, or the goroutines of a capture's last reading. Throws GomemError. */
export async function takeRecorded(
	ctx: OperationContext,
	kind: "bundle" | "core",
	path: string,
	input: SourceInput,
): Promise<TakenProfile> {
	const type = recordedType(path, input);
	const told = { kind: kind === "core" ? "core" : "capture", name: path } as const;
	if (type === "goroutine") {
		return summed(await recordedGoroutines(path, input), { ...told, how: "stacks of goroutines" });
	}
	if (kind === "core") {
		return ofHeap(ctx, await coreHeapProfile(path, { executable: input.exe }), type, {
			...told,
			how: "heap, from the memory",
		});
	}
	return capturedHeap(await recordedHeap(path), type, path);
}

function recordedType(path: string, input: Pick<SourceInput, "type">): OutsideType {
	const type = input.type ?? "heap";
	if (isOutside(type)) return type;
	throw new GomemError({
		code: "profile-unavailable",
		message: `there is no ${type} profile in ${path}`,
		hint: "--type heap or goroutine",
	});
}

function capturedHeap(profile: Profile, type: OutsideType, path: string): TakenProfile {
	const shown = type === "allocs" ? { ...profile, defaultSampleType: "alloc_space" } : profile;
	return summed(shown, { kind: "capture", name: path, how: "heap, as it was captured" });
}

/**
 * The profiles of a capture's readings, oldest first; of more than `most` every second one, or every fourth … What cannot be
 * had is left out with a warning while there are others. Throws GomemError.
 */
export async function takeReadings(
	ctx: Pick<OperationContext, "signal" | "warn" | "progress">,
	path: string,
	input: Pick<SourceInput, "type" | "exe">,
	most: number,
): Promise<TakenProfile[]> {
	let taken: TakenProfile[] = [];
	let stride = 1;
	let read = 0;
	const lost: Unavailable[] = [];
	for await (const found of profilesOfReadings(path, recordedType(path, input), input)) {
		ctx.signal.throwIfAborted();
		ctx.progress({ what: `reading ${++read} of ${path}`, done: read });
		if (isUnavailable(found)) lost.push(found);
		else if ((read - 1) % stride === 0) taken.push(found);
		if (taken.length <= most) continue;
		taken = taken.filter((_, i) => i % 2 === 0);
		stride *= 2;
	}
	const [first] = lost;
	if (taken.length === 0) {
		throw unavailableError("profile-unavailable", first ?? { unavailable: `${path} holds no reading` });
	}
	if (first !== undefined) ctx.warn(`${lost.length} of ${read} readings of ${path} are left out: ${first.unavailable}`);
	if (stride > 1) ctx.warn(`${path} holds ${read} readings: one in ${stride} is taken`);
	return taken;
}

async function* profilesOfReadings(
	path: string,
	type: OutsideType,
	input: Pick<SourceInput, "exe">,
): AsyncGenerator<TakenProfile | Unavailable> {
	if (type === "goroutine") {
		const { observe, targetOf } = await import("./observe.ts");
		using observed = await observe(targetOf(path), { exe: input.exe });
		for (let next = await observed.next(); next !== undefined; next = await observed.next()) {
			const found = goroutineProfileOf(next);
			yield isUnavailable(found) ? found : capturedGoroutines(found.profile, path);
		}
		return;
	}
	const { heapProfilesIn, readBundleFile } = await import("../capture/bundle-file.ts");
	const bundle = readBundleFile(path);
	if (isUnavailable(bundle)) throw unavailableError(bundle.code, bundle);
	for (const heapProfile of heapProfilesIn(bundle)) {
		const found = await recordedHeapProfile({ heapProfile });
		yield isUnavailable(found) ? found : capturedHeap(found, type, path);
	}
}

function capturedGoroutines(profile: Profile, path: string): TakenProfile {
	return summed(profile, { kind: "capture", name: path, how: "stacks of goroutines" });
}

async function recordedHeap(path: string): Promise<Profile> {
	const last = await lastReading(path);
	const found = last === undefined ? { unavailable: `${path} holds no reading` } : await recordedHeapProfile(last);
	if (isUnavailable(found)) throw unavailableError("profile-unavailable", found);
	return found;
}

async function recordedGoroutines(path: string, input: SourceInput): Promise<Profile> {
	const last = await lastReading(path, input.exe);
	const found = last === undefined ? { unavailable: `${path} holds no reading` } : goroutineProfileOf(last);
	if (isUnavailable(found)) throw unavailableError("profile-unavailable", found);
	return found.profile;
}

async function lastReading(path: string, exe?: string): Promise<Observation | undefined> {
	const { observe, targetOf } = await import("./observe.ts");
	using observed = await observe(targetOf(path), { stacks: true, exe, pages: false });
	let last = await observed.next();
	for (let next = last; next !== undefined; next = await observed.next()) last = next;
	return last;
}
