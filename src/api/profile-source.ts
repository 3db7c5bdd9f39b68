import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { loadProfiles } from "../profile/combine/load.ts";
import { GomemError } from "./errors.ts";
import type { OperationContext } from "./operation.ts";
import type { SourceInput } from "./profile-input.ts";
import type { Comparison, SourceSummary } from "./profile-shape.ts";
import { type TakenProfile, takeProfiles } from "./profile-take.ts";

/** A profile that is ready for reports: all sources added up, bases taken off. */
export interface OpenedProfile {
	readonly profile: Profile;
	readonly sources: readonly SourceSummary[];
	readonly comparison?: Comparison;
}

/** What of the input makes a profile; `normalize` is one of pprof's options. */
export type OpenInput = SourceInput & { readonly normalize?: boolean };

/** Sources that are fetched at a time. */
const AT_ONCE = 8;

/**
 * Gets the sources and makes one profile of them, as `go tool pprof` does. A source that cannot be had is a warning while
 * there are others. Throws GomemError.
 */
export async function openProfile(ctx: OperationContext, input: OpenInput): Promise<OpenedProfile> {
	if (input.base.length > 0 && input.diffBase.length > 0) {
		throw new GomemError({ code: "invalid-input", message: "--base and --diff-base exclude each other" });
	}
	const bases = [...input.base, ...input.diffBase];
	if (input.normalize === true && bases.length === 0) {
		throw new GomemError({
			code: "invalid-input",
			message: "--normalize needs a base to scale to",
			hint: "give one with --base or --diff-base",
		});
	}
	const { programs, others } = await splitPrograms(input);
	const own: OpenInput = { ...input, ...programs };
	const taken = await takeAll(ctx, others, own);
	const { endpoint: _, ...ofBase } = own;
	const takenBases = await takeAll(ctx, bases, { ...ofBase, enableProfiling: false, restore: false }).catch((error) => {
		throw error instanceof GomemError ? ofFlag(input.base.length > 0 ? "--base" : "--diff-base", error) : error;
	});
	const loaded = loadProfiles(
		taken.map((one) => one.profile),
		{
			bases: takenBases.map((one) => one.profile),
			diffBase: input.diffBase.length > 0,
			normalize: input.normalize ?? false,
			allFrames: input.allFrames,
			keepNames: input.symbolize === "none",
			...(input.addComment === undefined ? {} : { comment: input.addComment }),
		},
	);
	if ("error" in loaded) throw incompatible(loaded.error);
	for (const warning of loaded.warnings) ctx.warn(warning);
	const comparison = taken.find((one) => one.comparison !== undefined)?.comparison;
	return {
		profile: loaded.profile,
		...(comparison === undefined ? {} : { comparison }),
		sources: [...taken.map(({ summary }) => summary), ...takenBases.map(({ summary }) => ({ ...summary, base: true }))],
	};
}

/** A program in front of the sources is where names of addresses come from: `gomem profile top BINARY PROFILE`. */
async function splitPrograms(input: OpenInput): Promise<{ programs: Partial<OpenInput>; others: readonly string[] }> {
	const [first = "", ...others] = input.source;
	if (others.length === 0) return { programs: {}, others: input.source };
	const { resolveProfileTarget } = await import("../capture/profile-target.ts");
	const target = await resolveProfileTarget(first);
	if ("problem" in target || target.kind !== "program") return { programs: {}, others: input.source };
	return { programs: { exe: input.exe ?? target.path }, others };
}

async function takeAll(ctx: OperationContext, texts: readonly string[], input: OpenInput): Promise<TakenProfile[]> {
	const results: (readonly TakenProfile[] | GomemError)[] = new Array(texts.length);
	let next = 0;
	const work = async () => {
		for (let at = next++; at < texts.length; at = next++) {
			results[at] = await attempt(() => takeProfiles(ctx, texts[at] ?? "", input));
		}
	};
	await Promise.all(Array.from({ length: Math.min(AT_ONCE, texts.length) }, work));
	const taken: TakenProfile[] = [];
	const failed: GomemError[] = [];
	for (const result of results) {
		if (result instanceof GomemError) failed.push(result);
		else taken.push(...result);
	}
	const [first] = failed;
	if (first !== undefined && taken.length === 0) throw first;
	for (const { missing, summary } of taken) {
		if (missing !== undefined) ctx.warn(`${summary.name} is cut short: ${missing}`);
	}
	for (const error of failed) {
		ctx.warn(`left out: ${error.message}${error.why === undefined ? "" : `: ${error.why}`}`);
	}
	return taken;
}

async function attempt<T>(take: () => Promise<T>): Promise<T | GomemError> {
	try {
		return await take();
	} catch (error) {
		if (error instanceof GomemError) return error;
		throw error;
	}
}

/** The error with the flag that it is about. */
function ofFlag(flag: string, { code, message, why, hint, cause }: GomemError): GomemError {
	return new GomemError({
		code,
		message: `${flag}: ${message}`,
		...(why === undefined ? {} : { why }),
		...(hint === undefined ? {} : { hint }),
		cause,
	});
}

function incompatible(why: string): GomemError {
	return new GomemError({
		code: "profiles-incompatible",
		message: "these profiles cannot be put together",
		why,
		hint: "profiles that are added up or compared must be of one kind: heap with heap, cpu with cpu",
	});
}

/** The error that an unavailable part of the world is, where nothing can be done without it. */
export function unavailableError(code: string, problem: Unavailable): GomemError {
	return new GomemError({
		code,
		message: problem.unavailable,
		...(problem.wouldHelp === undefined ? {} : { hint: problem.wouldHelp }),
	});
}

export function orThrow<T extends object>(code: string, value: T | Unavailable): T {
	if (isUnavailable(value)) throw unavailableError(code, value);
	return value;
}
