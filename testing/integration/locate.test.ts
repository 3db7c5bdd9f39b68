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
import { identifyProgram } from "../../src/goruntime/program.ts";
import { skipReason, startSubject } from "../subjects.ts";

/** What `why` cannot do without, and the rest of what it uses. */
const NEEDED = ["sched", "mheap_", "memstats", "gcController", "allgs", "allp", "allm", "persistentChunks"] as const;
const PROFILER = ["mbuckets", "buckhash"] as const;

/** Before the first GC, after many, with many goroutines, with the collector off: what the variables hold differs. */
const states: readonly [string, readonly string[]][] = [
	["livemap", ["-mib", "1"]],
	["garbage", []],
	["goroutines", []],
	["churn", []],
	["released", []],
];

describe("locate: variables found by structure stand where the symbol table says", () => {
	for (const go of ["1.24.13", "1.25.9", "1.26.8", "1.27.3"]) {
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
				assert.equal(choice.kind, "exact");
				const found =
					choice.kind === "exact" ? scanGlobals(new LiveMemory(memory), choice.layout, file.writable) : new Map();
				exe.file.close();
				memory.close();
				await subject.resume();
				for (const variable of NEEDED)
					assert.equal(found.get(variable), file.symbols.get(variable), `${name}: ${variable}`);
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
