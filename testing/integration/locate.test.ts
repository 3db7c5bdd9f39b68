import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { openExecutable } from "../../src/capture/linux/executable.ts";
import { openSafeMemory, zeroWhereAbsent } from "../../src/capture/linux/safe-memory.ts";
import { LiveMemory } from "../../src/capture/target-memory.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { parseElf } from "../../src/formats/elf/parse.ts";
import { parseMaps } from "../../src/formats/procfs/maps.ts";
import { chooseLayouts } from "../../src/goruntime/layouts/layouts.ts";
import { scanGlobals } from "../../src/goruntime/locate.ts";
import { readMemProfileRate, readProfileCycle } from "../../src/goruntime/profile-state.ts";
import { identifyProgram } from "../../src/goruntime/program.ts";
import type { GlobalName, RuntimeView } from "../../src/goruntime/runtime-view.ts";
import { goVersions, skipReason, startSubject } from "../subjects.ts";

/** What `why` cannot do without, and the rest of what it uses. */
const NEEDED = ["sched", "mheap_", "memstats", "gcController", "allgs", "allp", "allm", "persistentChunks"] as const;
const PROFILER = ["mbuckets", "buckhash", "itabTable", "work"] as const;

/** What a heap profile is read with, with and without symbols. */
function assertProfileState(stripped: RuntimeView, symbols: ReadonlyMap<GlobalName, number>): void {
	const whole: RuntimeView = { ...stripped, globals: symbols };
	const look = stripped.memory.look();
	const [told, derived] = [readProfileCycle(whole, look), readProfileCycle(stripped, look)];
	assert.deepEqual([told.from, derived.from], ["variable", "collections"]);
	assert.deepEqual([derived.cycle, derived.flushed], [told.cycle, told.flushed]);
	const rate = readMemProfileRate(whole, look);
	assert.equal(rate?.from, "variable");
	const without = readMemProfileRate(stripped, look);
	if (without !== undefined) assert.equal(without.rate, rate?.rate);
}

/** Before the first GC, after many, with many goroutines, with the collector off: what the variables hold differs. */
const states: readonly [string, readonly string[]][] = [
	["livemap", ["-mib", "1"]],
	["garbage", []],
	["goroutines", []],
	["churn", []],
	["released", []],
	["noprofile", []],
];

describe("locate: variables found by structure stand where the symbol table says", () => {
	for (const go of goVersions) {
		test(`go${go}`, async (t) => {
			const skip = await skipReason("livemap", { go });
			if (skip !== false) return t.skip(skip);
			for (const [name, args] of states) {
				await using subject = await startSubject(name, { go, args });
				await subject.stop();
				const exe = openExecutable(subject.pid);
				const maps = parseMaps(readFileSync(`/proc/${subject.pid}/maps`));
				const memory = openSafeMemory(subject.pid, { zeroWhereAbsent: zeroWhereAbsent(maps) });
				assert.ok(!isUnavailable(exe) && !isUnavailable(memory));
				const file = identifyProgram(parseElf(exe.file));
				assert.ok(file !== undefined && file.symbols.size > 10, "it has symbols");
				const choice = await chooseLayouts(file.goVersion, "amd64");
				assert.ok(choice.kind === "exact");
				const live = new LiveMemory(memory);
				const found = scanGlobals(live, choice.layout, file.writable);
				assertProfileState({ memory: live, layout: choice.layout, globals: found }, file.symbols);
				exe.file.close();
				memory.close();
				await subject.resume();
				const addresses = (from: ReadonlyMap<GlobalName, number>) => NEEDED.map((n) => `${n} ${from.get(n)}`);
				assert.deepEqual(addresses(found), addresses(file.symbols), name);
				// one of its four lists may be empty, and then a neighbour's reading reaches the same arenas
				assert.ok(
					Math.abs((found.get("gcBitsArenas") ?? 0) - (file.symbols.get("gcBitsArenas") ?? 0)) <= 8,
					`${name}: gcBitsArenas`,
				);
				for (const variable of PROFILER) {
					const at = found.get(variable);
					if (at !== undefined) assert.equal(at, file.symbols.get(variable), `${name}: ${variable}`);
				}
			}
		});
	}
});
