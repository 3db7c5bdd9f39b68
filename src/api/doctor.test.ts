import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HostSurvey } from "../capture/linux/host-survey.ts";
import { operation } from "./doctor.ts";
import { capabilitiesOf } from "./doctor-capabilities.ts";
import { factsOf } from "./doctor-facts.ts";
import { grantsFor, possible, recipes } from "./doctor-grants.ts";
import { atLeast } from "./doctor-kernel.ts";
import type { Capability } from "./doctor-shape.ts";
import { summaryOf, targetSummary } from "./doctor-summary.ts";
import { denied, hidden, ordinary, survey, trial } from "./testdata/host-surveys.ts";

const yama = (scope: number) =>
	ordinary({
		kernel: { ...survey().kernel, yamaScope: scope },
		own: trial(
			10,
			{ memory: denied(`kernel.yama.ptrace_scope=${scope} denies it`), syscalls: denied("yama"), frames: hidden },
			{ memoryBytes: undefined },
		),
		child: trial(11, scope === 1 ? {} : { memory: denied("yama") }, { descendant: true }),
	});

function states(host: HostSurvey): Readonly<Record<string, Capability["state"]>> {
	return Object.fromEntries(capabilitiesOf(host).map((one) => [one.id, one.state]));
}

const find = (host: HostSurvey, id: string): Capability => {
	const found = capabilitiesOf(host).find((one) => one.id === id);
	assert.ok(found !== undefined, id);
	return found;
};

describe("what is allowed", () => {
	test("to root of a host: everything", () => {
		assert.ok(
			Object.values(states(survey())).every((state) => state === "yes"),
			JSON.stringify(states(survey())),
		);
		assert.equal(summaryOf(survey(), capabilitiesOf(survey())), "gomem reads everything of every process here.");
		assert.deepEqual(
			capabilitiesOf(survey()).filter((one) => one.grant !== undefined || one.without !== undefined),
			[],
		);
	});

	test("to a user: its own processes; the sentence says why not the others", () => {
		const host = ordinary();
		const { memory, pages, "other-users": others, "zero-pages": zero, ebpf } = states(host);
		assert.deepEqual(
			{ memory, pages, others, zero, ebpf },
			{ memory: "yes", pages: "yes", others: "no", zero: "partly", ebpf: "no" },
		);
		assert.equal(
			summaryOf(host, capabilitiesOf(host)),
			"gomem reads everything of processes of uid 1000; not others', because process 20 runs as uid 0, gomem as uid 1000 without CAP_SYS_PTRACE.",
		);
		assert.deepEqual(find(host, "other-users").grant, ["setpriv", "sudo", "setcap"]);
	});

	test("under Yama 1: children's memory; sysctl is one of the ways", () => {
		assert.equal(states(yama(1))["memory"], "partly");
		assert.equal(states(yama(1))["pages"], "yes");
		assert.match(find(yama(1), "memory").evidence, /own children only: kernel\.yama\.ptrace_scope=1/);
		assert.ok(find(yama(1), "memory").grant?.includes("yama"));
		assert.match(
			summaryOf(yama(1), capabilitiesOf(yama(1))),
			/^gomem reads pages and mappings of processes of uid 1000, but memory of its own children only, because kernel\.yama/,
		);
	});

	test("under Yama 2 and 3: no memory; under 3 nothing helps", () => {
		assert.deepEqual([states(yama(2))["memory"], states(yama(3))["memory"]], ["no", "no"]);
		assert.ok(find(yama(2), "memory").grant?.includes("yama"));
		assert.equal(find(yama(3), "memory").grant, undefined);
		assert.match(factsOf(yama(3)).find((one) => one.id === "Yama")?.means ?? "", /root neither/);
	});

	test("a descendant that can be read proves nothing of others under Yama", () => {
		const host = survey({ kernel: { ...survey().kernel, yamaScope: 1 }, own: trial(10, {}, { descendant: true }) });
		assert.equal(states(host)["memory"], "partly");
	});

	test("memory that opens and gives nothing is no memory", () => {
		assert.equal(states(survey({ own: trial(10, {}, { memoryBytes: 0 }) }))["memory"], "no");
	});

	test("in a user namespace: not the processes outside, no eBPF", () => {
		const outside = denied("gomem's capabilities are those of a container's user namespace");
		const foreign = trial(20, { memory: outside, pagemap: outside, smaps: outside });
		const host = survey({ foreign }, { initialUserNamespace: false });
		assert.deepEqual([states(host)["other-users"], states(host)["ebpf"]], ["no", "no"]);
		assert.deepEqual(find(host, "ebpf").grant, ["outside"]);
		assert.equal(find(host, "other-users").grant?.[0], "outside");
	});

	test("what could not be tried is unknown, not no", () => {
		const nothing = { unavailable: "no process could be started: EAGAIN" };
		const host = ordinary({ own: nothing, foreign: undefined });
		assert.deepEqual([states(host)["memory"], states(host)["pause"]], ["unknown", "unknown"]);
		assert.match(summaryOf(host, capabilitiesOf(host)), /could not find out .*EAGAIN/);
		assert.equal(states(survey({ foreign: undefined }))["other-users"], "unknown");
	});

	test("eBPF: by capability and kernel", () => {
		const effective = ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE"] as const;
		assert.equal(states(ordinary({}, { effective }))["ebpf"], "yes");
		assert.equal(states(ordinary({}, { effective: ["CAP_BPF", "CAP_PERFMON"] }))["ebpf"], "partly");
		assert.equal(states(ordinary({ kernel: { ...survey().kernel, release: "6.9.3" } }, { effective }))["ebpf"], "no");
		const { tracing } = survey().kernel;
		assert.equal(states(survey({ kernel: { ...survey().kernel, tracing: { ...tracing, btf: false } } }))["ebpf"], "no");
		assert.deepEqual(
			[atLeast("6.10.0-x", 6, 10), atLeast("6.9", 6, 10), atLeast("7.0", 6, 10), atLeast("?", 6, 10)],
			[true, false, true, false],
		);
	});

	test("pressure: off, absent, of the machine only, of the cgroup", () => {
		const with_ = (pressure: HostSurvey["kernel"]["pressure"]) => survey({ kernel: { ...survey().kernel, pressure } });
		assert.match(find(with_({ errno: "EOPNOTSUPP" }), "pressure").evidence, /off since boot/);
		assert.deepEqual(find(with_({ errno: "EOPNOTSUPP" }), "pressure").grant, ["psi"]);
		assert.equal(states(with_({ errno: "ENOENT" }))["pressure"], "no");
		const v1 = { version: 1 as const, path: "/", levels: [{ path: "/", directory: "/x", files: new Map() }] };
		assert.deepEqual(
			[states(survey({ cgroup: v1 }))["pressure"], states(survey({ cgroup: v1 }))["cgroup"]],
			["partly", "partly"],
		);
		assert.equal(states(survey({ cgroup: { unavailable: "no cgroups" } }))["cgroup"], "no");
	});

	test("hidden processes", () => {
		const procMount = { hidepid: 2, gid: undefined, pidsOnly: false } as const;
		const host = ordinary({ procMount, foreign: undefined });
		assert.equal(states(host)["processes"], "partly");
		assert.deepEqual(find(host, "processes").grant, ["hidepid"]);
		assert.match(find(host, "other-users").evidence, /hides them \(hidepid=2\)/);
		assert.equal(states(survey({ procMount }))["processes"], "yes", "CAP_SYS_PTRACE sees through hidepid");
	});
});

describe("ways to more rights", () => {
	const ids = recipes.map((one) => one.id);

	test("depend on the place, and on no_new_privs", () => {
		const at = (kind: "host" | "container" | "kubernetes", noNewPrivs = false) =>
			possible(
				["kubectl-debug", "docker-beside", "sudo", "setcap"],
				survey({}, { noNewPrivs, place: { kind, sign: "", runtime: undefined } }),
			);
		assert.deepEqual(at("host"), ["sudo", "setcap"]);
		assert.deepEqual(at("host", true), []);
		assert.deepEqual(at("container"), ["docker-beside"]);
		assert.deepEqual(at("kubernetes"), ["kubectl-debug"]);
	});

	test("each names its risk and fits a screen", () => {
		assert.equal(new Set(ids).size, ids.length);
		for (const { id, risk, commands } of recipes) {
			assert.ok(risk.length > 10, id);
			for (const command of commands) assert.ok(command.length <= 94, `${id}: ${command}`);
		}
	});

	test("those that capabilities name, with what they give; or all", () => {
		const capabilities = capabilitiesOf(ordinary());
		const [sudo] = grantsFor(capabilities, ["sudo"]);
		assert.ok(sudo?.gives.includes("other-users"));
		assert.deepEqual(
			grantsFor(capabilities, "all").map((one) => one.id),
			ids,
		);
		for (const host of [ordinary(), yama(1), yama(2), survey({}, { initialUserNamespace: false })])
			for (const one of capabilitiesOf(host)) for (const id of one.grant ?? []) assert.ok(ids.includes(id), id);
	});
});

describe("the sentence", () => {
	test("one process: the sentence names what is missing", () => {
		const row = (id: string, state: "yes" | "no" | "partly", evidence = "e") => ({
			id,
			title: `the ${id}`,
			state,
			evidence,
		});
		const told = (...readings: ReturnType<typeof row>[]) => targetSummary({ pid: 7, name: "api", readings });
		assert.equal(told(row("memory", "yes")), "gomem reads everything of process 7 (api).");
		assert.equal(
			told(row("memory", "yes"), row("frames", "partly", "hidden")),
			"gomem reads everything of process 7 (api); the frames: hidden.",
		);
		assert.equal(
			told(row("smaps", "yes"), row("memory", "no", "Yama")),
			"gomem reads pages and mappings of process 7 (api), but not its memory, because Yama.",
		);
		assert.equal(
			told(row("memory", "yes"), row("runtime", "no", "not Go")),
			"gomem reads the memory of process 7 (api), but not the runtime: not Go.",
		);
		assert.equal(
			told(row("executable", "no", "uid 5"), row("memory", "no", "uid 5")),
			"gomem reads next to nothing of process 7 (api), because uid 5.",
		);
	});

	test("the operation reads only, and is no check", () => {
		assert.deepEqual([operation.effect, operation.findings, operation.target], ["read", undefined, "optional"]);
	});
});
