import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import type { DoctorResult } from "../../src/api/doctor.ts";
import { operation } from "../../src/api/doctor.ts";
import { startNode, startTarget } from "../../src/capture/linux/test-target.ts";
import { documentOf } from "../operations.ts";
import { until } from "../settled.ts";
import { skipReason, startSubject } from "../subjects.ts";

const exec = promisify(execFile);
const launcher = join(import.meta.dirname, "../../bin/gomem");
const isRoot = process.getuid?.() === 0;
const asRoot = { skip: !isRoot && "needs root, to be other users" };
const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];
const folder = mkdtempSync(join(tmpdir(), "gomem-doctor-"));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true, force: true }));

/** The JSON of a run through other programs, which change who gomem is. */
async function through(command: readonly string[], args: readonly string[] = []): Promise<DoctorResult> {
	const [file = "", ...rest] = [...command, launcher, "doctor", "--json", ...args];
	const { stdout } = await exec(file, rest, { maxBuffer: 1 << 24, timeout: 120_000, cwd: "/" });
	return JSON.parse(stdout) as DoctorResult;
}

function states(result: DoctorResult): Readonly<Record<string, string>> {
	return Object.fromEntries(result.capabilities.map((one) => [one.id, one.state]));
}

function evidence(result: DoctorResult, id: string): string {
	return result.capabilities.find((one) => one.id === id)?.evidence ?? "";
}

const can = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: "ignore" }).status === 0;
const noSubjects = await skipReason("cheap");
const userNamespaces = can("unshare", "--user", "--map-root-user", "true")
	? false
	: "no user namespace can be made here";

describe("gomem doctor", { concurrency: 2 }, () => {
	test("as it is run here: fits its schema, says what it saw", async () => {
		const result = (await documentOf(operation)) as unknown as DoctorResult;
		assert.match(result.summary, /^gomem .*\.$/);
		assert.equal(result.host.kernel, readFileSync("/proc/sys/kernel/osrelease", "utf8").trim());
		assert.equal(result.identity.uid, process.geteuid?.());
		assert.equal(states(result)["pages"], "yes");
		assert.ok(result.processes.looked > 0);
	});

	test("another user: its own processes, not root's", asRoot, async () => {
		await using root = await startNode('console.log("ready"); process.stdin.resume();');
		const result = await through(["setpriv", ...NOBODY]);
		assert.deepEqual([result.identity.uid, result.identity.capabilities], [65534, []]);
		const { pages, "other-users": others, "zero-pages": frames, ebpf } = states(result);
		assert.deepEqual({ pages, others, frames, ebpf }, { pages: "yes", others: "no", frames: "partly", ebpf: "no" });
		assert.match(
			result.summary,
			/not others', because process \d+ runs as uid \d+, gomem as uid 65534 without CAP_SYS_PTRACE/,
		);
		const of = await through(["setpriv", ...NOBODY], [String(root.pid)]);
		assert.match(of.summary, new RegExp(`next to nothing of process ${root.pid} .*runs as uid 0, gomem as uid 65534`));
		const readings = Object.fromEntries(of.target?.readings.map((one) => [one.id, one.state]) ?? []);
		assert.deepEqual(
			[readings["memory"], readings["smaps"], readings["runtime"], readings["pause"]],
			["no", "no", "no", "no"],
		);
	});

	test("CAP_SYS_PTRACE alone does not open another user's files, and that is said", asRoot, async () => {
		await using root = await startNode('console.log("ready"); process.stdin.resume();');
		const caps = ["--inh-caps=+sys_ptrace", "--ambient-caps=+sys_ptrace"];
		const result = await through(["setpriv", ...NOBODY, ...caps], [String(root.pid)]);
		const memory = result.target?.readings.find((one) => one.id === "memory");
		assert.equal(memory?.state, "no");
		assert.match(memory?.evidence ?? "", /without CAP_DAC_READ_SEARCH/);
		assert.equal(result.target?.readings.find((one) => one.id === "smaps")?.state, "yes");
	});

	test("the commands that are printed give what they say", asRoot, async () => {
		await using root = await startNode('console.log("ready"); process.stdin.resume();');
		const { grants } = await through(["setpriv", ...NOBODY], ["--all"]);
		for (const id of ["setpriv", "setcap"]) {
			const grant = grants.find((one) => one.id === id);
			assert.ok(grant !== undefined, id);
			if (id === "setcap" && !can("setcap", "-h")) continue;
			const script = grant.commands
				.join("\n")
				.replaceAll("sudo ", "")
				.replaceAll("--init-groups", "--clear-groups")
				.replaceAll(/"?\$\(id -[ug]\)"?/g, "65534")
				.replaceAll("install -m 0700", "install -m 0755")
				.replaceAll("~/", `${folder}/`)
				.replaceAll('"$(readlink -f "$(command -v node)")"', `"${process.execPath}"`)
				.replaceAll('"$(readlink -f "$(command -v gomem)")"', `"${join(import.meta.dirname, "../../src/cli/main.ts")}"`)
				.replace('env "PATH=$PATH" gomem', `env "PATH=$PATH" ${launcher}`)
				.replace(/why PID/, `doctor --json ${root.pid}`);
			// the file capabilities of a copy count for whoever runs it
			const lines = id === "setcap" ? script.replace(/\n(?=[^\n]*$)/, `\nsetpriv ${NOBODY.join(" ")} `) : script;
			const { stdout } = await exec("sh", ["-ec", lines], { cwd: "/", maxBuffer: 1 << 24 });
			const result = JSON.parse(stdout) as DoctorResult;
			assert.equal(result.identity.uid, 65534, id);
			assert.ok(result.identity.capabilities.includes("CAP_SYS_PTRACE"), id);
			const memory = result.target?.readings.find((one) => one.id === "memory");
			assert.equal(memory?.state, "yes", `${id}: ${memory?.evidence}`);
		}
	});

	test("a process that is not dumpable", asRoot, async () => {
		// executed from a file that its user may not read: would_dump in fs/exec.c
		const file = join(folder, "unreadable");
		copyFileSync("/bin/sleep", file);
		chmodSync(file, 0o711);
		await using target = await startTarget("sh", ["-c", `echo ready; exec '${file}' 600`], { uid: 65534 });
		await until("the shell has become it", () => readlinkSync(`/proc/${target.pid}/exe`) === file);
		const result = await through(["setpriv", ...NOBODY], [String(target.pid)]);
		assert.equal(result.target?.dumpable, false);
		assert.match(result.summary, /is not dumpable/);
		assert.ok(result.grants.some((one) => one.id === "sudo" || one.id === "docker-beside"));
		const root = await through([], [String(target.pid)]);
		assert.equal(root.target?.readings.find((one) => one.id === "memory")?.state, "yes");
	});

	test("root of a user namespace: not the processes outside of it", { skip: userNamespaces }, async () => {
		const result = await through(["unshare", "--user", "--map-root-user"]);
		assert.deepEqual([result.identity.uid, result.identity.initialUserNamespace], [0, false]);
		assert.equal(states(result)["memory"], "yes", "of its own");
		assert.equal(states(result)["other-users"], "no");
		assert.match(evidence(result, "other-users"), /user namespace, and the process is outside/);
		assert.equal(states(result)["ebpf"], "no");
	});

	test("a container's pid namespace", { skip: userNamespaces }, async () => {
		const result = await through(["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]);
		assert.deepEqual([result.identity.initialPidNamespace, result.host.place], [false, "container"]);
		assert.equal(states(result)["processes"], "partly");
	});

	test("/proc of another pid namespace: stopping is refused, as the numbers are others", {
		skip: userNamespaces,
	}, async () => {
		const result = await through(["unshare", "--user", "--map-root-user", "--pid", "--fork"]);
		assert.equal(states(result)["memory"], "yes");
		assert.equal(states(result)["pause"], "no");
		assert.match(evidence(result, "pause"), /another pid namespace/);
	});

	test("hidepid, subset=pid, no /proc", asRoot, async () => {
		const mounted = (mount: string, user: string) => `${mount}; exec ${user} ${launcher} doctor --json`;
		const run = (script: string) => exec("unshare", ["--mount", "sh", "-c", script], { maxBuffer: 1 << 24 });
		const nobody = `setpriv ${NOBODY.join(" ")}`;
		for (const [option, level] of [
			["noaccess", 1],
			["invisible", 2],
		] as const) {
			const { stdout } = await run(mounted(`mount -t proc -o hidepid=${option} proc /proc`, nobody));
			const result = JSON.parse(stdout) as DoctorResult;
			assert.equal(states(result)["processes"], "partly");
			assert.match(evidence(result, "processes"), new RegExp(`mounted with hidepid=${level}`));
			assert.equal(states(result)["memory"], "yes");
			assert.ok(result.grants.some((one) => one.id === "hidepid"));
		}
		for (const mount of ["mount -t proc -o subset=pid proc /proc", "mount -t tmpfs none /proc"]) {
			const failed = await run(mounted(mount, "")).catch((error: { stdout: string; code: number }) => error);
			assert.equal("code" in failed && failed.code, 2, mount);
			const { error } = JSON.parse(failed.stdout) as { error: { code: string; why: string; hint: string } };
			assert.equal(error.code, "no-proc");
			assert.match(error.why, mount.includes("subset") ? /subset=pid/ : /no procfs/);
		}
	});

	test("no_new_privs and a smaller bounding set are told, and sudo is not advised", asRoot, async () => {
		const result = await through(["setpriv", ...NOBODY, "--no-new-privs", "--bounding-set=-sys_ptrace"]);
		assert.equal(result.identity.noNewPrivs, true);
		assert.ok(!result.grants.some((one) => ["sudo", "setcap", "setpriv"].includes(one.id)));
		assert.match(result.facts.find((one) => one.id === "bounding set")?.value ?? "", /CAP_SYS_PTRACE/);
	});

	test("a Go process: everything, to the layout", { skip: noSubjects }, async () => {
		await using subject = await startSubject("cheap");
		const result = (await documentOf(operation, { target: String(subject.pid) })) as unknown as DoctorResult;
		const readings = Object.fromEntries(result.target?.readings.map((one) => [one.id, one.state]) ?? []);
		if (readings["memory"] === "yes") {
			assert.equal(readings["runtime"], "yes");
			assert.match(result.target?.layout ?? "", /^go\d.*exact/);
			assert.match(result.target?.goVersion ?? "", /^go1\./);
		}
	});

	test("what is no process, and no Go program", async () => {
		await assert.rejects(documentOf(operation, { target: launcher }), { code: /^target-/ });
		await assert.rejects(documentOf(operation, { target: "http://127.0.0.1:1/" }), { code: "target-not-process" });
		await using node = await startNode('console.log("ready"); process.stdin.resume();');
		const result = (await documentOf(operation, { target: String(node.pid) })) as unknown as DoctorResult;
		const runtime = result.target?.readings.find((one) => one.id === "runtime");
		assert.equal(runtime?.state, "no");
		assert.match(runtime?.evidence ?? "", /Go/);
	});
});
