/** A command line with made-up operations of every kind, run by main.test.ts as a process of its own. */
import { Type } from "typebox";
import { GomemError } from "../../api/errors.ts";
import { ByteCount, Count, Duration, defineOperation, type Operation, repeat } from "../../api/operation.ts";
import { execute } from "../execute.ts";
import { listenForClosedOutput } from "../output.ts";
import { readWords } from "../words.ts";

const frame = { summary: "A fixture", group: "gomem itself", effect: "read", target: "none", examples: [] } as const;

let readings = 0;
const tick = defineOperation({
	...frame,
	name: "tick",
	kind: "query",
	target: "optional",
	input: Type.Object({
		pause: Type.Optional(Duration({ description: "stop the target", bare: "500ms", effect: "pauses" })),
		minSize: Type.Optional(Type.Integer({ description: "a number", minimum: 1, short: "m" })),
		tags: Type.Array(Type.String(), { description: "words", default: [] }),
		swap: Type.Boolean({ description: "count what is swapped", default: true }),
	}),
	result: Type.Object({ input: Type.Unknown(), reading: Count() }),
	run: async (_ctx, input) => ({ input, reading: ++readings }),
	watch: (ctx, input) => repeat(ctx, async () => ({ input, reading: ++readings })),
});

const flood = defineOperation({
	...frame,
	name: "flood",
	kind: "stream",
	input: Type.Object({}),
	result: Type.Object({ text: Type.String() }),
	async *run(ctx) {
		while (!ctx.signal.aborted) yield { text: "x".repeat(10000) };
		process.stderr.write("flood ended\n");
	},
});

const dump = defineOperation({
	...frame,
	name: "dump",
	kind: "artifact",
	input: Type.Object({ fail: Type.Boolean({ description: "half way", default: false }) }),
	result: Type.Object({ size: ByteCount() }),
	run: async (_ctx, input) => ({
		mediaType: "application/octet-stream",
		fileName: "fixture.bin",
		result: { size: 6 },
		bytes: (async function* () {
			yield Uint8Array.of(1, 2, 3);
			if (input.fail) throw new GomemError({ code: "half", message: "half of it" });
			yield Uint8Array.of(4, 5, 6);
		})(),
	}),
});

const find = defineOperation({
	...frame,
	name: "find",
	kind: "query",
	input: Type.Object({ found: Type.Integer({ description: "how many", default: 1 }) }),
	result: Type.Object({ found: Count(), name: Type.String() }),
	findings: (result) => result.found > 0,
	run: async (_ctx, input) => ({ found: input.found, name: "evil\x1b]0;title\x07 \x1b[31mred\x1b[0m" }),
});

const fail = defineOperation({
	...frame,
	name: "fail",
	kind: "query",
	input: Type.Object({ bug: Type.Boolean({ description: "an unexpected one", default: false }) }),
	result: Type.Object({}),
	async run(_ctx, input): Promise<object> {
		if (input.bug) throw new TypeError("undefined is not a function");
		throw new GomemError({
			code: "target-gone",
			message: "process 1 is gone",
			hint: "start it again",
			cause: new Error("ESRCH"),
		});
	},
});

const entries = [tick, flood, dump, find, fail].map((operation: Operation) => ({
	...operation,
	load: async () => operation,
}));

listenForClosedOutput();
const argv = process.argv.slice(2);
const words = readWords(argv, entries);
if (words.kind === "help" || words.kind === "version") throw new Error(words.kind);
process.exitCode = await execute(words, argv, entries);
