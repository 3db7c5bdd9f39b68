import type { HostSurvey } from "../../capture/linux/host-survey.ts";
import type { Trial } from "../../capture/linux/host-trial.ts";

export const denied = (why: string) => ({ unavailable: why, wouldHelp: "x" });
export const hidden = denied("frame numbers in pagemap are hidden without CAP_SYS_ADMIN (Linux 4.2)");

/** A process of which everything may be read, but for what is given. */
export function trial(pid: number, rights: Partial<Trial["rights"]> = {}, rest: Partial<Trial> = {}): Trial {
	const all = { memory: "granted", pagemap: "granted", frames: "granted", pageFlags: "granted" } as const;
	const more = { smaps: "granted", executable: "granted", environment: "granted", syscalls: "granted" } as const;
	return {
		pid,
		name: "x",
		uid: 1000,
		rights: { ...all, ...more, ...rights },
		memoryBytes: 4096,
		stopMs: 1,
		descendant: false,
		...rest,
	};
}

/** root of a host with nothing in its way; what differs is given */
export function survey(changes: Partial<HostSurvey> = {}, identity: Partial<HostSurvey["identity"]> = {}): HostSurvey {
	const capabilities = [
		"CAP_DAC_OVERRIDE",
		"CAP_KILL",
		"CAP_SYS_PTRACE",
		"CAP_SYS_ADMIN",
		"CAP_PERFMON",
		"CAP_BPF",
	] as const;
	return {
		machine: "x86_64",
		pageSize: 4096,
		identity: {
			uid: 0,
			gid: 0,
			effective: capabilities,
			bounding: capabilities,
			noNewPrivs: false,
			seccomp: 0,
			confinedBy: undefined,
			initialUserNamespace: true,
			uidMap: [],
			initialPidNamespace: true,
			place: { kind: "host", sign: "no sign of a container", runtime: undefined },
			...identity,
		},
		kernel: {
			release: "6.12.1",
			configFrom: "/proc/config.gz",
			yamaScope: 0,
			securityModules: ["yama"],
			anonymousNames: true,
			pressure: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0",
			hugePages: { enabled: "always" },
			maxPtesNone: 511,
			ksm: 0,
			swappiness: 60,
			zswap: false,
			overcommit: 0,
			maxMapCount: 65530,
			corePattern: "core",
			tracing: {
				perfParanoid: 2,
				unprivilegedBpfDisabled: 2,
				btf: true,
				uprobes: true,
				bpf: true,
				tracefs: "mounted",
				lockdown: undefined,
			},
			...changes.kernel,
		},
		procMount: { hidepid: 0, gid: undefined, pidsOnly: false },
		own: trial(10),
		child: undefined,
		foreign: trial(20, {}, { uid: 33 }),
		executables: { looked: 50, readable: 50, foreign: 20, foreignUsers: 1 },
		cgroup: {
			version: 2,
			path: "/a",
			levels: [
				{
					path: "/a",
					directory: "/sys/fs/cgroup/a",
					files: new Map(
						["memory.max", "memory.current", "memory.stat", "memory.events", "memory.pressure"].map((n) => [n, ""]),
					),
				},
			],
		},
		oomPreference: true,
		swapTotal: 0,
		coreLimit: 0,
		tools: {
			gcore: "/usr/bin/gcore",
			gdb: undefined,
			go: undefined,
			kubectl: undefined,
			docker: undefined,
			podman: undefined,
			setcap: undefined,
			setpriv: "/usr/bin/setpriv",
			sudo: "/usr/bin/sudo",
		},
		node: { version: "v26.0.0", heapLimit: 2 ** 32 },
		...Object.fromEntries(Object.entries(changes).filter(([key]) => key !== "kernel")),
	};
}

/** An ordinary user: rights of others denied, frame numbers hidden. */
export function ordinary(
	changes: Partial<HostSurvey> = {},
	identity: Partial<HostSurvey["identity"]> = {},
): HostSurvey {
	const closed = denied("process 20 runs as uid 0, gomem as uid 1000 without CAP_SYS_PTRACE");
	const foreign = trial(20, { memory: closed, pagemap: closed, smaps: closed, executable: closed }, { uid: 0 });
	return survey(
		{
			own: trial(10, { frames: hidden }),
			foreign,
			executables: { looked: 50, readable: 3, foreign: 20, foreignUsers: 4 },
			...changes,
		},
		{ uid: 1000, effective: [], ...identity },
	);
}
