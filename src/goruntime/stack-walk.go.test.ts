import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { STACK_BROKEN, STACK_COMPLETE, STACK_CUT, STACK_SWITCHED } from "../evidence/stacks.ts";
import { FUNC_FLAG_SP_WRITE, FUNC_FLAG_TOP_FRAME } from "../formats/pclntab/func-record.ts";
import { MAX_FRAMES, StackWalker } from "./stack-walk.ts";
import { callRules } from "./stack-walk-arch.ts";
import { StackSites } from "./stack-walk-sites.ts";
import { DistinctStacks } from "./stack-walk-table.ts";
import { type ProgramCode, symbolize } from "./symbols.ts";
import { compilerCode } from "./testdata/compiler-code.ts";
import { StackWords } from "./testdata/stack-words.ts";

const LOW = 0xc000100000;
const words = (count: number): StackWords => new StackWords(LOW, count);

describe("walking a stack", () => {
	let code: ProgramCode;
	/** return addresses in ordinary functions with a frame, and one in goexit */
	const calls: number[] = [];
	let goexit = 0;

	before(async () => {
		code = await compilerCode();
		const { pclntab } = code;
		for (let i = 0; i < pclntab.functionCount; i += 7) {
			const pc = pclntab.entry(i) + 40;
			const plain = (pclntab.flag(i) & (FUNC_FLAG_SP_WRITE | FUNC_FLAG_TOP_FRAME)) === 0 && pclntab.funcID(i) === 0;
			if (plain && pc < pclntab.end(i) && pclntab.spDelta(pc) >= 0 && pclntab.func(i).pcsp !== 0) calls.push(pc);
		}
		goexit = pclntab.entry(pclntab.findByName(new Set(["runtime.goexit"])).get("runtime.goexit") ?? -1) + 1;
	});

	/** Lays the calls out as the CPU would have, innermost first; returns where the stack pointer is. */
	function layOut(chain: readonly number[], memory: StackWords, top: number): number {
		let sp = top;
		for (const [i, pc] of [...chain].reverse().entries()) {
			if (i > 0) {
				sp -= 8;
				memory.set(sp, [...chain].reverse()[i - 1] ?? 0);
			}
			sp -= code.pclntab.spDelta(pc);
		}
		return sp;
	}

	test("arrives at every frame of stacks laid out by the tables, and at their names", () => {
		const index = fc.nat({ max: 100_000 });
		fc.assert(
			fc.property(fc.array(index, { minLength: 1, maxLength: 60 }), (picks) => {
				const chain = [...picks.map((i) => calls[i % calls.length] ?? 0), goexit];
				const depth = chain.reduce((bytes, pc) => bytes + code.pclntab.spDelta(pc) + 8, 0);
				const memory = words(depth / 8 + 4);
				const high = LOW + memory.bytes.length;
				const sp = layOut(chain, memory, high - 8);
				const sites = new StackSites(code);
				const walker = new StackWalker(sites, memory, callRules.amd64);
				assert.equal(walker.walk(chain[0] ?? 0, sp, LOW, high), STACK_COMPLETE);
				assert.equal(walker.length, chain.length);
				const pcs = sites.pcs;
				const names = symbolize(code, pcs);
				chain.forEach((pc, i) => {
					const site = walker.walked[i] ?? -1;
					assert.equal(pcs[site], pc === code.pclntab.entry(code.pclntab.find(pc)) ? pc : pc - 1);
					assert.equal(names[site]?.at(-1)?.function, code.pclntab.name(code.pclntab.find(pc)));
				});
			}),
			{ numRuns: 150, seed: 7 },
		);
	});

	test("never throws, never leaves the stack, and always ends, whatever stands in memory", () => {
		const ends = new Set<number>();
		let seed = 12345;
		const random = (below: number) => {
			seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
			return Math.floor((seed / 2 ** 32) * below);
		};
		const sites = new StackSites(code);
		for (let round = 0; round < 400; round++) {
			const memory = words(512);
			// beyond `high`, and at the end of what can be read, stand valid returns as well: following them would be a mistake
			const high = LOW + 8 * (1 + random(511));
			for (let at = LOW; at < LOW + memory.bytes.length; at += 8) {
				const kind = random(10);
				if (kind < 6) memory.set(at, calls[random(calls.length)] ?? 0);
				else if (kind === 6) memory.set(at, code.pclntab.text + random(2 ** 24));
				else if (kind === 7) memory.set(at, LOW + random(4096));
				else if (kind === 8) memory.set(at, random(2 ** 31) * 2 ** 31);
			}
			const walker = new StackWalker(sites, memory, callRules.amd64);
			const sp = random(20) === 0 ? random(2 ** 31) : LOW + 8 * random(512);
			const end = walker.walk(calls[random(calls.length)] ?? 0, sp, LOW, random(20) === 0 ? high * 2 : high);
			ends.add(end);
			assert.ok(walker.length <= 513);
		}
		assert.ok(ends.has(STACK_BROKEN));
		for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 53]) {
			const walker = new StackWalker(sites, words(8), callRules.amd64);
			assert.equal(walker.walk(bad, LOW, LOW, LOW + 64), STACK_BROKEN);
			assert.equal(walker.walk(goexit - 1, bad, LOW, LOW + 64), STACK_BROKEN);
		}
	});

	test("an endless recursion is cut at the limit", () => {
		const pc = calls.find((one) => code.pclntab.spDelta(one) === 0) ?? calls[0] ?? 0;
		const step = code.pclntab.spDelta(pc) + 8;
		const memory = words((step / 8) * (MAX_FRAMES + 100));
		const high = LOW + memory.bytes.length;
		for (let at = LOW + step - 8; at < high; at += step) memory.set(at, pc);
		const walker = new StackWalker(new StackSites(code), memory, callRules.amd64);
		assert.equal(walker.walk(pc, LOW, LOW, high), STACK_CUT);
		assert.equal(walker.length, MAX_FRAMES);
	});

	test("stops where a function moves the stack pointer, unless it is the innermost", () => {
		const { pclntab } = code;
		const find = (name: string) => pclntab.entry(pclntab.findByName(new Set([name])).get(name) ?? -1);
		const gogo = find("gogo"); // flagged SPWRITE (asm_amd64.s)
		assert.notEqual(pclntab.flag(pclntab.find(gogo)) & FUNC_FLAG_SP_WRITE, 0);
		const memory = words(64);
		const high = LOW + 512;
		const caller = calls[0] ?? 0;
		const sp = layOut([caller, gogo + 1, goexit], memory, high - 8);
		const walker = new StackWalker(new StackSites(code), memory, callRules.amd64);
		assert.equal(walker.walk(caller, sp, LOW, high), STACK_SWITCHED);
		assert.equal(walker.length, 2);
		const inner = layOut([gogo, goexit], memory, high - 8);
		assert.equal(walker.walk(gogo, inner, LOW, high), STACK_COMPLETE);
	});

	test("what was interrupted is looked up where it stands, what called at the call", () => {
		const { pclntab } = code;
		const asyncPreempt = pclntab.entry(
			pclntab.findByName(new Set(["runtime.asyncPreempt"])).get("runtime.asyncPreempt") ?? -1,
		);
		const interrupted = calls[5] ?? 0;
		const memory = words(4096);
		const high = LOW + memory.bytes.length;
		const sp = layOut([asyncPreempt, interrupted, goexit], memory, high - 8);
		const sites = new StackSites(code);
		const walker = new StackWalker(sites, memory, callRules.amd64);
		assert.equal(walker.walk(asyncPreempt, sp, LOW, high), STACK_COMPLETE);
		const pcs = [...walker.walked.subarray(0, 3)].map((site) => sites.pcs[site]);
		assert.deepEqual(pcs, [asyncPreempt, interrupted, goexit - 1]);
	});

	test("a call of a nil function begins in its caller", () => {
		const memory = words(4096);
		const high = LOW + memory.bytes.length;
		const caller = calls[3] ?? 0;
		const sp = layOut([caller, goexit], memory, high - 8) - 8;
		memory.set(sp, caller);
		const walker = new StackWalker(new StackSites(code), memory, callRules.amd64);
		assert.equal(walker.walk(0, sp, LOW, high), STACK_COMPLETE);
		assert.equal(walker.length, 2);
	});
});

describe("distinct stacks", () => {
	test("are numbered as a map of texts would number them", () => {
		const stack = fc.tuple(
			fc.array(fc.nat({ max: 3 }), { maxLength: 6 }),
			fc.constantFrom(STACK_COMPLETE, STACK_BROKEN),
		);
		fc.assert(
			fc.property(fc.array(stack, { maxLength: 600 }), (all) => {
				const distinct = new DistinctStacks();
				const expected = new Map<string, number>();
				for (const [sites, end] of all) {
					const key = `${sites.join()}|${end}`;
					if (!expected.has(key)) expected.set(key, expected.size);
					assert.equal(distinct.add(Uint32Array.from(sites), sites.length, end), expected.get(key));
				}
				const table = distinct.table();
				assert.equal(table.count, expected.size);
				for (const [key, i] of expected) {
					const sites = table.sites.subarray(table.offsets[i], table.offsets[i + 1]);
					assert.equal(`${[...sites].join()}|${table.end[i]}`, key);
				}
			}),
			{ numRuns: 60, seed: 3 },
		);
	});

	test("are bounded: of too many deep ones only the innermost frames are kept", () => {
		const distinct = new DistinctStacks();
		const deep = new Uint32Array(MAX_FRAMES);
		let cut = 0;
		for (let i = 0; i < 8000; i++) {
			deep[0] = i;
			const stack = distinct.add(deep, deep.length, STACK_COMPLETE);
			assert.ok(stack >= 0);
			cut = stack;
		}
		const table = distinct.table();
		assert.ok(table.sites.length <= 1 << 24);
		assert.equal(table.end[cut], STACK_CUT);
		assert.equal(table.end[0], STACK_COMPLETE);
	});
});
