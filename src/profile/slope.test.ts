import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProfileSlope, profileSlope, type SlopeVerdict } from "./slope.ts";
import { smallProfile } from "./testdata/small-profile.ts";

const MIB = 2 ** 20;

/** Readings every 30 s in which `held` of MiB hang on main.leaky and 100 MiB on main.base; the figures jitter. */
function series(count: number, held: (at: number) => number, allocatedExtra = 0): ProfileSlope {
	const readings = Array.from({ length: count }, (_, at) => {
		const jitter = ((at * 7919) % 13) - 6;
		const profile = smallProfile([
			["main;leaky", Math.round(held(at) * MIB) + jitter * 1000],
			["main;base", 100 * MIB - jitter * 900],
		]);
		// what was allocated is twice what is held, plus what came and went
		const allocated = profile.samples.values[0]?.numbers.map((value) => value + allocatedExtra * at * MIB);
		const values = [{ numbers: allocated ?? new Float64Array(2), exact: undefined }, profile.samples.values[1]!];
		return { seconds: at * 30, profile: { ...profile, samples: { ...profile.samples, values } } };
	});
	const made = profileSlope(readings);
	if ("error" in made) throw new Error(made.error);
	return made;
}

const cases: readonly (readonly [name: string, of: () => ProfileSlope, verdict: SlopeVerdict])[] = [
	["what rises all the time is a leak", () => series(20, (at) => 10 + at * 2), "leak"],
	["what stays is stable", () => series(20, () => 50), "stable"],
	["what stays while much is allocated is churn", () => series(20, () => 50, 40), "churn"],
	["what levels off is a growing cache", () => series(24, (at) => 60 * (1 - Math.exp(-at / 4))), "growing cache"],
	["what rises by less than is worth telling is stable", () => series(20, (at) => 10 + at * 0.01), "stable"],
	[
		"a jump at the end is not stable, and no leak yet",
		() => series(4, (at) => [22, 20, 21, 150][at] ?? 0),
		"undecided",
	],
	["one peak among many readings is stable", () => series(20, (at) => (at === 11 ? 150 : 50)), "stable"],
	["two readings decide nothing", () => series(2, (at) => at * 10), "undecided"],
];

for (const [name, of, verdict] of cases) test(name, () => assert.equal(of().whole.verdict, verdict));

test("the site that carries a leak comes first, with its slope and share", () => {
	const { sites, whole, seconds, heldAt, sampleType, allocatedType, unit } = series(20, (at) => 10 + at * 2);
	assert.deepEqual([sampleType, allocatedType, unit], ["inuse_space", "alloc_space", "bytes"]);
	assert.deepEqual([seconds.length, heldAt.length], [20, 20]);
	assert.equal(sites[0]?.name, "leaky");
	assert.equal(sites[0]?.verdict, "leak");
	const perSecond = sites[0]?.held?.slope ?? 0;
	assert.ok(Math.abs(perSecond - (2 * MIB) / 30) < 100, `${perSecond}`);
	assert.ok((sites[0]?.held?.low ?? 0) <= perSecond && perSecond <= (sites[0]?.held?.high ?? 0));
	assert.ok(Math.abs((sites[0]?.share ?? 0) - 1) < 0.01);
	assert.ok(Math.abs((whole.held?.slope ?? 0) - perSecond) < 200);
	assert.equal(sites[1]?.verdict, "stable");
});

test("no profiles and an unknown sample type are errors", () => {
	assert.deepEqual(profileSlope([]), { error: "no profiles to compare" });
	const made = profileSlope([{ seconds: 0, profile: smallProfile([["a", 1]]) }], { options: { sample_index: "cpu" } });
	assert.ok("error" in made && /must be one of/.test(made.error));
});
