import type { HostSurvey } from "../capture/linux/host-survey.ts";
import { bytes } from "../figures/figures.ts";
import type { Fact } from "./doctor-shape.ts";

/** Settings that change what figures mean, and what follows for them. What is not there is left out. */
export function factsOf(survey: HostSurvey): readonly Fact[] {
	const { kernel, identity, node, tools, swapTotal } = survey;
	const facts: (Fact | undefined)[] = [
		yama(kernel.yamaScope),
		fact("security modules", kernel.securityModules?.join(", ")),
		fact("seccomp", seccompWord(identity.seccomp)),
		identity.noNewPrivs
			? fact("no_new_privs", "set", "sudo, setuid files and file capabilities give nothing here")
			: undefined,
		missingBounds(survey),
		fact(
			"huge pages",
			kernel.hugePages["enabled"],
			kernel.hugePages["enabled"] === "always" ? "memory that Go returned may stay resident in huge pages" : undefined,
		),
		fact(
			"khugepaged max_ptes_none",
			number(kernel.maxPtesNone),
			(kernel.maxPtesNone ?? 0) > 0 && kernel.hugePages["enabled"] === "always"
				? "untouched pages become resident beside touched ones"
				: undefined,
		),
		fact(
			"KSM",
			["off", "merging", "unmerging"][kernel.ksm ?? -1],
			kernel.ksm === 1 ? "equal pages count in RSS, not in PSS" : undefined,
		),
		fact(
			"swap",
			swapTotal === undefined
				? undefined
				: swapTotal === 0
					? "none"
					: `${bytes(swapTotal)}, swappiness ${kernel.swappiness ?? "?"}`,
			swapTotal === undefined || swapTotal === 0
				? undefined
				: "swapped pages are not resident; gomem never brings them back",
		),
		fact("zswap", kernel.zswap === undefined ? undefined : kernel.zswap ? "on" : "off"),
		fact(
			"overcommit",
			number(kernel.overcommit),
			kernel.overcommit === 2 ? "Go's reservations of address space count against CommitLimit" : undefined,
		),
		fact("max_map_count", number(kernel.maxMapCount)),
		fact("perf_event_paranoid", number(kernel.tracing.perfParanoid)),
		fact("unprivileged_bpf_disabled", number(kernel.tracing.unprivilegedBpfDisabled)),
		fact(
			"tracefs",
			kernel.tracing.tracefs === "mounted"
				? "mounted"
				: kernel.tracing.tracefs === "empty"
					? "not mounted"
					: "not readable",
		),
		fact("lockdown", kernel.tracing.lockdown),
		fact("core_pattern", kernel.corePattern),
		fact("Node", `${node.version}, heap up to ${bytes(node.heapLimit)}`),
		fact("go", tools.go ?? "not in PATH", tools.go === undefined ? "gomem needs none" : undefined),
		fact("gdb", tools.gdb ?? "not in PATH", tools.gdb === undefined ? "gomem needs none" : undefined),
	];
	return facts.filter((one) => one !== undefined);
}

/** Documentation/admin-guide/LSM/Yama.rst */
const YAMA: readonly string[] = [
	"same user is enough to read a process's memory",
	"a process's memory is its ancestors' to read, and CAP_SYS_PTRACE's; maps, smaps and pagemap are not touched by it",
	"a process's memory takes CAP_SYS_PTRACE; maps, smaps and pagemap do not",
	"nobody reads a process's memory, root neither, until the next boot",
];

function yama(scope: number | undefined): Fact {
	if (scope === undefined) return { id: "Yama", value: "not in this kernel", means: YAMA[0] ?? "" };
	const means = YAMA[scope];
	return { id: "Yama", value: `ptrace_scope=${scope}`, ...(means === undefined ? {} : { means }) };
}

/** What even root of this container cannot have. */
function missingBounds({ identity }: HostSurvey): Fact | undefined {
	const wanted = ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_PERFMON", "CAP_BPF"] as const;
	const missing = wanted.filter((name) => !identity.bounding.includes(name));
	if (missing.length === 0) return undefined;
	return fact(
		"bounding set",
		`without ${missing.join(", ")}`,
		"nothing that is started here can gain these, root neither: the container must be started with them",
	);
}

export function seccompWord(mode: number | undefined): "off" | "strict" | "filter" | undefined {
	return mode === undefined ? undefined : (["off", "strict", "filter"] as const)[mode];
}

function fact(id: string, value: string | undefined, means?: string): Fact | undefined {
	return value === undefined || value === "" ? undefined : { id, value, ...(means === undefined ? {} : { means }) };
}

function number(value: number | undefined): string | undefined {
	return value === undefined ? undefined : String(value);
}
