export interface Container {
	/** the runtime's id, 64 hexadecimal digits as a rule */
	readonly id: string;
	readonly runtime: "docker" | "containerd" | "crio" | "podman" | "garden" | "lxc" | "nspawn" | "unknown";
	/** of a Kubernetes pod, with dashes */
	readonly podUid: string | undefined;
	/** Kubernetes' class of the pod */
	readonly qos: "guaranteed" | "burstable" | "besteffort" | undefined;
}

export interface CgroupOwner {
	/** the innermost container on the path */
	readonly container: Container | undefined;
	/** the innermost systemd service or scope that is no container's: `api.service`, `session-3.scope` */
	readonly unit: string | undefined;
}

const ID = "[0-9a-f]{64}";

/** Names of a container's own cgroup. systemd drivers prefix the runtime, cgroupfs drivers put the id in a runtime's folder. */
const CONTAINER_NAMES: readonly (readonly [RegExp, Container["runtime"]])[] = [
	[new RegExp(`^docker-(${ID})\\.scope$`), "docker"],
	[new RegExp(`^cri-containerd-(${ID})\\.scope$`), "containerd"],
	[new RegExp(`^nerdctl-(${ID})\\.scope$`), "containerd"],
	[new RegExp(`^crio-(${ID})(?:\\.scope)?$`), "crio"],
	[new RegExp(`^libpod-(${ID})(?:\\.scope)?$`), "podman"],
	// kubelet with --cgroup-driver=systemd and containerd without: slice:prefix:id
	[new RegExp(`^[^:]{1,256}:cri-containerd:(${ID})$`), "containerd"],
	[new RegExp(`^[^:]{1,256}:docker:(${ID})$`), "docker"],
	[/^lxc\.payload\.([\w.-]{1,64})$/, "lxc"],
	[/^machine-([\w.\\-]{1,64})\.scope$/, "nspawn"],
];

const FOLDERS: ReadonlyMap<string, Container["runtime"]> = new Map([
	["docker", "docker"],
	["libpod_parent", "podman"],
	["garden", "garden"],
	["lxc", "lxc"],
]);

const POD =
	/^(?:kubepods(?:-(burstable|besteffort))?-)?pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;

/**
 * Whose a cgroup path is, by the names that runtimes and systemd give. A path that a cgroup namespace hides (`/` inside of a
 * container) tells nothing.
 */
export function containerOf(cgroupPath: string): CgroupOwner {
	let container: Container | undefined;
	let unit: string | undefined;
	let podUid: string | undefined;
	let qos: Container["qos"];
	let folder = "";
	for (const name of cgroupPath.split("/", 64)) {
		if (/^kubepods(?:\.slice)?$/.test(name)) qos = "guaranteed";
		const classOfPods = /^(?:kubepods-)?(burstable|besteffort)(?:\.slice)?$/.exec(name)?.[1];
		if (classOfPods !== undefined && qos !== undefined) qos = qosOf(classOfPods);
		// `kubepods-burstable-pod….slice:cri-containerd:…` names the pod in its first part
		const [, classOfPod, pod] = POD.exec(name.split(":", 1)[0] ?? "") ?? [];
		if (pod !== undefined) podUid = pod.replaceAll("_", "-");
		if (pod !== undefined) qos = qosOf(classOfPod) ?? qos ?? "guaranteed";
		const named = containerName(name, folder, podUid !== undefined);
		if (named !== undefined) container = { ...named, podUid, qos: podUid === undefined ? undefined : qos };
		else if (/\.(?:service|scope)$/.test(name)) unit = name;
		folder = name;
	}
	return { container, unit };
}

function qosOf(name: string | undefined): Container["qos"] {
	return name === "burstable" || name === "besteffort" ? name : undefined;
}

function containerName(name: string, folder: string, inPod: boolean): Pick<Container, "id" | "runtime"> | undefined {
	for (const [pattern, runtime] of CONTAINER_NAMES) {
		const id = pattern.exec(name)?.[1];
		if (id !== undefined) return { id, runtime };
	}
	const runtime = FOLDERS.get(folder);
	if (runtime !== undefined && /^[\w.-]{1,128}$/.test(name)) return { id: name, runtime };
	// A bare id: containerd's under a pod's cgroup with the cgroupfs driver, or some runtime's under a folder of its own.
	if (/^[0-9a-f]{64}$/.test(name)) return { id: name, runtime: inPod ? "containerd" : "unknown" };
	return undefined;
}
