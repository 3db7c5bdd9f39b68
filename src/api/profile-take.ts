import { ParseError } from "../bytes/parse-error.ts";
import { type HttpAddress, shownAddress } from "../capture/http-address.ts";
import { inflate } from "../capture/inflate.ts";
import {
	openProfileFile,
	profileFilesIn,
	readStandardInput,
	unpackLarge,
	unreadableFile,
} from "../capture/profile-file.ts";
import { resolveProfileTarget } from "../capture/profile-target.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { contentName } from "../formats/pprof/content-name.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { type ReadProfile, readProfile, readUnpacking, type Unpacking } from "../formats/pprof/read.ts";
import { loadProfiles } from "../profile/combine/load.ts";
import { ExtendedStrings } from "../profile/strings-extended.ts";
import { GomemError } from "./errors.ts";
import type { OperationContext } from "./operation.ts";
import type { SourceInput } from "./profile-input.ts";
import type { Comparison, SourceSummary } from "./profile-shape.ts";

export interface TakenProfile {
	readonly profile: Profile;
	readonly summary: SourceSummary;
	/** a text that is cut short, by what it says of itself: how that shows */
	readonly missing?: string;
	/** with --endpoint: what the process says itself */
	readonly comparison?: Comparison;
}

export interface TakeOptions {
	/** of a capture all its readings, or so many of them if there are more; absent: the last one */
	readonly readings?: number;
}

/** The profiles of one SOURCE: one, or those of a directory. Throws GomemError. */
export async function takeProfiles(
	ctx: OperationContext,
	text: string,
	input: SourceInput,
	{ readings }: TakeOptions = {},
): Promise<readonly TakenProfile[]> {
	const target = await resolveProfileTarget(text);
	if ("problem" in target) {
		const code = target.problem === "ambiguous" ? "target-ambiguous" : "target-not-found";
		throw new GomemError({ code, message: target.message, hint: target.hint });
	}
	if (target.kind !== "process") refuseProcessFlags(input);
	switch (target.kind) {
		case "file":
			return [await takeFile(target.path, input)];
		case "directory":
			return takeDirectory(ctx, target.path, input);
		case "stdin": {
			const bytes = await readStandardInput(ctx.signal);
			if (isUnavailable(bytes)) throw unreadable(bytes.unavailable, bytes.wouldHelp);
			return [await decoded(bytes, { kind: "stdin", name: "-" }, input)];
		}
		case "url":
			return [await takeUrl(ctx, target.address, target.insecure, input)];
		case "process":
			return [await (await import("./profile-process.ts")).takeProcess(ctx, target.pid, input)];
		case "bundle":
			if (readings !== undefined) {
				return (await import("./profile-process.ts")).takeReadings(ctx, target.path, input, readings);
			}
			return [await (await import("./profile-process.ts")).takeRecorded(ctx, target.kind, target.path, input)];
		case "core":
			return [await (await import("./profile-process.ts")).takeRecorded(ctx, target.kind, target.path, input)];
		case "program":
			throw unreadable(
				`${target.path} is a program, not a profile`,
				"give its profile after it, or a pid that runs it",
			);
	}
}

function refuseProcessFlags(input: SourceInput): void {
	const given = [
		...(input.endpoint === undefined ? [] : ["--endpoint"]),
		...(input.enableProfiling ? ["--enable-profiling"] : []),
		...(input.restore ? ["--restore"] : []),
	];
	if (given.length === 0) return;
	throw new GomemError({
		code: "invalid-input",
		message: `${given.join(" and ")} ${given.length === 1 ? "is" : "are"} for a process`,
		hint: "give a pid, a name or a :port of a process here",
	});
}

async function takeFile(path: string, input: SourceInput): Promise<TakenProfile> {
	const content = openProfileFile(path);
	if (isUnavailable(content)) throw unreadable(content.unavailable, content.wouldHelp);
	return decoded(content, { kind: "file", name: path }, input);
}

/** All profiles of a directory; a file that is none is a warning. */
async function takeDirectory(ctx: OperationContext, path: string, input: SourceInput): Promise<TakenProfile[]> {
	const files = profileFilesIn(path);
	if (isUnavailable(files)) throw unreadable(files.unavailable, "a directory with profiles in it");
	const taken: TakenProfile[] = [];
	for (const [done, file] of files.entries()) {
		ctx.signal.throwIfAborted();
		ctx.progress({ what: `reading ${file}`, done, total: files.length });
		try {
			taken.push(await takeFile(file, input));
		} catch (error) {
			if (!(error instanceof GomemError)) throw error;
			ctx.warn(`left out: ${error.message}`);
		}
	}
	if (taken.length === 0) throw unreadable(`no file in ${path} is a profile`, "a directory with profiles in it");
	return taken;
}

async function takeUrl(
	ctx: OperationContext,
	given: HttpAddress,
	insecure: boolean,
	input: SourceInput,
): Promise<TakenProfile> {
	const { requestOptions, withUser } = await import("./profile-credentials.ts");
	const { DEFAULT_CPU_SECONDS, fetchProfile } = await import("../capture/profile-url.ts");
	const address = withUser(given, input);
	const options = requestOptions(ctx, input, insecure);
	if (insecure) ctx.warn(`the certificate of ${address.url.host} is not checked (https+insecure)`);
	const fetchOnce = async (seconds: number | undefined) => {
		const fetched = await fetchProfile(address, { type: input.type, seconds, gc: input.gc }, options);
		if (!isUnavailable(fetched)) return fetched;
		throw new GomemError({
			code: fetched.code,
			message: fetched.unavailable,
			...(fetched.wouldHelp === undefined ? {} : { hint: fetched.wouldHelp }),
		});
	};
	const waits = input.seconds ?? (input.type === "cpu" ? DEFAULT_CPU_SECONDS : undefined);
	if (waits !== undefined) ctx.progress({ what: `${shownAddress(address)}: waiting ${waits} s`, done: 0 });
	const fetched = await fetchOnce(input.seconds);
	const told = { kind: "url", name: fetched.address } as const;
	const first = await decoded(fetched.bytes, told, input);
	if (input.seconds === undefined) return withHow(first, "one GET");
	if (first.profile.durationNanos !== 0n || fetched.type === "cpu") {
		return withHow(first, `one GET, over ${input.seconds} s`);
	}
	// Before Go 1.15 the handlers do not know `seconds` and answer at once (net/http/pprof, serveDeltaProfile).
	const left = input.seconds * 1000 - fetched.wallMs;
	await ctx.clock.sleep(left, ctx.signal);
	ctx.signal.throwIfAborted();
	const second = await decoded((await fetchOnce(undefined)).bytes, told, input);
	return withHow(difference(second, first), `two GETs ${input.seconds} s apart, and their difference`);
}

/** What came about between two profiles of one source. */
export function difference(after: TakenProfile, before: TakenProfile): TakenProfile {
	const loaded = loadProfiles([after.profile], { bases: [before.profile], allFrames: true, keepNames: true });
	if ("error" in loaded) throw unreadable(loaded.error, undefined);
	return { ...after, profile: loaded.profile };
}

function withHow(taken: TakenProfile, how: string): TakenProfile {
	return { ...taken, summary: { ...taken.summary, how: `${how}: ${taken.summary.how}` } };
}

/** Makes a profile of what a file or a server gave. Throws GomemError where it is none. */
export async function decoded(
	content: Uint8Array | Unpacking,
	told: Pick<SourceSummary, "kind" | "name">,
	input: SourceInput,
): Promise<TakenProfile> {
	const read = await readOrThrow(content, told, input);
	const named = await withNames({ ...read, profile: withBuildId(read.profile, input.buildid) }, input);
	const form = read.form === "protobuf" ? "protobuf" : `${read.form} text of old`;
	return {
		profile: named,
		...(read.missing === undefined ? {} : { missing: read.missing }),
		summary: {
			...told,
			how: read.packing === undefined ? form : `${form}, ${read.packing}`,
			...profileFacts(named),
		},
	};
}

async function readOrThrow(
	content: Uint8Array | Unpacking,
	{ kind, name }: Pick<SourceSummary, "kind" | "name">,
	input: SourceInput,
): Promise<ReadProfile> {
	const options = { inflate, symbols: input.symbolize !== "none" };
	const source = content instanceof Uint8Array ? unpackLarge(content) : content;
	try {
		return source instanceof Uint8Array ? readProfile(source, options) : await readUnpacking(source, options);
	} catch (error) {
		if (!(error instanceof ParseError)) {
			const { unavailable, wouldHelp } = unreadableFile(name, error);
			throw unreadable(unavailable, wouldHelp);
		}
		const what = source instanceof Uint8Array ? contentName(source) : undefined;
		const named = kind === "stdin" ? "standard input" : name;
		throw new GomemError({
			code: "profile-unreadable",
			message: `${named} is no profile, ${what === undefined ? "or damaged" : what === "empty" ? "it is empty" : `but ${what}`}`,
			why: error.message,
			hint: "gomem reads pprof's protobuf (gzip, zstd or not), and the texts of debug=1 and debug=2",
			cause: error,
		});
	}
}

/** The profile with a build id of its main binary, where it has none (pprof's -buildid never replaces one). */
function withBuildId(profile: Profile, buildId: string | undefined): Profile {
	const { mappings } = profile;
	if (buildId === undefined || mappings.count === 0 || mappings.buildId[0] !== 0) return profile;
	const strings = new ExtendedStrings(profile.strings);
	const own = mappings.buildId.slice();
	own[0] = strings.intern(buildId);
	return { ...profile, strings, mappings: { ...mappings, buildId: own } };
}

/** Functions and lines for addresses that have none, where a Go program is given or the profile names one that is here. */
async function withNames({ profile, form }: ReadProfile, input: SourceInput): Promise<Profile> {
	if (input.symbolize === "none") return profile;
	let shown = profile;
	if (form !== "protobuf" && form !== "goroutines") {
		// of a text of Go's what has no name is the runtime's own, which no other form shows
		const { withoutUnnamedEnds } = await import("../profile/add-frames.ts");
		shown = withoutUnnamedEnds(profile);
	}
	if (!lacksNames(shown)) return shown;
	const { nameAddresses } = await import("../capture/profile-symbols.ts");
	const named = await nameAddresses(shown, input.exe);
	if (!isUnavailable(named)) return named;
	if (input.exe !== undefined) throw unreadable(named.unavailable, named.wouldHelp);
	return shown;
}

/** Whether a location of some sample has no function. */
function lacksNames({ samples, locations }: Profile): boolean {
	const { count, lineStart } = locations;
	const bare = new Uint8Array(count);
	let some = false;
	for (let l = 0; l < count; l++) {
		if (lineStart[l] !== lineStart[l + 1]) continue;
		bare[l] = 1;
		some = true;
	}
	return some && samples.location.some((l) => bare[l] === 1);
}

export function profileFacts(profile: Profile): Pick<SourceSummary, "samples" | "time"> {
	const time = momentOf(profile.timeNanos);
	return { samples: profile.samples.count, ...(time === undefined ? {} : { time }) };
}

/** undefined where it is not known, or no date */
export function momentOf(nanos: bigint): string | undefined {
	const milliseconds = Number(nanos / 1_000_000n);
	return nanos === 0n || Math.abs(milliseconds) > 8.64e15 ? undefined : new Date(milliseconds).toISOString();
}

function unreadable(message: string, hint: string | undefined): GomemError {
	return new GomemError({ code: "profile-unreadable", message, ...(hint === undefined ? {} : { hint }) });
}
