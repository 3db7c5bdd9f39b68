import { existsSync } from "node:fs";
import { parseCgroupPath } from "../../formats/cgroupfs/cgroup-path.ts";
import { type CgroupOwner, containerOf } from "../../formats/cgroupfs/container.ts";
import { decimal, parseFieldLines } from "../../formats/procfs/fields.ts";
import { confinement } from "./denied.ts";
import { inInitialNamespace, ownUidMap } from "./host-namespaces.ts";
import { readSmallText } from "./proc-text.ts";
import { errnoOf } from "./system-error.ts";

/** Bits of include/uapi/linux/capability.h that decide what gomem may do, by the kernel's names. */
export const DECISIVE = {
	CAP_DAC_OVERRIDE: 1,
	CAP_DAC_READ_SEARCH: 2,
	CAP_KILL: 5,
	CAP_SYS_PTRACE: 19,
	CAP_SYS_ADMIN: 21,
	CAP_SYS_RESOURCE: 24,
	CAP_PERFMON: 38,
	CAP_BPF: 39,
	CAP_CHECKPOINT_RESTORE: 40,
} as const;
export type Capability = keyof typeof DECISIVE;

/** Who gomem is to the kernel. */
export interface OwnIdentity {
	/** effective; the one that the kernel's checks use */
	readonly uid: number;
	readonly gid: number;
	/** the decisive ones of CapEff */
	readonly effective: readonly Capability[];
	/** the decisive ones of CapBnd: nothing that gomem executes can gain others, be it by sudo or file capabilities */
	readonly bounding: readonly Capability[];
	/** set: setuid files and file capabilities give nothing (Documentation/userspace-api/no_new_privs.rst) */
	readonly noNewPrivs: boolean;
	/** 0 off, 1 strict, 2 filter; undefined where the kernel does not say */
	readonly seccomp: number | undefined;
	/** label of a confining security module */
	readonly confinedBy: string | undefined;
	/** false: gomem's capabilities count inside of a container's user namespace only */
	readonly initialUserNamespace: boolean;
	/** lines of uid_map where that is not the initial one */
	readonly uidMap: readonly string[];
	/** false: /proc shows the processes of a container */
	readonly initialPidNamespace: boolean;
	readonly place: Place;
}

/** Where gomem runs, as far as signs tell. */
export interface Place {
	readonly kind: "host" | "container" | "kubernetes";
	/** what the sign was */
	readonly sign: string;
	/** docker, containerd, crio, podman … where the cgroup's name tells */
	readonly runtime: string | undefined;
}

/** Reads them from /proc/self. Throws where that is not there or is no text of a kernel. */
export function ownIdentity(): OwnIdentity {
	const status = parseFieldLines(readSmallText("/proc/self/status"), "status");
	const id = (key: string): number => decimal(status.get(key)?.split(/\s+/)[1], key, "status");
	const uidMap = ownUidMap();
	const initialUserNamespace = inInitialNamespace("self", "user") ?? uidMap.join() === "0 0 4294967295";
	const seccomp = status.get("Seccomp");
	return {
		uid: id("Uid"),
		gid: id("Gid"),
		effective: capabilitiesIn(status.get("CapEff")),
		bounding: capabilitiesIn(status.get("CapBnd")),
		noNewPrivs: status.get("NoNewPrivs") === "1",
		seccomp: seccomp === undefined ? undefined : Number(seccomp),
		confinedBy: confinement(),
		initialUserNamespace,
		uidMap: initialUserNamespace ? [] : uidMap,
		initialPidNamespace: inInitialNamespace("self", "pid") ?? true,
		place: placeOf(),
	};
}

/** The decisive capabilities of a mask of 16 hexadecimal digits. */
export function capabilitiesIn(mask: string | undefined): readonly Capability[] {
	if (mask === undefined || !/^[0-9a-f]{1,16}$/.test(mask)) return [];
	const bits = BigInt(`0x${mask}`);
	return (Object.keys(DECISIVE) as Capability[]).filter((name) => (bits >> BigInt(DECISIVE[name])) & 1n);
}

/** Signs that runtimes leave: a cgroup namespace hides the name, then there are files and variables. */
function placeOf(): Place {
	const owner = ownCgroup();
	const runtime = owner?.container?.runtime;
	if (owner?.container?.podUid !== undefined) return { kind: "kubernetes", sign: "cgroup of a pod", runtime };
	if (process.env["KUBERNETES_SERVICE_HOST"] !== undefined)
		return { kind: "kubernetes", sign: "KUBERNETES_SERVICE_HOST is set", runtime };
	if (existsSync("/var/run/secrets/kubernetes.io/serviceaccount"))
		return { kind: "kubernetes", sign: "a service account is mounted", runtime };
	if (runtime !== undefined) return { kind: "container", sign: `cgroup of ${runtime}`, runtime };
	const own = (["pid", "uts", "ipc"] as const).find((kind) => inInitialNamespace("self", kind) === false);
	// an image unpacked as a machine's root has the file, too, and no namespaces
	const found = own === undefined ? undefined : SIGNS.find(([file]) => existsSync(file));
	if (found !== undefined) return { kind: "container", sign: found[0], runtime: found[1] };
	if (own === "pid") return { kind: "container", sign: "a pid namespace of its own", runtime: undefined };
	return { kind: "host", sign: "no sign of a container", runtime: undefined };
}

const SIGNS: readonly (readonly [string, string])[] = [
	["/.dockerenv", "docker"],
	["/run/.containerenv", "podman"],
];

function ownCgroup(): CgroupOwner | undefined {
	try {
		const paths = parseCgroupPath(readSmallText("/proc/self/cgroup"));
		return containerOf(paths.controllers.get("memory") ?? paths.unified ?? "/");
	} catch (error) {
		if (errnoOf(error) !== undefined) return undefined;
		throw error;
	}
}
