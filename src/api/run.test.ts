import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Type } from "typebox";
import { run } from "../../testing/operations.ts";
import { Bytes, type Clock, Duration, defineOperation, parseBytes, parseDuration, repeat } from "./operation.ts";
import { effectsOf, prepare } from "./run.ts";
import { errorSchema, inputSchema, resultSchema } from "./schema-published.ts";

const frame = { summary: "A test", group: "gomem itself", effect: "read", target: "none", examples: [] } as const;

const query = defineOperation({
	...frame,
	name: "a query",
	kind: "query",
	target: "required",
	input: Type.Object({
		wait: Duration({ description: "a while", default: "1s" }),
		least: Type.Optional(Bytes({ description: "a size" })),
		level: Type.Optional(Type.Enum(["low", "high"], { description: "a choice", setting: "output.format" })),
		pause: Type.Optional(Duration({ description: "stop", effect: "pauses" })),
		write: Type.Boolean({ description: "change", effect: "writes-target", default: false }),
		ids: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { description: "numbers" })),
	}),
	result: Type.Object({ got: Type.Unknown() }),
	run: async (_ctx, input) => ({ got: input }),
});

const settings = { given: () => undefined } as unknown as Parameters<typeof prepare>[2]["settings"];

test("input is converted, filled in and handed on with the schema first", async () => {
	const outcome = await run(query, { target: "1", wait: "2m", least: "1.5GiB", ids: "7" });
	assert.equal(outcome.kind, "document");
	assert.equal(
		JSON.stringify(outcome.kind === "document" && outcome.document),
		'{"schema":"gomem.a-query/1","got":{"target":"1","wait":120000,"least":1610612736,"ids":[7],"write":false}}',
	);
});

test("wrong input is refused by name", async () => {
	const refused = (input: object, message: RegExp) =>
		assert.rejects(run(query, input as Record<string, unknown>), { code: "invalid-input", message });
	await refused({}, /^target is missing/);
	await refused({ target: "1", wait: "1 week" }, /^wait cannot be "1 week"/);
	await refused({ target: "1", least: "9999999TiB" }, /^least: 9999999TiB is more/);
	await refused({ target: "1", ids: ["x"] }, /^ids cannot be/);
	await refused({ target: "1", ids: ["1.5"] }, /^ids cannot be/);
	await refused({ target: "1", nope: 1 }, /^nope is not known/);
	await refused({ target: "1", every: "1s" }, /^every is not known/);
});

test("effects come from the operation and from the flags that are set", () => {
	assert.deepEqual(effectsOf(query, { write: false }), ["read"]);
	assert.deepEqual(effectsOf(query, { write: true, pause: 500 }), ["read", "pauses", "writes-target"]);
	assert.throws(() => prepare(query, { target: "1", pause: "1s" }, { settings, allow: ["read"] }), {
		code: "effect-not-allowed",
	});
	prepare(query, { target: "1" }, { settings, allow: ["read"] });
});

test("a setting stands in where the input is absent", () => {
	const given = { given: (key: string) => (key === "output.format" ? "high" : undefined) } as typeof settings;
	assert.equal((prepare(query, { target: "1" }, { settings: given }) as { level: string }).level, "high");
	assert.equal((prepare(query, { target: "1", level: "low" }, { settings: given }) as { level: string }).level, "low");
});

test("a result that breaks its schema is a bug where results are checked", async () => {
	const wrong = defineOperation({
		...frame,
		name: "wrong",
		kind: "query",
		input: Type.Object({}),
		result: Type.Object({ bytes: Type.Integer() }),
		run: async () => ({ bytes: 1.5 }),
	});
	await assert.rejects(run(wrong), TypeError);
});

/** A clock whose sleep takes no time, and a reading that takes `cost`. */
function fakeClock(): Clock & { time: number } {
	return {
		time: 0,
		now() {
			return this.time;
		},
		monotonic() {
			return this.time;
		},
		async sleep(ms) {
			this.time += Math.max(0, ms);
		},
	};
}

test("readings keep the beat, skip what they missed and end with the signal", async () => {
	const clock = fakeClock();
	const stop = new AbortController();
	const at: number[] = [];
	const costs = [10, 250, 10, 10];
	const beat = defineOperation({
		...frame,
		name: "beat",
		kind: "query",
		input: Type.Object({}),
		result: Type.Object({ at: Type.Number() }),
		run: async () => ({ at: -1 }),
		watch: (ctx) =>
			repeat(ctx, async () => {
				const start = clock.time;
				clock.time += costs[at.length] ?? 0;
				return { at: start };
			}),
	});
	const outcome = await run(beat, { every: "100ms" }, { clock, signal: stop.signal });
	assert.ok(outcome.kind === "documents");
	for await (const document of outcome.documents) {
		at.push(document["at"] as number);
		if (at.length === 4) stop.abort();
	}
	assert.deepEqual(at, [0, 100, 400, 500]);
	assert.deepEqual(await run(beat), { kind: "document", document: { schema: "gomem.beat/1", at: -1 } });
});

test("readings that would follow each other without a pause are refused, and the least pause is named", async () => {
	const often = defineOperation({
		...frame,
		name: "often",
		kind: "query",
		input: Type.Object({}),
		result: Type.Object({}),
		run: async () => ({}),
		watch: (ctx) => repeat(ctx, async () => ({})),
	});
	for (const every of ["0s", "0ms", "1ms", "99ms"]) {
		await assert.rejects(run(often, { every }), { code: "invalid-input", message: /at least 100ms apart/ });
	}
	assert.equal((await run(often, { every: "100ms" })).kind, "documents");
});

test("the frame's own inputs cannot be declared", () => {
	const define = () =>
		defineOperation({
			...frame,
			name: "clash",
			kind: "query",
			input: Type.Object({ target: Type.String() }),
			result: Type.Object({}),
			run: async () => ({}),
		});
	assert.throws(define, /"target" is added by the frame/);
});

test("published schemas are draft 2020-12 with an $id", () => {
	const result = resultSchema(query) as { $id: string; required: string[]; properties: Record<string, unknown> };
	assert.equal(result.$id, "gomem.a-query/1");
	assert.deepEqual(result.required, ["schema", "got"]);
	assert.deepEqual(Object.keys(result.properties), ["schema", "got"]);
	assert.match(JSON.stringify(inputSchema(query)), /"additionalProperties":false/);
	assert.match(JSON.stringify(errorSchema), /2020-12/);
});

test("durations and sizes", () => {
	assert.deepEqual(
		["500ms", "5s", "1m", "2h", "1d", "1.5s"].map(parseDuration),
		[500, 5000, 60e3, 7200e3, 86400e3, 1500],
	);
	assert.deepEqual(["", "5", "s", "-5s", "5 s", "1e3s", "5ss"].map(parseDuration), Array(7).fill(undefined));
	assert.deepEqual(["4096", "4096B", "64MiB", "64MB", "64M", "1.5GiB", "2KiB"].map(parseBytes), [
		4096,
		4096,
		2 ** 26,
		2 ** 26,
		2 ** 26,
		1.5 * 2 ** 30,
		2048,
	]);
	assert.deepEqual(["", "MiB", "1XiB", "-1", "9999999TiB", "1iB"].map(parseBytes), Array(6).fill(undefined));
	fc.assert(fc.property(fc.nat(), (n) => parseBytes(`${n}KiB`) === n * 1024));
});
