import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openProcess } from "../../src/api/memstats-process.ts";
import { fieldNames } from "../../src/api/memstats-shape.ts";
import { operation as why } from "../../src/api/why.ts";
import type { WhyResult } from "../../src/api/why-shape.ts";
import { documentOf } from "../operations.ts";
import { lookStill } from "../settled.ts";
import { smapsSum } from "../subject-proc.ts";
import { allGoVersions, defaultGo, type StartOptions, skipReason, startSubject } from "../subjects.ts";

// Builds and settings that change what the runtime keeps or where: the race detector, GOEXPERIMENT, GODEBUG.

const full = process.env["GOMEM_TEST_MATRIX"] === "full";

/** Each build with experiments compiles all of the standard library anew: a minute or two, so most are nightly. */
const builds: readonly StartOptions[] = [
	{ mode: "race" },
	{ env: { GODEBUG: "madvdontneed=0" } },
	{ env: { GODEBUG: "disablethp=1,profstackdepth=512,gctrace=1" } },
	...(full
		? ([
				...allGoVersions.map((go) => ({ go, mode: "race" as const })),
				{ go: "1.22.12", experiment: "noallocheaders" },
				{ go: "1.24.13", experiment: "noswissmap" },
				{ go: "1.25.9", experiment: "greenteagc" },
				{ go: "1.25.9", experiment: "noswissmap,greenteagc", mode: "stripped" as const },
				{ go: "1.26.8", experiment: "nogreenteagc" },
				{ go: "1.27.3", experiment: "nogreenteagc", mode: "stripped" as const },
				{ go: "1.19.13", env: { GODEBUG: "madvdontneed=0" } },
				{ go: "1.23.12", env: { GODEBUG: "gcstoptheworld=2" } },
			] satisfies StartOptions[])
		: []),
];

/** Figures as digits, whether they are kept as numbers, bigints or texts. */
function text(value: unknown): string {
	return JSON.stringify(value, (_, one: unknown) =>
		typeof one === "bigint" || typeof one === "number" ? String(one) : one,
	);
}

/** Fields that differ, as "name ours theirs". */
async function differences(name: string, options: StartOptions): Promise<string[]> {
	await using subject = await startSubject(name, options);
	const { seen, truth } = await lookStill(subject, async () => {
		const source = await openProcess(String(subject.pid), subject.pid, undefined);
		const taken = await source.next();
		source.close();
		return taken;
	});
	assert.ok(seen !== undefined);
	const told = seen.fields as unknown as Record<string, unknown>;
	const own = truth as unknown as Record<string, unknown>;
	return fieldNames
		.map((field) => [field, text(told[field]), text(own[field])] as const)
		.filter(([, ours, theirs]) => ours !== theirs)
		.map((one) => one.join(" "));
}

describe("MemStats from outside, in variants of builds and settings", () => {
	for (const options of builds) {
		const { go = defaultGo, mode = "plain", experiment, env } = options;
		test([`go${go}`, mode, experiment, env?.["GODEBUG"]].filter(Boolean).join(" "), async (t) => {
			const skip = await skipReason("livemap", options);
			if (skip !== false) return t.skip(skip);
			for (const name of ["livemap", "released"]) assert.deepEqual(await differences(name, options), [], name);
		});
	}
});

test("the race detector's shadow memory is a line of its own, and all is on a line", async (t) => {
	const skip = await skipReason("livemap", { mode: "race" });
	if (skip !== false) return t.skip(skip);
	await using subject = await startSubject("livemap", { mode: "race" });
	await subject.stop();
	const result = (await documentOf(why, { target: String(subject.pid) })) as unknown as WhyResult;
	await subject.resume();
	const line = (id: string) => result.lines.find((one) => one.id === id)?.bytes ?? 0;
	assert.ok(line("runtime.race") > line("heap.live"), `${line("runtime.race")} of shadow memory`);
	const unnamed = result.lines.filter((one) => one.id.startsWith("anon.")).reduce((n, one) => n + one.bytes, 0);
	assert.ok(unnamed < result.rssBytes * 0.01, `${unnamed} unnamed`);
	assert.ok(Math.abs(result.residualBytes) <= result.rssBytes * 0.005);
});

test("pages that were given back with MADV_FREE and are still resident are the heap's, returned", async () => {
	await using subject = await startSubject("released", { env: { GODEBUG: "madvdontneed=0" } });
	await subject.stop();
	// under pressure the kernel takes them, whenever it likes
	const free = () => smapsSum(subject.pid, "LazyFree");
	const before = free();
	const result = (await documentOf(why, { target: String(subject.pid) })) as unknown as WhyResult;
	const after = free();
	await subject.resume();
	assert.ok(before > 32 * 2 ** 20, `${before} are left`);
	const scavenged = result.lines.find((one) => one.id === "heap.scavenged")?.bytes ?? 0;
	assert.ok(
		scavenged >= after - 2 ** 20 && scavenged <= before + 2 ** 20,
		`${scavenged} of ${before} and then ${after}`,
	);
});
