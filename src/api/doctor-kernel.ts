import type { CgroupReading } from "../capture/linux/cgroup-files.ts";
import type { HostSurvey } from "../capture/linux/host-survey.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import type { Row } from "./doctor-capabilities.ts";

/** The rows about the memory cgroup, pressure and the kernel, with their groups. */
export function kernelCapabilities(survey: HostSurvey): readonly (readonly [string, Row])[] {
	return [
		["Limits", cgroup(survey)],
		["Limits", pressure(survey)],
		["Kernel", names(survey)],
		["Kernel", probes(survey)],
		["Kernel", cores(survey)],
	];
}

/** What gomem asks of a memory cgroup, by the file's name in v2 and v1. The root has none of them. */
const WANTED: Readonly<Record<1 | 2, readonly string[]>> = {
	1: ["memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "memory.failcnt"],
	2: ["memory.max", "memory.current", "memory.stat", "memory.events"],
};

function cgroup({ cgroup: reading }: HostSurvey): Row {
	const row = {
		id: "cgroup",
		title: "memory cgroup: limit and use",
		gives: "the limit that gets the process killed, how near it is, headroom before gomem reads",
		without: "the machine's memory stands in for the limit",
		grant: ["cgroup-mount"],
	};
	if (isUnavailable(reading)) return { ...row, state: "no", evidence: reading.unavailable };
	const files = filesIn(reading);
	const missing = WANTED[reading.version].filter((name) => !files.has(name));
	const what = `v${reading.version}, gomem in ${reading.path}, ${reading.levels.length} level${reading.levels.length === 1 ? "" : "s"}`;
	if (reading.version === 2 && files.size === 0)
		return { ...row, state: "partly", evidence: `${what}: the root cgroup, which has no limit and no memory files` };
	if (missing.length === 0)
		return { ...row, state: "yes", evidence: `${what}: read ${WANTED[reading.version].join(", ")}` };
	return { ...row, state: "partly", evidence: `${what}: no ${missing.join(", ")}` };
}

function filesIn(reading: CgroupReading): ReadonlySet<string> {
	return new Set(reading.levels.flatMap((level) => [...level.files.keys()]));
}

function pressure({ kernel, cgroup: reading }: HostSurvey): Row {
	const row = {
		id: "pressure",
		title: "memory pressure (PSI)",
		gives: "how much time processes lose waiting for memory",
		without: "a cgroup that stalls below its limit is told by its counters only",
		uses: ["alerts", "watch", "cgroup"],
	};
	if (typeof kernel.pressure !== "string") {
		const off = kernel.pressure.errno === "EOPNOTSUPP";
		return {
			...row,
			state: "no",
			evidence: off
				? "built, and off since boot (psi=0)"
				: `/proc/pressure/memory: ${kernel.pressure.errno} (CONFIG_PSI, Linux 4.20)`,
			grant: off || kernel.pressure.errno === "ENOENT" ? ["psi"] : [],
		};
	}
	const read = `/proc/pressure/memory: ${kernel.pressure.replace(/ avg60.*/, "")}`;
	if (isUnavailable(reading) || reading.version === 1)
		return { ...row, state: "partly", evidence: `${read}; of the machine only: cgroup v1 has none per cgroup` };
	const perCgroup = filesIn(reading).has("memory.pressure");
	return perCgroup
		? { ...row, state: "yes", evidence: `${read}; memory.pressure of the cgroup as well` }
		: { ...row, state: "partly", evidence: `${read}; the root cgroup has none of its own` };
}

function names({ kernel }: HostSurvey): Row {
	const { anonymousNames, configFrom } = kernel;
	return {
		id: "vma-names",
		title: "names of anonymous memory",
		state: anonymousNames === undefined ? "unknown" : anonymousNames ? "yes" : "no",
		evidence:
			anonymousNames === undefined
				? "the kernel's configuration is not to be read here"
				: `CONFIG_ANON_VMA_NAME is ${anonymousNames ? "" : "not "}set in ${configFrom}`,
		gives: "[anon: Go: heap] and other names that programs give (Go 1.25, Linux 5.17)",
		without: "nothing for Go, which gomem finds without them; a C allocator's names are not there",
		uses: ["why", "maps"],
	};
}

/** Capability sets: measured on Linux 6.18 with a tracer of uid 65534 and a target of root's. */
function probes({ kernel, identity }: HostSurvey): Row {
	const row = {
		id: "ebpf",
		title: "eBPF probes (uprobes)",
		gives: "who calls malloc, by Go line; which line allocates",
		without: "C memory by size only, not by caller",
		uses: ["malloc", "trace", "live"],
	};
	const { tracing } = kernel;
	const lacks = [
		...(tracing.bpf === false ? ["CONFIG_BPF_SYSCALL"] : []),
		...(tracing.uprobes ? [] : ["the uprobe PMU (CONFIG_UPROBE_EVENTS)"]),
		...(tracing.btf ? [] : ["/sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)"]),
	];
	if (lacks.length > 0) return { ...row, state: "no", evidence: `this kernel has no ${lacks.join(", no ")}` };
	if (tracing.lockdown === "confidentiality")
		return { ...row, state: "no", evidence: "kernel lockdown=confidentiality forbids BPF to read memory" };
	const seen = "uprobe PMU and BTF are there";
	const grant = ["bpf", "bpf-container", "sudo"];
	if (!identity.initialUserNamespace)
		return {
			...row,
			state: "no",
			evidence: `${seen}; capabilities of a user namespace do not count`,
			grant: ["outside"],
		};
	const has = (name: (typeof identity.effective)[number]) => identity.effective.includes(name);
	const untried = "by rights and files: loading a program was not tried";
	if (has("CAP_SYS_ADMIN")) return { ...row, state: "yes", evidence: `${seen}, CAP_SYS_ADMIN; ${untried}` };
	if (has("CAP_BPF") && has("CAP_PERFMON")) {
		const multi = atLeast(kernel.release, 6, 10);
		if (multi && has("CAP_SYS_PTRACE"))
			return { ...row, state: "yes", evidence: `${seen}, CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE; ${untried}` };
		if (multi)
			return { ...row, state: "partly", evidence: `${seen}; programs of this user only (no CAP_SYS_PTRACE)`, grant };
		return { ...row, state: "no", evidence: "below Linux 6.10 uprobes take CAP_SYS_ADMIN", grant: ["sudo"] };
	}
	const lacking = (["CAP_BPF", "CAP_PERFMON"] as const).filter((name) => !has(name));
	return { ...row, state: "no", evidence: `${seen}, gomem has no ${lacking.join(", no ")}`, grant };
}

function cores({ kernel, tools, coreLimit }: HostSurvey): Row {
	const pattern = kernel.corePattern;
	const goes = pattern === undefined ? "unknown where a crash's core goes" : `a crash's core goes to ${pattern}`;
	const limit = coreLimit === 0 ? ", ulimit -c is 0" : "";
	const gcore = tools.gcore;
	return {
		id: "cores",
		title: "core files",
		state: gcore === undefined ? "partly" : "yes",
		evidence: `${gcore === undefined ? "no gcore in PATH" : gcore}; ${goes}${limit}`,
		gives: "the same of a process that is dead, or on another machine",
		without: "gomem reads cores; none can be made here of a running process",
		grant: ["gcore"],
		uses: ["why"],
	};
}

/** Whether `6.18.44-x` is at least 6.10. */
export function atLeast(release: string, major: number, minor: number): boolean {
	const [, a, b] = /^(\d+)\.(\d+)/.exec(release) ?? [];
	return Number(a) > major || (Number(a) === major && Number(b) >= minor);
}
