import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { isUnavailable } from "../../evidence/bundle/unavailable.ts";
import { kernelSettings } from "./host-kernel.ts";
import { inInitialNamespace } from "./host-namespaces.ts";
import { procMountIn, procProblem } from "./host-proc-mount.ts";
import { capabilitiesIn, ownIdentity } from "./host-self.ts";
import { lookAtExecutables, tryOwnProcess, tryProcess } from "./host-trial.ts";
import { signalsByProc } from "./pid-numbers.ts";
import { startNode, stateOf, until } from "./test-target.ts";

const idle = 'console.log("ready"); process.stdin.resume();';

describe("who gomem is", () => {
	test("capabilities by the kernel's bits", () => {
		assert.deepEqual(capabilitiesIn("0000000000080000"), ["CAP_SYS_PTRACE"]);
		assert.deepEqual(capabilitiesIn("000000c000000000"), ["CAP_PERFMON", "CAP_BPF"]);
		assert.deepEqual(capabilitiesIn("0000000000000006"), ["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"]);
		assert.deepEqual(capabilitiesIn("0000000000000000"), []);
		assert.deepEqual([capabilitiesIn(undefined), capabilitiesIn("not hex")], [[], []]);
	});

	test("agrees with Node and with /proc", () => {
		const identity = ownIdentity();
		assert.equal(identity.uid, process.geteuid?.());
		assert.equal(identity.gid, process.getegid?.());
		for (const name of identity.effective) assert.ok(identity.bounding.includes(name), name);
		assert.equal(procProblem(), undefined);
		assert.equal(signalsByProc(), true);
	});

	test("namespaces of a pid that is not there are not known", () => {
		assert.equal(inInitialNamespace(2 ** 30, "user"), undefined);
	});
});

describe("how /proc is mounted", () => {
	const rows: readonly (readonly [string, ReturnType<typeof procMountIn>])[] = [
		["proc /proc proc rw,nosuid,relatime 0 0", { hidepid: 0, gid: undefined, pidsOnly: false }],
		["proc /proc proc rw,hidepid=2,gid=110 0 0", { hidepid: 2, gid: 110, pidsOnly: false }],
		["proc /proc proc rw,hidepid=invisible 0 0", { hidepid: 2, gid: undefined, pidsOnly: false }],
		["proc /proc proc rw,hidepid=ptraceable,subset=pid 0 0", { hidepid: 4, gid: undefined, pidsOnly: true }],
		[
			"proc /proc proc rw,hidepid=noaccess 0 0\nproc /proc proc ro 0 0",
			{ hidepid: 0, gid: undefined, pidsOnly: false },
		],
		["proc /proc/sys proc ro,hidepid=2 0 0\ntmpfs /proc/acpi tmpfs ro 0 0", undefined],
		["", undefined],
	];
	for (const [text, expected] of rows)
		test(text === "" ? "nothing" : text, () => assert.deepEqual(procMountIn(text), expected));
});

describe("the kernel's settings", () => {
	test("are those of /proc/sys and /sys", () => {
		const release = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
		const settings = kernelSettings(release);
		assert.equal(settings.corePattern, readFileSync("/proc/sys/kernel/core_pattern", "utf8").trim());
		assert.equal(settings.overcommit, Number(readFileSync("/proc/sys/vm/overcommit_memory", "utf8")));
		assert.equal(settings.yamaScope !== undefined, existsSync("/proc/sys/kernel/yama/ptrace_scope"));
		if (existsSync("/sys/kernel/mm/transparent_hugepage/enabled")) {
			const text = readFileSync("/sys/kernel/mm/transparent_hugepage/enabled", "utf8");
			assert.ok(text.includes(`[${settings.hugePages["enabled"]}]`), text);
		}
		assert.equal(settings.configFrom === undefined, settings.anonymousNames === undefined);
	});
});

describe("trying a process", () => {
	const signal = new AbortController().signal;

	test("one that was started for it, no descendant: read, stopped, and gone afterwards", async () => {
		const trial = await tryOwnProcess("orphan", signal);
		assert.ok(!isUnavailable(trial), JSON.stringify(trial));
		assert.equal(trial.uid, process.geteuid?.());
		// a process that is init of its pid namespace adopts its grandchildren
		if (process.pid !== 1) assert.equal(trial.descendant, false);
		for (const part of ["pagemap", "smaps", "executable", "environment"] as const)
			assert.equal(trial.rights[part], "granted");
		// Yama may deny the memory: then nothing was read of it
		assert.equal((trial.memoryBytes ?? 0) > 0, trial.rights.memory === "granted");
		assert.ok(typeof trial.stopMs === "number" && trial.stopMs >= 0, JSON.stringify(trial.stopMs));
		await until(() => "gone Z".includes(stateOf(trial.pid)), 20_000, "the process that was tried has ended");
	});

	test("a child", async () => {
		const trial = await tryOwnProcess("child", signal);
		assert.ok(!isUnavailable(trial));
		assert.equal(trial.descendant, true);
	});

	test("an abort ends it", async () => {
		const controller = new AbortController();
		const trying = tryOwnProcess("orphan", controller.signal);
		controller.abort(new Error("enough"));
		await assert.rejects(trying, /enough/);
	});

	test("one that is not there", () => assert.ok(isUnavailable(tryProcess(2 ** 30))));

	test("processes are counted, and one of another user is found", async (t) => {
		const before = lookAtExecutables(0);
		assert.ok(before.looked > 0 && before.readable <= before.looked);
		if (process.geteuid?.() !== 0) return t.skip("needs root, to start a process of another user");
		await using other = await startNode(idle, { uid: 65534 });
		const seen = lookAtExecutables(0);
		assert.ok(seen.foreign !== undefined && seen.foreignUsers > 0);
		const trial = tryProcess(other.pid);
		assert.ok(!isUnavailable(trial));
		assert.deepEqual(
			[trial.uid, trial.memoryBytes, trial.stopMs, trial.descendant],
			[65534, undefined, undefined, true],
		);
	});
});
