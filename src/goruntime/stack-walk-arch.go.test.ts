import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { STACK_BROKEN, STACK_COMPLETE } from "../evidence/stacks.ts";
import { FUNC_FLAG_SP_WRITE, FUNC_FLAG_TOP_FRAME } from "../formats/pclntab/func-record.ts";
import { StackWalker } from "./stack-walk.ts";
import { callRules } from "./stack-walk-arch.ts";
import { StackSites } from "./stack-walk-sites.ts";
import type { ProgramCode } from "./symbols.ts";
import { compilerCode } from "./testdata/compiler-code.ts";
import { StackWords } from "./testdata/stack-words.ts";

// The rule of a link register, on stacks laid out by it. The tables of frames are those of a program at hand, of whatever
// machine: real arm64 programs are in testing/integration/core-arm64-stacks.test.ts.

const LOW = 0x4000100000;
const words = (count: number): StackWords => new StackWords(LOW, count);

describe("walking a stack where calls leave their return address in a register", () => {
	let code: ProgramCode;
	/** places in functions that have their frame, and in ones that have none */
	const framed: number[] = [];
	const leaves: number[] = [];
	let goexit = 0;
	let asyncPreempt = 0;

	before(async () => {
		code = await compilerCode();
		const { pclntab } = code;
		for (let i = 0; i < pclntab.functionCount; i += 7) {
			const plain = (pclntab.flag(i) & (FUNC_FLAG_SP_WRITE | FUNC_FLAG_TOP_FRAME)) === 0 && pclntab.funcID(i) === 0;
			if (!plain || pclntab.func(i).pcsp === 0) continue;
			const pc = pclntab.entry(i) + 40;
			if (pc < pclntab.end(i) && pclntab.spDelta(pc) > 0) framed.push(pc);
			leaves.push(pclntab.entry(i));
		}
		const found = pclntab.findByName(new Set(["runtime.goexit", "runtime.asyncPreempt"]));
		goexit = pclntab.entry(found.get("runtime.goexit") ?? -1) + 1;
		const preempt = found.get("runtime.asyncPreempt") ?? -1;
		asyncPreempt = pclntab.entry(preempt);
		while (pclntab.spDelta(asyncPreempt) <= 0) asyncPreempt++;
		assert.equal(pclntab.find(asyncPreempt), preempt);
	});

	const delta = (pc: number) => code.pclntab.spDelta(pc);

	/** Frames with the return address at their start, innermost first, the last one ending at `top`; returns the pointer. */
	function layOut(chain: readonly number[], memory: StackWords, top: number): number {
		let sp = top;
		for (let i = chain.length - 1; i >= 0; i--) {
			sp -= delta(chain[i] ?? 0);
			if (i + 1 < chain.length && delta(chain[i] ?? 0) > 0) memory.set(sp, chain[i + 1] ?? 0);
		}
		return sp;
	}

	function placesOf(sites: StackSites, walker: StackWalker): (number | undefined)[] {
		const { pcs } = sites;
		return [...walker.walked.subarray(0, walker.length)].map((site) => pcs[site]);
	}

	const above = (pcs: readonly number[]) =>
		pcs.map((pc) => (pc === code.pclntab.entry(code.pclntab.find(pc)) ? pc : pc - 1));

	test("arrives at every frame, and from a leaf through the register", () => {
		const picks = fc.array(fc.nat({ max: 100_000 }), { minLength: 1, maxLength: 60 });
		fc.assert(
			fc.property(picks, fc.boolean(), (indices, leaf) => {
				const calls = indices.map((i) => framed[i % framed.length] ?? 0);
				const chain = [...(leaf ? [leaves[(indices[0] ?? 0) % leaves.length] ?? 0] : []), ...calls, goexit];
				const memory = words(chain.reduce((bytes, pc) => bytes + delta(pc), 0) / 8 + 4);
				const high = LOW + memory.bytes.length;
				const sp = layOut(chain, memory, high - 16);
				const sites = new StackSites(code);
				const walker = new StackWalker(sites, memory, callRules.arm64);
				assert.equal(walker.walk(chain[0] ?? 0, sp, LOW, high, leaf ? (chain[1] ?? 0) : 0), STACK_COMPLETE);
				assert.deepEqual(placesOf(sites, walker), above(chain));
			}),
			{ numRuns: 100, seed: 11 },
		);
	});

	test("the register counts only where there is no frame", () => {
		const [pc = 0, caller = 0, wrong = 0] = framed;
		const memory = words(4096);
		const high = LOW + memory.bytes.length;
		const sp = layOut([pc, caller, goexit], memory, high - 16);
		const sites = new StackSites(code);
		const walker = new StackWalker(sites, memory, callRules.arm64);
		assert.equal(walker.walk(pc, sp, LOW, high, wrong), STACK_COMPLETE);
		assert.deepEqual(placesOf(sites, walker), above([pc, caller, goexit]));
		// and on amd64 never: what stands in gobuf.lr there is not one
		const other = new StackWalker(sites, memory, callRules.amd64);
		memory.set(high - 8, goexit);
		assert.equal(other.walk(leaves[1] ?? 0, high - 8, LOW, high, wrong), STACK_COMPLETE);
		assert.equal(other.length, 2);
	});

	for (const where of ["framed", "leaf"] as const) {
		test(`what a signal interrupted, ${where}, is found behind the word that its handler kept`, () => {
			const interrupted = where === "framed" ? (framed[4] ?? 0) : (leaves[4] ?? 0);
			const caller = framed[9] ?? 0;
			const memory = words(4096);
			const high = LOW + memory.bytes.length;
			const outer = layOut([interrupted, caller, goexit], memory, high - 16);
			memory.set(outer - 16, where === "leaf" ? caller : 0x1234);
			const sp = outer - 16 - delta(asyncPreempt);
			memory.set(sp, interrupted);
			const sites = new StackSites(code);
			const walker = new StackWalker(sites, memory, callRules.arm64);
			assert.equal(walker.walk(asyncPreempt, sp, LOW, high), STACK_COMPLETE);
			// at the instruction that was interrupted, not at one before it
			assert.deepEqual(placesOf(sites, walker).slice(1), [interrupted, ...above([caller, goexit])]);
		});
	}

	test("a call of a nil function begins in its caller, which the register knows", () => {
		const caller = framed[3] ?? 0;
		const memory = words(4096);
		const high = LOW + memory.bytes.length;
		const sp = layOut([caller, goexit], memory, high - 16);
		const sites = new StackSites(code);
		const walker = new StackWalker(sites, memory, callRules.arm64);
		assert.equal(walker.walk(0, sp, LOW, high, caller, true), STACK_COMPLETE);
		assert.deepEqual(placesOf(sites, walker), above([caller, goexit]));
	});

	test("never throws, never leaves the stack, and always ends, whatever stands in memory", () => {
		let seed = 4321;
		const random = (below: number) => {
			seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
			return Math.floor((seed / 2 ** 32) * below);
		};
		const sites = new StackSites(code);
		const any = () => (random(3) === 0 ? leaves : framed)[random(framed.length)] ?? 0;
		const ends = new Set<number>();
		for (let round = 0; round < 400; round++) {
			const memory = words(512);
			const high = LOW + 8 * (1 + random(511));
			for (let at = LOW; at < LOW + memory.bytes.length; at += 8) {
				const kind = random(10);
				if (kind < 6) memory.set(at, any());
				else if (kind === 6) memory.set(at, asyncPreempt);
				else if (kind === 7) memory.set(at, LOW + random(4096));
				else if (kind === 8) memory.set(at, random(2 ** 31) * 2 ** 31);
			}
			const walker = new StackWalker(sites, memory, callRules.arm64);
			const lr = random(2) === 0 ? any() : random(2 ** 31) * 2 ** 31;
			ends.add(walker.walk(any(), LOW + 8 * random(512), LOW, random(20) === 0 ? high * 2 : high, lr));
			// a frame without bytes can stand once between others, where it has nowhere to go from
			assert.ok(walker.length <= 2 * 513, `${walker.length} frames`);
		}
		assert.ok(ends.has(STACK_BROKEN));
		// a place that leads to itself
		const memory = words(8);
		memory.set(LOW, leaves[2] ?? 0);
		const walker = new StackWalker(sites, memory, callRules.arm64);
		assert.equal(walker.walk(leaves[2] ?? 0, LOW, LOW, LOW + 64), STACK_BROKEN);
		assert.equal(walker.length, 1);
	});
});
