import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isUnavailable } from "../../evidence/bundle/unavailable.ts";
import { parseMemoryLimit, parseMemoryUsage } from "../../formats/cgroupfs/memory.ts";
import { readLevels, readMemoryCgroup } from "./cgroup-files.ts";
import { type Headroom, inTargetsCgroup, leastHeadroom, refusal } from "./own-safety.ts";
import { startNode } from "./test-target.ts";

const MiB = 2 ** 20;
const idle = "setInterval(() => {}, 1000); console.log('ready');";

describe("gomem's own score for the OOM killer", () => {
	it("is the highest after preferOwnOomKill", async () => {
		const module = fileURLToPath(new URL("./own-safety.ts", import.meta.url));
		await using gomem = await startNode(`
			import { readFileSync } from "node:fs";
			import { preferOwnOomKill } from ${JSON.stringify(module)};
			console.log(preferOwnOomKill(), readFileSync("/proc/self/oom_score_adj", "utf8").trim());`);
		assert.equal(gomem.said, "true 1000");
	});
});

describe("the memory cgroup of a process", () => {
	it("is read with its limit and its ancestors", async (t) => {
		const own = readMemoryCgroup(process.pid);
		if (isUnavailable(own)) return t.skip(own.unavailable);
		const [first] = own.levels;
		assert.ok(first);
		assert.equal(first.path, own.path);
		const directory = join(first.directory, `gomem-test-${process.pid}`);
		const limitFile = own.version === 2 ? "memory.max" : "memory.limit_in_bytes";
		const usageFile = own.version === 2 ? "memory.current" : "memory.usage_in_bytes";
		try {
			mkdirSync(directory);
			writeFileSync(join(directory, limitFile), String(300 * MiB));
		} catch (error) {
			try {
				rmdirSync(directory);
			} catch {}
			return t.skip(`cgroups cannot be made here: ${String(error)}`);
		}
		const target = await startNode(idle);
		try {
			writeFileSync(join(directory, "cgroup.procs"), String(target.pid));
			const reading = readMemoryCgroup(target.pid);
			assert.ok(!isUnavailable(reading), JSON.stringify(reading));
			assert.equal(reading.levels.length, own.levels.length + 1);
			const [level, parent] = reading.levels;
			assert.ok(level && parent);
			assert.equal(level.directory, directory);
			assert.equal(parent.path, own.path);
			assert.equal(parseMemoryLimit(level.files.get(limitFile) ?? ""), 300 * MiB);
			assert.equal(typeof parseMemoryUsage(level.files.get(usageFile) ?? ""), "number");
			assert.ok(level.files.has("memory.stat"));
			assert.equal(inTargetsCgroup(target.pid), false);
			assert.equal(inTargetsCgroup(process.pid), true);
			// from inside the cgroup: the limit of it is the least headroom, if no ancestor has less
			const headroom = leastHeadroom(reading, `${reading.path}/child`);
			assert.ok(headroom !== undefined && headroom.bytes <= 300 * MiB);
			// from beside it, the limit of it does not matter
			assert.notEqual(leastHeadroom(reading, own.path)?.limit, 300 * MiB);
		} finally {
			await target.end();
			for (let tries = 0; tries < 50; tries++) {
				try {
					rmdirSync(directory);
					break;
				} catch {
					await new Promise((resolve) => setTimeout(resolve, 20));
				}
			}
		}
	});

	it("is read in version 2's words, and its headroom is the least of what is shared", () => {
		const folder = mkdtempSync(join(tmpdir(), "gomem-cgroup-"));
		try {
			const pod = join(folder, "pod");
			const app = join(pod, "app");
			mkdirSync(app, { recursive: true });
			const fill = (directory: string, max: string, current: number, inactive: number): void => {
				writeFileSync(join(directory, "memory.max"), `${max}\n`);
				writeFileSync(join(directory, "memory.current"), `${current}\n`);
				writeFileSync(join(directory, "memory.stat"), `anon 1\ninactive_file ${inactive}\n`);
			};
			fill(app, String(100 * MiB), 95 * MiB, 5 * MiB);
			fill(pod, String(400 * MiB), 300 * MiB, 50 * MiB);
			const cgroup = { version: 2, path: "/kubepods/pod/app" } as const;
			const reading = { ...cgroup, levels: readLevels([app, pod, folder], cgroup) };
			assert.deepEqual(
				reading.levels.map((level) => [level.path, level.files.size]),
				[
					["/kubepods/pod/app", 3],
					["/kubepods/pod", 3],
					["/kubepods", 0],
				],
			);
			const inside: Headroom = { bytes: 10 * MiB, limit: 100 * MiB, path: "/kubepods/pod/app" };
			assert.deepEqual(leastHeadroom(reading, "/kubepods/pod/app"), inside);
			assert.deepEqual(leastHeadroom(reading, "/kubepods/pod/app2"), {
				bytes: 150 * MiB,
				limit: 400 * MiB,
				path: "/kubepods/pod",
			});
			assert.equal(leastHeadroom(reading, "/system.slice/gomem.service"), undefined);
			assert.equal(refusal(inside, 4 * MiB), undefined);
			assert.match(refusal(inside, 5 * MiB)?.unavailable ?? "", /has 10 MiB left of 100 MiB/);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});

	it("agrees with /proc/PID/cgroup", (t) => {
		const own = readMemoryCgroup(process.pid);
		if (isUnavailable(own)) return t.skip(own.unavailable);
		assert.ok(readFileSync("/proc/self/cgroup", "utf8").includes(`:${own.path}\n`));
	});
});
