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
import { goVersions, type RunningSubject, skipReason, startSubject } from "../subjects.ts";

/** What `why` cannot do without, and the rest of what it uses. */
const NEEDED = ["sched", "mheap_", "memstats", "gcController", "allgs", "allp", "allm", "persistentChunks"] as const;
const PROFILER = ["mbuckets", "buckhash", "itabTable", "work"] as const;

/** What a heap profile is read with, with and without symbols. */
function profileState(stripped: RuntimeView, symbols: ReadonlyMap<GlobalName, number>) {
	const whole: RuntimeView = { ...stripped, globals: symbols };
	const look = stripped.memory.look();
	return {
		cycle: { told: readProfileCycle(whole, look), derived: readProfileCycle(stripped, look) },
		rate: { told: readMemProfileRate(whole, look), derived: readMemProfileRate(stripped, look) },
	};
}

function assertProfileState({ cycle, rate }: ReturnType<typeof profileState>): void {
	assert.deepEqual([cycle.told.from, cycle.derived.from], ["variable", "collections"]);
	assert.deepEqual([cycle.derived.cycle, cycle.derived.flushed], [cycle.told.cycle, cycle.told.flushed]);
	assert.equal(rate.told?.from, "variable");
	if (rate.derived !== undefined) assert.equal(rate.derived.rate, rate.told.rate);
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
				for (let attempt = 1; ; attempt++) {
					const { found, symbols, profile, collections } = await located(subject);
					assertFound(name, found, symbols);
					// one that ended since is counted, and its profile perhaps not yet published
					if (profile.cycle.derived.cycle !== collections && attempt < 20) continue;
					assertProfileState(profile);
					break;
				}
			}
		});
	}
});

function assertFound(
	name: string,
	found: ReadonlyMap<GlobalName, number>,
	symbols: ReadonlyMap<GlobalName, number>,
): void {
	const addresses = (from: ReadonlyMap<GlobalName, number>) => NEEDED.map((n) => `${n} ${from.get(n)}`);
	assert.deepEqual(addresses(found), addresses(symbols), name);
	// one of its four lists may be empty, and then a neighbour's reading reaches the same arenas
	assert.ok(
		Math.abs((found.get("gcBitsArenas") ?? 0) - (symbols.get("gcBitsArenas") ?? 0)) <= 8,
		`${name}: gcBitsArenas`,
	);
	for (const variable of PROFILER) {
		const at = found.get(variable);
		if (at !== undefined) assert.equal(at, symbols.get(variable), `${name}: ${variable}`);
	}
}

/** What is found in the subject while it stands still, and its collections at its ReadMemStats directly before. */
async function located(subject: RunningSubject) {
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
	const profile = profileState({ memory: live, layout: choice.layout, globals: found }, file.symbols);
	exe.file.close();
	memory.close();
	const { NumGC: collections } = await subject.resume();
	return { found, symbols: file.symbols, profile, collections };
}
