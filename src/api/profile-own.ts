import { fetchOwnProfile } from "../capture/profile-endpoint.ts";
import { resolveProfileTarget } from "../capture/profile-target.ts";
import type { ProfileType } from "../capture/profile-types.ts";
import { type FetchedProfile, fetchProfile } from "../capture/profile-url.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { compareProfiles } from "../profile/compare.ts";
import { GomemError } from "./errors.ts";
import type { OperationContext } from "./operation.ts";
import { requestOptions, withUser } from "./profile-credentials.ts";
import type { SourceInput } from "./profile-input.ts";
import type { Comparison } from "./profile-shape.ts";
import { unavailableError } from "./profile-source.ts";
import { decoded, type TakenProfile } from "./profile-take.ts";

/** Stacks that differ, of which the largest are told. */
const TOLD = 10;
/** Since Go 1.23 runtime/pprof keeps so many frames of a goroutine; from outside there are all. */
const GOROUTINE_FRAMES = 128;

/** The profile that a process serves itself, as --endpoint asks for it. Throws GomemError. */
export async function takeOwn(
	ctx: OperationContext,
	pid: number,
	type: ProfileType,
	input: SourceInput,
): Promise<TakenProfile> {
	const fetched = await fetchOwn(ctx, pid, type, input);
	if (isUnavailable(fetched)) throw unavailableError("profile-unavailable", fetched);
	return decoded(fetched.bytes, { kind: "url", name: fetched.address }, input);
}

/** What was read from outside, and how what the process says itself differs from it. Throws GomemError. */
export async function compareWithOwn(
	ctx: OperationContext,
	pid: number,
	type: ProfileType,
	input: SourceInput,
	outside: TakenProfile,
): Promise<TakenProfile> {
	const own = await takeOwn(ctx, pid, type, input);
	const goroutines = type === "goroutine";
	const compared = compareProfiles(outside.profile, own.profile, {
		list: TOLD,
		// labels from outside are more than the program's own
		...(goroutines ? { labels: [], maxFrames: GOROUTINE_FRAMES } : {}),
	});
	const comparison: Comparison = {
		endpoint: own.summary.name,
		totals: compared.totals.map(({ first, second, ...type }) => ({ ...type, outside: first, own: second })),
		stacks: {
			same: compared.stacks.same,
			changed: compared.stacks.changed,
			onlyOutside: compared.stacks.onlyFirst,
			onlyOwn: compared.stacks.onlySecond,
		},
		differences: compared.differences.map(({ frames, first, second }) => ({
			frames: frames.map((frame) => frame.function),
			outside: [...first],
			own: [...second],
		})),
	};
	return { ...outside, comparison };
}

async function fetchOwn(
	ctx: OperationContext,
	pid: number,
	type: ProfileType,
	input: SourceInput,
): Promise<FetchedProfile | Unavailable> {
	const request = { type, seconds: type === "cpu" ? input.seconds : undefined, gc: false };
	const { endpoint = "auto" } = input;
	if (endpoint === "auto") {
		const fetched = await fetchOwnProfile(pid, request, requestOptions(ctx, input, false));
		return fetched;
	}
	const target = await resolveProfileTarget(endpoint);
	if ("problem" in target || target.kind !== "url") {
		throw new GomemError({
			code: "invalid-input",
			message: "--endpoint is no URL",
			hint: "--endpoint=http://HOST:PORT, or --endpoint alone to look at the ports the process listens on",
		});
	}
	return fetchProfile(withUser(target.address, input), request, requestOptions(ctx, input, target.insecure));
}
