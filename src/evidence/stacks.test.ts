import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ParseError } from "../bytes/parse-error.ts";
import { decodeStacks, encodeGoroutines, encodeSymbols, STACK_BROKEN } from "./stacks.ts";
import { madeStacks } from "./testdata/stacks.ts";

const made = madeStacks([
	{ goid: 1, state: "running", start: "runtime.main" },
	{
		goid: 7,
		frames: ["runtime.gopark", "main.inner[int]+main.work", "runtime.goexit"],
		created: "main.main",
		waitSince: 99e9,
	},
	{
		goid: 8,
		frames: ["runtime.gopark", "main.inner[int]+main.work", "runtime.goexit"],
		created: "main.main",
		reason: "select",
	},
	{ goid: 9, frames: ["runtime.gopark", "main.(*T).Do~wrapper"], end: STACK_BROKEN, stackBytes: 65536, resident: 8192 },
]);

describe("goroutines in a bundle", () => {
	test("come back as they were", () => {
		assert.deepEqual(decodeStacks(encodeGoroutines(made), encodeSymbols(made)), made);
	});

	test("are there without symbols, and with those of other places", () => {
		const bare = decodeStacks(encodeGoroutines(made), undefined);
		assert.deepEqual(bare, { ...made, symbols: made.symbols.map(() => []) });
		const other = madeStacks([{ goid: 1, frames: ["other.place"] }]);
		const mixed = decodeStacks(encodeGoroutines(made), encodeSymbols(other));
		assert.equal(mixed.symbols.length, made.sites.length);
		assert.equal(mixed.symbols[0]?.[0]?.function, "other.place"); // at the same address
		assert.deepEqual(mixed.symbols[1], []);
	});

	test("symbols that were recorded before they had more to tell are read", () => {
		const { more: _more, ...old } = JSON.parse(Buffer.from(encodeSymbols(made)).toString());
		const read = decodeStacks(encodeGoroutines(made), Buffer.from(JSON.stringify(old)));
		const without = made.symbols.map((frames) =>
			frames.map(({ symbol: _symbol, startLine: _line, ...frame }) => frame),
		);
		assert.deepEqual(read, { ...made, symbols: without });
		assert.notDeepEqual(read, made);
	});

	test("an empty process is one", () => {
		const none = madeStacks([]);
		assert.deepEqual(decodeStacks(encodeGoroutines(none), encodeSymbols(none)), none);
	});

	test("cut anywhere, only ParseError escapes", () => {
		const [goroutines, symbols] = [encodeGoroutines(made), encodeSymbols(made)];
		for (let length = 0; length < goroutines.length; length++) {
			assert.throws(() => decodeStacks(goroutines.subarray(0, length), symbols), ParseError);
		}
		for (let length = 0; length < symbols.length; length++) {
			assert.throws(() => decodeStacks(goroutines, symbols.subarray(0, length)), ParseError);
		}
	});

	test("bytes changed, what is accepted has every index in its range", () => {
		let accepted = 0;
		let seed = 99;
		const random = (below: number) => {
			seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
			return Math.floor((seed / 2 ** 32) * below);
		};
		for (let round = 0; round < 4000; round++) {
			const parts = [encodeGoroutines(made), encodeSymbols(made)] as const;
			const part = parts[random(2)] ?? parts[0];
			// mostly digits, so that the JSON stays JSON and the checks behind it are reached
			part[random(part.length)] = random(4) === 0 ? random(256) : 48 + random(10);
			try {
				const s = decodeStacks(...parts);
				accepted++;
				for (let row = 0; row < s.count; row++) {
					const stack = s.stack[row] ?? Number.NaN;
					assert.ok(stack === -1 || (stack >= 0 && stack < s.stacks.count));
					assert.ok((s.createdAt[row] ?? Number.NaN) < s.sites.length);
				}
				assert.ok(s.stacks.sites.every((site) => site < s.symbols.length));
			} catch (error) {
				if (!(error instanceof ParseError)) throw error;
			}
		}
		assert.ok(accepted > 100, `${accepted} accepted`);
	});

	test("columns of different lengths, indices beyond the end and other kinds of numbers are refused", () => {
		const document = JSON.parse(new TextDecoder().decode(encodeGoroutines(made))) as Record<string, unknown>;
		const decode = (change: Record<string, unknown>) =>
			decodeStacks(new TextEncoder().encode(JSON.stringify({ ...document, ...change })), undefined);
		assert.throws(() => decode({ status: [1] }), /status: expected 4 elements, found 1/);
		assert.throws(() => decode({ stack: [-1, 0, 1, 7] }), /stack: expected whole numbers from -1 to 1, found 7/);
		assert.throws(() => decode({ stack: [-1, 0, 1.5, 0] }), /found 1.5/);
		assert.throws(() => decode({ sites: "none" }), /sites: expected a list, found string/);
		assert.throws(() => decode({ format: "gomem.goroutines/2" }), /format: expected gomem.goroutines\/1/);
		assert.throws(() => decode({ stacks: { offsets: [0, 2, 1, 3], sites: [0, 0, 0], end: [0, 0, 0] } }), /rising/);
		assert.throws(() => decode({ stacks: null }), ParseError);
		assert.throws(() => decode({ nanotime: -1 }), /nanotime/);
	});
});
