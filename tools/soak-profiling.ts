// Soaks --enable-profiling: switches the memory profile of busy programs on and off many times, reads it between, and sees
// whether they live on and count right. Prints a row per build; exits with 1 where one died.
//
//     node tools/soak-profiling.ts [--seconds 60] [--together 2] [GO…]

import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { outsideHeapProfile } from "../src/capture/process-profile.ts";
import {
	enableProfiling,
	type ProfilingSwitched,
	RateVariable,
	restoreProfiling,
} from "../src/capture/profiling-switch.ts";
import { isUnavailable } from "../src/evidence/bundle/unavailable.ts";
import { allGoVersions, type BuildMode, startSubject } from "../testing/subjects.ts";

const { values, positionals } = parseArgs({
	options: { seconds: { type: "string", default: "60" }, together: { type: "string", default: "2" } },
	allowPositionals: true,
});
const seconds = Number(values.seconds);
const versions = positionals.length > 0 ? positionals : allGoVersions;
const modes: readonly BuildMode[] = ["plain", "stripped-pie"];

interface Soaked {
	readonly build: string;
	switches: number;
	/** of 0 or a rate, in all */
	writes: number;
	/** switches that had to be tried again: finding the runtime of a program that allocates flat out may fail */
	retries: number;
	profiles: number;
	/** of the last profile */
	samples: number;
	allocations: number;
	collections: number;
	problem: string;
}

async function soak(go: string, mode: BuildMode): Promise<Soaked> {
	const row: Soaked = {
		build: `go${go} ${mode}`,
		switches: 0,
		writes: 0,
		retries: 0,
		profiles: 0,
		samples: 0,
		allocations: 0,
		collections: 0,
		problem: "",
	};
	await using subject = await startSubject("noprofile", { go, mode, args: ["-mib", "16", "-churn", "4"] });
	const end = Date.now() + seconds * 1000;
	try {
		// close samples, so that there are many
		for (const rates = [4096, 65536, 524288]; Date.now() < end; ) {
			const rate = rates[row.switches % rates.length] ?? 4096;
			const { address } = await insist(row, () => enableProfiling(subject.pid, rate));
			row.writes += await flicker(subject.pid, address, rate);
			await sleep(Math.random() * 100);
			if (row.switches % 5 === 0) {
				const found = await outsideHeapProfile(subject.pid);
				if (!isUnavailable(found)) {
					row.profiles++;
					row.samples = found.profile.samples.count;
				}
			}
			await insist(row, () => restoreProfiling(subject.pid));
			row.switches++;
			if (row.switches % 20 === 0) await subject.ask("gc");
		}
		const [stats, holds] = [await subject.memstats(), await subject.ask("holds")];
		row.collections = Number(stats.NumGC);
		row.allocations = Number((holds as { readonly churned: number }).churned);
		if (row.profiles === 0) row.problem = "no profile could be read";
	} catch (error) {
		row.problem = error instanceof Error ? error.message : String(error);
	}
	return row;
}

/** Writes 0 and the rate in turn, as often as the write alone allows; ends with the rate. */
async function flicker(pid: number, address: number, rate: number): Promise<number> {
	const fd = openSync(`/proc/${pid}/mem`, "r+");
	const variable = new RateVariable(fd, address);
	let writes = 0;
	for (let i = 0; i < 100; i++) {
		for (const to of [0, rate]) {
			const failed = variable.write(to);
			if (failed !== undefined) throw new Error(failed.unavailable);
			writes++;
		}
		if (i % 10 === 0) await sleep(1);
	}
	closeSync(fd);
	return writes;
}

async function insist(row: Soaked, change: () => ReturnType<typeof enableProfiling>): Promise<ProfilingSwitched> {
	for (let tries = 1; ; tries++) {
		const done = await change();
		if (!isUnavailable(done)) return done;
		if (tries === 5) throw new Error(done.unavailable);
		row.retries++;
	}
}

const builds = versions.flatMap((go) => modes.map((mode) => ({ go, mode })));
let failed = 0;
const header = ["build", "on and off", "writes", "retries", "profiles", "samples", "allocations", "GCs", "outcome"];
console.log(header.map((text, i) => (i === 0 ? text.padEnd(24) : text.padStart(12))).join(""));
const queue = builds[Symbol.iterator]();
await Promise.all(
	Array.from({ length: Number(values.together) }, async () => {
		for (const { go, mode } of queue) {
			const row = await soak(go, mode);
			const cells = [
				row.switches,
				row.writes,
				row.retries,
				row.profiles,
				row.samples,
				row.allocations,
				row.collections,
			];
			const figures = cells.map((n) => String(n).padStart(12)).join("");
			console.log(`${row.build.padEnd(24)}${figures}  ${row.problem || "lives"}`);
			if (row.problem !== "") failed++;
		}
	}),
);
process.exitCode = failed === 0 ? 0 : 1;
