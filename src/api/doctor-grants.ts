import type { HostSurvey } from "../capture/linux/host-survey.ts";
import type { Capability, Grant } from "./doctor-shape.ts";

/** A way to more rights. `gives` follows from the capabilities that name it. */
export interface Recipe extends Omit<Grant, "gives"> {
	/** where it can be done */
	readonly places: readonly HostSurvey["identity"]["place"]["kind"][];
	/** it does nothing where no_new_privs is set */
	readonly needsNewPrivs?: boolean;
}

const HERE = ["host"] as const;
const RUN = "npx -y gomem";

/**
 * Profiles of kubectl debug: kubernetes/kubectl, pkg/cmd/debug/profiles.go (general adds SYS_PTRACE, sysadmin is privileged).
 * Capabilities: capabilities(7), ptrace(2) "Ptrace access mode checking", setpriv(1), setcap(8).
 */
export const recipes: readonly Recipe[] = [
	{
		id: "kubectl-debug",
		title: "a debug container beside the pod's container",
		places: ["kubernetes"],
		commands: ["kubectl debug -it POD --target=CONTAINER --image=node:24 --profile=general \\", `  -- ${RUN} why 1`],
		risk: "reads the memory of that pod's processes, secrets among it; ends with the session",
		note: "profile general is securityContext.capabilities.add: [SYS_PTRACE]; in a pod of runAsNonRoot take the next one",
	},
	{
		id: "kubectl-debug-user",
		title: "the same as root of the pod, whatever user the pod runs as",
		places: ["kubernetes"],
		commands: [
			'cat > gomem-debug.json <<<\'{"securityContext":{"runAsUser":0,"runAsNonRoot":false,',
			'  "capabilities":{"add":["SYS_PTRACE"]}}}\'',
			"kubectl debug -it POD --target=CONTAINER --image=node:24 --profile=general \\",
			`  --custom=gomem-debug.json -- ${RUN} why 1`,
		],
		risk: "as before; needs an admission policy that lets SYS_PTRACE and root pass",
		note: "--custom needs kubectl 1.31 or newer",
	},
	{
		id: "kubectl-node",
		title: "a privileged container on the node",
		places: ["kubernetes"],
		commands: [`kubectl debug -it node/NODE --image=node:24 --profile=sysadmin -- ${RUN} doctor`],
		risk: "root of the node: every process, every secret",
	},
	{
		id: "docker-beside",
		title: "a container beside the other one",
		places: ["container"],
		commands: [`docker run --rm -it --pid=container:NAME --cap-add SYS_PTRACE node:24 ${RUN} why 1`],
		risk: "reads the memory of that container's processes",
		note: "podman takes the same flags; add --security-opt apparmor=unconfined where AppArmor is what denies it",
	},
	{
		id: "docker-host",
		title: "a privileged container that sees the host",
		places: ["container"],
		commands: [`docker run --rm -it --pid=host --privileged node:24 ${RUN} doctor`],
		risk: "root of the host: every process, every secret",
	},
	{
		id: "setpriv",
		title: "your user with two more capabilities, for one command",
		places: HERE,
		needsNewPrivs: true,
		commands: [
			'sudo setpriv --reuid="$(id -u)" --regid="$(id -g)" --init-groups \\',
			"  --inh-caps=+sys_ptrace,+dac_read_search --ambient-caps=+sys_ptrace,+dac_read_search \\",
			'  env "PATH=$PATH" gomem why PID',
		],
		risk: "may read every process and every file while it runs, and write to processes' memory; gomem does not",
		note: "sys_ptrace alone does for processes of your own user that Yama guards; the others' files are mode 0400",
	},
	{
		id: "sudo",
		title: "root, for one command",
		places: HERE,
		needsNewPrivs: true,
		commands: ['sudo env "PATH=$PATH" gomem why PID'],
		risk: "root runs gomem and Node from your PATH",
	},
	{
		id: "setcap",
		title: "a copy of Node that has these capabilities for good",
		places: HERE,
		needsNewPrivs: true,
		commands: [
			'install -m 0700 "$(readlink -f "$(command -v node)")" ~/gomem-node',
			"sudo setcap cap_sys_ptrace,cap_dac_read_search+ep ~/gomem-node",
			'~/gomem-node "$(readlink -f "$(command -v gomem)")" why PID',
		],
		risk: "whoever may run that copy reads every process and every file: keep it 0700",
	},
	{
		id: "yama",
		title: "memory of all processes of the same user, until the next boot",
		places: ["host", "container", "kubernetes"],
		commands: ["sudo sysctl kernel.yama.ptrace_scope=0"],
		risk: "each process of a user can then read the others of that user (ssh-agent, browsers); back with =1",
		note: "of the host or node: the setting is not per container",
	},
	{
		id: "frames",
		title: "frame numbers, for exact zero pages",
		places: HERE,
		needsNewPrivs: true,
		commands: ['sudo env "PATH=$PATH" gomem why PID'],
		risk: "CAP_SYS_ADMIN is as good as root; without it gomem tells zero pages by subtraction from smaps",
	},
	{
		id: "bpf",
		title: "eBPF probes without root (Linux 6.10)",
		places: HERE,
		needsNewPrivs: true,
		commands: [
			'sudo setpriv --reuid="$(id -u)" --regid="$(id -g)" --init-groups \\',
			"  --inh-caps=+bpf,+perfmon,+sys_ptrace --ambient-caps=+bpf,+perfmon,+sys_ptrace \\",
			'  env "PATH=$PATH" gomem doctor',
		],
		risk: "CAP_PERFMON and CAP_BPF read kernel and user memory of the whole machine; below 6.10 it takes root",
	},
	{
		id: "bpf-container",
		title: "eBPF probes from a container",
		places: ["container", "kubernetes"],
		commands: [
			"docker run --rm -it --pid=host --cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE \\",
			`  node:24 ${RUN} doctor`,
		],
		risk: "reads kernel and user memory of the whole machine; Linux below 6.10: --cap-add SYS_ADMIN",
		note: 'Kubernetes: securityContext.capabilities.add: ["BPF", "PERFMON", "SYS_PTRACE"] and hostPID: true',
	},
	{
		id: "enter-userns",
		title: "inside of a rootless container's user namespace, as the user who owns it",
		places: HERE,
		commands: ["nsenter --preserve-credentials --user --target PID gomem why PID"],
		risk: "root of that user namespace while it runs: every process of that container",
		note: "PID is the container's first process; podman unshare gomem why PID does the same for all of a user's containers",
	},
	{
		id: "outside",
		title: "out of the user namespace: from the host",
		places: ["host", "container", "kubernetes"],
		commands: ["sudo gomem why PID"],
		risk: "root of the host; a rootless container's root can be given nothing from inside",
	},
	{
		id: "hidepid",
		title: "all processes shown again",
		places: ["host", "container", "kubernetes"],
		commands: ["sudo mount -o remount,hidepid=0 /proc"],
		risk: "every user sees the command lines of all; for one user instead: gid=GROUP of the mount",
	},
	{
		id: "pid-host",
		title: "the host's processes, not only the container's",
		places: ["container", "kubernetes"],
		commands: [`docker run --rm -it --pid=host --cap-add SYS_PTRACE node:24 ${RUN} ps`],
		risk: "sees every process of the host, and reads those of its users",
		note: "Kubernetes: hostPID: true, or kubectl debug node/NODE",
	},
	{
		id: "cgroup-mount",
		title: "the cgroup files inside of the container",
		places: ["container", "kubernetes"],
		commands: [`docker run -v /sys/fs/cgroup:/sys/fs/cgroup:ro … node:24 ${RUN} why 1`],
		risk: "shows the names and use of all cgroups of the host, read-only",
	},
	{
		id: "psi",
		title: "pressure stall information",
		places: ["host", "container", "kubernetes"],
		commands: ["sudo grubby --update-kernel=ALL --args=psi=1   # or psi=1 in GRUB_CMDLINE_LINUX; then boot"],
		risk: "some scheduler overhead: the kernel's Kconfig says it shows in artificial stress tests only",
	},
	{
		id: "gcore",
		title: "core files of a running process",
		places: ["host", "container", "kubernetes"],
		commands: ["apt-get install gdb && gcore -o /tmp/core PID && gomem why /tmp/core.PID --exe /proc/PID/exe"],
		risk: "stops the process while it writes as much as is resident; the file holds everything, secrets among it",
	},
];

/** The recipes of those ids, in their order, with what each gives; every recipe where `ids` is "all". */
export function grantsFor(capabilities: readonly Capability[], ids: readonly string[] | "all"): readonly Grant[] {
	const wanted = ids === "all" ? recipes.map((one) => one.id) : [...new Set(ids)];
	return wanted.flatMap((id) => {
		const recipe = recipes.find((one) => one.id === id);
		if (recipe === undefined) return [];
		const { places: _, needsNewPrivs: __, ...rest } = recipe;
		return [{ ...rest, gives: capabilities.filter((one) => one.grant?.includes(id)).map((one) => one.id) }];
	});
}

/** Of recipe ids, those that can be done from where gomem is. */
export function possible(ids: readonly string[], { identity, tools }: HostSurvey): readonly string[] {
	return ids.filter((id) => {
		const recipe = recipes.find((one) => one.id === id);
		if (recipe === undefined) throw new TypeError(`no recipe ${id}`);
		if (!recipe.places.includes(identity.place.kind)) return false;
		if (recipe.needsNewPrivs === true && identity.noNewPrivs) return false;
		return id !== "setpriv" || tools.setpriv !== undefined;
	});
}
