import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isUnavailable } from "../../evidence/bundle/unavailable.ts";
import { parseMaps } from "../../formats/procfs/maps.ts";
import { type AccessFacts, whyDenied } from "./denied.ts";
import { openExecutable } from "./executable.ts";
import { isGoneResult } from "./gone.ts";
import { hostFacts } from "./host-facts.ts";
import { readEnvironment, readProcBytes, readProcLink, readProcText } from "./proc-files.ts";
import { ancestorsOf, listPids, processIdentity, sameProcess } from "./process-identity.ts";
import { type ReadingRights, readingRights } from "./rights.ts";
import { startNode, startTarget } from "./test-target.ts";

const idle = "setInterval(() => {}, 1000); console.log('ready');";
const NO_SUCH_PID = 2 ** 22 + 1; // above the highest pid_max

describe("files of /proc/PID", () => {
	it("reads files of every size whole", async () => {
		await using target = await startNode(idle);
		const status = readProcText(target.pid, "status");
		assert.ok(typeof status === "string");
		assert.match(status, new RegExp(`^Pid:\\t${target.pid}$`, "m"));
		const smaps = readProcText(target.pid, "smaps");
		assert.ok(typeof smaps === "string");
		assert.ok(smaps.length > 65536, "more than one read");
		assert.match(smaps, /VmFlags: .*\n$/);
		const maps = readProcText(target.pid, "maps");
		assert.ok(typeof maps === "string");
		assert.ok(parseMaps(maps).length > 20);
		const cmdline = readProcBytes(target.pid, "cmdline");
		assert.ok(cmdline instanceof Uint8Array);
		assert.match(Buffer.from(cmdline).toString(), /setInterval/);
		assert.equal(readProcLink(target.pid, "exe"), readProcLink(process.pid, "exe"));
	});

	it("tells a process that is not there from a file that is not there", () => {
		const gone = readProcText(NO_SUCH_PID, "status");
		assert.ok(typeof gone !== "string" && isGoneResult(gone));
		// where the host's pids are seen, 2 is the kernel thread that starts all others, and the one that never ends
		const second = readProcText(2, "status");
		if (typeof second === "string" && second.startsWith("Name:\tkthreadd\n")) {
			const link = readProcLink(2, "exe");
			assert.ok(typeof link !== "string" && isGoneResult(link));
			assert.match(link.unavailable, /is a kernel thread/);
		}
	});

	it("lets nothing of the environment out but what the Go runtime and malloc read", async () => {
		await using target = await startNode(idle, { environment: { GOGC: "50", SECRET: "hush", MALLOC_ARENA_MAX: "2" } });
		const environment = readEnvironment(target.pid);
		assert.ok(!isUnavailable(environment));
		assert.equal(environment["GOGC"], "50");
		assert.equal(environment["MALLOC_ARENA_MAX"], "2");
		assert.ok(!JSON.stringify(environment).includes("hush"));
	});

	it("knows the machine", () => {
		const facts = hostFacts();
		assert.equal(facts.pageSize, Number(execFileSync("getconf", ["PAGESIZE"], { encoding: "utf8" })));
		assert.equal(facts.ticksPerSecond, Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })));
		assert.equal(facts.kernel, execFileSync("uname", ["-r"], { encoding: "utf8" }).trim());
		const before = Date.now() / 1000;
		const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
		const now = facts.bootTime + uptime;
		assert.ok(now > before - 3 && now < Date.now() / 1000 + 3, `${before} and ${now}`);
		assert.ok(facts.memTotal > 2 ** 26);
	});
});

describe("a process's identity", () => {
	it("holds for as long as the process, and not for another one with its pid", async () => {
		const target = await startNode(idle);
		const identity = processIdentity(target.pid);
		assert.ok(identity !== undefined && sameProcess(identity));
		assert.ok(listPids().includes(target.pid));
		assert.equal(ancestorsOf(target.pid)[0], process.pid);
		assert.equal(sameProcess({ ...identity, startTime: identity.startTime + 1 }), false);
		assert.equal(sameProcess({ ...identity, bootId: "another boot" }), false);
		await target.end();
		assert.equal(sameProcess(identity), false);
		assert.equal(processIdentity(target.pid), undefined);
	});

	it("survives a name with parentheses and spaces", async () => {
		await using target = await startNode(`process.title = "a) R 1 (b "; ${idle}`);
		const plain = await startNode(idle);
		const [odd, usual] = [processIdentity(target.pid), processIdentity(plain.pid)];
		await plain.end();
		assert.ok(odd !== undefined && usual !== undefined);
		assert.ok(
			usual.startTime - odd.startTime >= 0 && usual.startTime - odd.startTime < 30 * hostFacts().ticksPerSecond,
		);
		assert.equal(ancestorsOf(target.pid)[0], process.pid);
	});
});

describe("a process's executable", () => {
	it("is read through /proc/PID/exe even when its file is deleted", async () => {
		const folder = mkdtempSync(join(tmpdir(), "gomem-exe-"));
		try {
			const path = join(folder, "sleep copy");
			copyFileSync("/bin/sleep", path);
			chmodSync(path, 0o755);
			await using target = await startTarget("sh", ["-c", `echo ready; exec '${path}' 60`]);
			while (readProcLink(target.pid, "exe") !== path) await new Promise((resolve) => setTimeout(resolve, 2));
			const whole = readFileSync(path);
			unlinkSync(path);
			const executable = openExecutable(target.pid);
			assert.ok(!isUnavailable(executable));
			assert.deepEqual([executable.path, executable.deleted, executable.file.size], [path, true, whole.length]);
			const bytes = new Uint8Array(whole.length + 10);
			assert.equal(executable.file.readInto(0, bytes), whole.length);
			assert.deepEqual(Buffer.from(bytes.subarray(0, whole.length)), whole);
			assert.equal(executable.file.readInto(whole.length - 4, bytes), 4);
			assert.equal(executable.file.readInto(whole.length, bytes), 0);
			assert.equal(executable.file.readInto(-1, bytes), 0);
			executable.file.close();
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});

describe("rights to read a process", () => {
	const rightsModule = fileURLToPath(new URL("./rights.ts", import.meta.url));

	it("are granted for a process of one's own, as far as they need no privilege", async () => {
		await using target = await startNode(idle);
		const rights = readingRights(target.pid);
		assert.ok(!isGoneResult(rights));
		for (const right of [rights.smaps, rights.pagemap, rights.executable, rights.environment])
			assert.equal(right, "granted");
		const gone = readingRights(NO_SUCH_PID);
		assert.ok(isGoneResult(gone));
	});

	it("are denied to another user, with the reason and what would help", async (t) => {
		if (process.geteuid?.() !== 0) return t.skip("needs root, to start processes of two users");
		await using target = await startNode(idle);
		await using reader = await startNode(
			`import { readingRights } from ${JSON.stringify(rightsModule)};
			console.log(JSON.stringify(readingRights(${target.pid})));`,
			{ uid: 65534 },
		);
		const rights = JSON.parse(reader.said) as ReadingRights;
		for (const right of [
			rights.memory,
			rights.smaps,
			rights.pagemap,
			rights.executable,
			rights.environment,
			rights.syscalls,
		]) {
			assert.deepEqual(right, {
				unavailable: `process ${target.pid} runs as uid 0, gomem as uid 65534 without CAP_SYS_PTRACE`,
				wouldHelp:
					"run gomem as root or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (docker: --cap-add SYS_PTRACE; kubectl debug --profile=general)",
			});
		}
		for (const right of [rights.frames, rights.pageFlags]) {
			assert.ok(right !== "granted");
			assert.match(right.wouldHelp ?? "", /as root of the host/);
		}
	});

	it("are those of the same user without frame numbers", async (t) => {
		if (process.geteuid?.() !== 0) return t.skip("needs root, to start processes of another user");
		await using target = await startNode(idle, { uid: 65534 });
		await using reader = await startNode(
			`import { readingRights } from ${JSON.stringify(rightsModule)};
			console.log(JSON.stringify(readingRights(${target.pid})));`,
			{ uid: 65534 },
		);
		const rights = JSON.parse(reader.said) as ReadingRights;
		for (const right of [rights.smaps, rights.pagemap, rights.executable, rights.environment])
			assert.equal(right, "granted");
		assert.notEqual(rights.frames, "granted");
	});
});

describe("why access was denied", () => {
	const plain: AccessFacts = {
		pid: 7,
		ownUid: 1000,
		targetUids: [1000, 1000, 1000],
		ownCaps: 0n,
		targetCaps: 0n,
		dumpable: true,
		yamaScope: undefined,
		inUserNamespace: false,
		confinedBy: undefined,
	};
	const ptrace = 1n << 19n;
	const rows: readonly (readonly [string, Partial<AccessFacts>, "attach" | "read", RegExp, RegExp])[] = [
		["Yama 1, same user", { yamaScope: 1 }, "attach", /ptrace_scope=1 .* even to its owner/, /CAP_SYS_PTRACE/],
		["Yama 2", { yamaScope: 2 }, "attach", /to all without CAP_SYS_PTRACE/, /root/],
		["Yama 3, even root", { yamaScope: 3, ownCaps: ptrace, ownUid: 0 }, "attach", /even for root/, /boot/],
		[
			"Yama does not matter to maps",
			{ yamaScope: 1, confinedBy: "docker-default (enforce)" },
			"read",
			/docker-default/,
			/unconfined/,
		],
		["another user", { targetUids: [5, 5, 5] }, "read", /runs as uid 5, gomem as uid 1000/, /as uid 5/],
		["set-uid", { targetUids: [1000, 0, 0] }, "read", /uids 1000, 0, 0/, /root/],
		["not dumpable", { dumpable: false }, "attach", /not dumpable/, /root/],
		["more capabilities", { targetCaps: 1n << 10n }, "attach", /capabilities that gomem lacks/, /root/],
		[
			"root of a container",
			{ ownUid: 0, ownCaps: ptrace, inUserNamespace: true, targetUids: [65534, 65534, 65534] },
			"read",
			/user namespace/,
			/root of the host/,
		],
	];
	for (const [name, facts, access, why, help] of rows) {
		it(name, () => {
			const { unavailable, wouldHelp } = whyDenied({ ...plain, ...facts }, access);
			assert.match(unavailable, why);
			assert.match(wouldHelp ?? "", help);
		});
	}
});
