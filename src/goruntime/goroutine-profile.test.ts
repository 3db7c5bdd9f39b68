import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type GoroutineStacks, STACK_BROKEN } from "../evidence/stacks.ts";
import { type MadeGoroutine, madeStacks } from "../evidence/testdata/stacks.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { walkProfile } from "../formats/pprof/walk.ts";
import { type GoroutineProfileOptions, goroutineProfile } from "./goroutine-profile.ts";

const PARKED = ["runtime.gopark", "main.inner+main.work", "runtime.goexit"];
const CODE = { start: 0x400000, end: 0x500000, offset: 0, file: "/app", buildId: "" };

function profileOf(
	goroutines: readonly MadeGoroutine[] | GoroutineStacks,
	options: Partial<GoroutineProfileOptions> = {},
): Profile {
	const stacks = "count" in goroutines ? goroutines : madeStacks(goroutines);
	const profile = goroutineProfile(stacks, { mappings: [CODE], timeNanos: 5n, ...options });
	assert.deepEqual(
		walkProfile(profile).filter((one) => one.severity !== "odd"),
		[],
	);
	return profile;
}

/** One line per sample: values, frames by location ("a,b" inlined), labels. */
function lines({ samples, locations, lines: l, functions, strings }: Profile): string[] {
	return Array.from({ length: samples.count }, (_, s) => {
		const stack = [...samples.location.subarray(samples.locationStart[s], samples.locationStart[s + 1])].map((at) =>
			[...l.function.subarray(locations.lineStart[at], locations.lineStart[at + 1])]
				.map((f) => strings.text(functions.name[f] ?? 0))
				.join(),
		);
		const labels = Array.from({ length: (samples.labelStart[s + 1] ?? 0) - (samples.labelStart[s] ?? 0) }, (_, i) => {
			const at = (samples.labelStart[s] ?? 0) + i;
			const text = samples.labels.text[at] ?? -1;
			return `${strings.text(samples.labels.key[at] ?? 0)}=${text < 0 ? samples.labels.number.numbers[at] : strings.text(text)}`;
		});
		return [samples.values.map((column) => column.numbers[s]).join("/"), stack.join(" "), labels.join(" ")].join(" | ");
	});
}

describe("goroutine profile", () => {
	test("counts goroutines of one stack, state and origin, with the bytes of their stacks", () => {
		const alike = [1, 2, 3].map((goid) => ({ goid: goid + 4, frames: PARKED, created: "main.main" }));
		const other = { goid: 9, frames: PARKED, created: "main.main", reason: "select", stackBytes: 8192, resident: 4096 };
		const profile = profileOf([other, ...alike]);
		assert.deepEqual(lines(profile), [
			"3/6144/6144 | runtime.gopark main.inner,main.work | state=chan receive created_by=main.main",
			"1/8192/4096 | runtime.gopark main.inner,main.work | state=select created_by=main.main",
		]);
		assert.deepEqual(
			profile.sampleTypes.map(({ type, unit }) => `${type}/${unit}`),
			["goroutine/count", "stack_space/bytes", "resident_space/bytes"],
		);
		assert.deepEqual([profile.defaultSampleType, profile.period, profile.timeNanos], ["goroutine", 1n, 5n]);
		// as the process's own has it
		assert.deepEqual(lines(profileOf([other, ...alike], { details: "own" })), [
			"4 | runtime.gopark main.inner,main.work | ",
		]);
	});

	test("tells whole minutes of waiting, and that a stack is not whole", () => {
		const profile = profileOf([
			{ goid: 5, frames: PARKED, waitSince: 1 },
			{ goid: 6, frames: PARKED, waitSince: 41e9 },
			{ goid: 7, frames: ["runtime.gopark"], end: STACK_BROKEN },
			{ goid: 1, state: "running", start: "main.inlined+main.loop", created: "ignored.main" },
			{ goid: 8, state: "running" },
		]);
		assert.deepEqual(
			lines(profile).map((line) => line.slice(line.indexOf("|") + 2)),
			[
				"runtime.gopark main.inner,main.work | state=chan receive wait=60",
				"runtime.gopark main.inner,main.work | state=chan receive",
				"runtime.gopark | state=chan receive stack=incomplete",
				"main.loop | state=running stack=running",
				" | state=running stack=running",
			],
		);
	});

	test("leaves the runtime's own goroutines out, unless they are asked for", () => {
		const goroutines = [
			{ goid: 2, frames: ["runtime.gopark", "runtime.bgsweep", "runtime.goexit"], start: "runtime.bgsweep" },
			{ goid: 5, frames: PARKED, start: "main.work" },
		];
		assert.equal(profileOf(goroutines).samples.count, 1);
		assert.equal(profileOf(goroutines, { system: true }).samples.count, 2);
	});

	test("wrappers are left out, but where what they call panicked", () => {
		const stack = (callee: string) => [callee, "main.(*T).Do~wrapper", "main.call", "runtime.goexit"];
		assert.deepEqual(
			lines(
				profileOf([
					{ goid: 5, frames: stack("main.T.Do") },
					{ goid: 6, frames: stack("runtime.sigpanic") },
				]),
			).map((line) => line.split(" | ")[1]),
			["main.T.Do main.call", "runtime.sigpanic main.(*T).Do main.call"],
		);
	});

	test("names generics with their types, and where functions begin, once per name", () => {
		const { functions, strings } = profileOf([
			{ goid: 5, frames: ["main.push[int]", "main.a"] },
			{ goid: 6, frames: ["main.push[string]", "main.a"] },
		]);
		assert.deepEqual(
			Array.from({ length: functions.count }, (_, f) => [
				strings.text(functions.name[f] ?? 0),
				functions.startLine.numbers[f],
			]),
			[
				["main.push[int]", 7],
				["main.a", 0],
				["main.push[string]", 7],
			],
		);
	});

	test("is cut where runtime/pprof cuts, not within what is inlined into one function", () => {
		const frames = ["main.a+main.b+main.c", "main.d", "main.e"];
		const stack = (maxFrames?: number) =>
			lines(profileOf([{ goid: 5, frames }], maxFrames === undefined ? {} : { maxFrames }))[0]?.split(" | ")[1];
		assert.equal(stack(), "main.a,main.b,main.c main.d main.e");
		assert.equal(stack(4), "main.a,main.b,main.c main.d");
		assert.equal(stack(2), "main.a,main.b,main.c");
	});

	test("has the program's labels, each set a sample", () => {
		const stacks = madeStacks([5, 6, 7, 8].map((goid) => ({ goid, frames: PARKED })));
		const sets = [[{ key: "tenant", value: "a" }], [{ key: "tenant", value: "b" }]];
		const labelled = { ...stacks, labels: { set: Int32Array.of(0, -1, 1, 1), sets, unread: 0 } };
		assert.deepEqual(
			lines(profileOf(labelled, { details: "own" })).map((line) => line.replace(/ \| .* \| /, " ")),
			["2 tenant=b", "1 tenant=a", "1 "],
		);
	});

	test("of none is one", () => {
		assert.equal(profileOf([]).samples.count, 0);
	});

	test("of a million goroutines is made in seconds", () => {
		const one = madeStacks([{ goid: 5, frames: PARKED, created: "main.main" }]);
		const count = 1_000_000;
		const fill = <T extends Float64Array | Uint8Array | Int32Array>(column: T): T =>
			new (column.constructor as new (length: number) => T)(count).fill(column[0] ?? 0) as T;
		const columns = Object.entries(one).map(([name, value]) =>
			ArrayBuffer.isView(value) && name !== "sites" ? [name, fill(value as Float64Array)] : [name, value],
		);
		const many = { ...Object.fromEntries(columns), count } as GoroutineStacks;
		const started = performance.now();
		assert.equal(lines(profileOf(many))[0]?.split("/")[0], String(count));
		assert.ok(performance.now() - started < 20_000);
	});
});
