import { accessSync, constants, existsSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { readCapped, readSmallText } from "./proc-text.ts";
import { errnoOf } from "./system-error.ts";

/** Settings of the kernel that decide what gomem can see, or what its figures mean. Undefined: not there, or not readable. */
export interface KernelSettings {
	/** uname -r */
	readonly release: string;
	/** where its configuration was read */
	readonly configFrom: string | undefined;
	/** kernel.yama.ptrace_scope; undefined: no Yama */
	readonly yamaScope: number | undefined;
	/** security modules in force, where securityfs is mounted */
	readonly securityModules: readonly string[] | undefined;
	/** CONFIG_ANON_VMA_NAME: whether programs may name their anonymous mappings */
	readonly anonymousNames: boolean | undefined;
	/** the first line of /proc/pressure/memory, or the errno of reading it (EOPNOTSUPP: off since boot) */
	readonly pressure: string | { readonly errno: string };
	/** enabled, defrag, shmem_enabled of transparent_hugepage: the choice in brackets */
	readonly hugePages: Readonly<Record<string, string>>;
	/** khugepaged/max_ptes_none: absent pages that may be filled to make a huge one */
	readonly maxPtesNone: number | undefined;
	/** pages merged by KSM are shared: ksm/run */
	readonly ksm: number | undefined;
	readonly swappiness: number | undefined;
	readonly zswap: boolean | undefined;
	readonly overcommit: number | undefined;
	readonly maxMapCount: number | undefined;
	readonly corePattern: string | undefined;
	readonly tracing: TracingSettings;
}

/** What attaching eBPF programs to a program's functions needs of the kernel. */
export interface TracingSettings {
	readonly perfParanoid: number | undefined;
	readonly unprivilegedBpfDisabled: number | undefined;
	/** /sys/kernel/btf/vmlinux can be read */
	readonly btf: boolean;
	/** /sys/bus/event_source/devices/uprobe: CONFIG_UPROBE_EVENTS, without tracefs */
	readonly uprobes: boolean;
	/** CONFIG_BPF_SYSCALL, as far as the configuration is known */
	readonly bpf: boolean | undefined;
	/** "mounted" where its files can be listed, "empty" where it is not mounted, "denied" */
	readonly tracefs: "mounted" | "empty" | "denied";
	/** lockdown mode in force: none, integrity, confidentiality (the last forbids reading memory by BPF) */
	readonly lockdown: string | undefined;
}

export function kernelSettings(release: string): KernelSettings {
	const config = kernelConfig(release);
	return {
		release,
		configFrom: config?.path,
		yamaScope: numberIn("/proc/sys/kernel/yama/ptrace_scope"),
		securityModules: textIn("/sys/kernel/security/lsm")?.split(","),
		anonymousNames: config?.has("ANON_VMA_NAME"),
		pressure: pressure(),
		hugePages: chosenOf("/sys/kernel/mm/transparent_hugepage", ["enabled", "defrag", "shmem_enabled"]),
		maxPtesNone: numberIn("/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none"),
		ksm: numberIn("/sys/kernel/mm/ksm/run"),
		swappiness: numberIn("/proc/sys/vm/swappiness"),
		zswap: flagIn("/sys/module/zswap/parameters/enabled"),
		overcommit: numberIn("/proc/sys/vm/overcommit_memory"),
		maxMapCount: numberIn("/proc/sys/vm/max_map_count"),
		corePattern: textIn("/proc/sys/kernel/core_pattern"),
		tracing: {
			perfParanoid: numberIn("/proc/sys/kernel/perf_event_paranoid"),
			unprivilegedBpfDisabled: numberIn("/proc/sys/kernel/unprivileged_bpf_disabled"),
			btf: readable("/sys/kernel/btf/vmlinux"),
			uprobes: existsSync("/sys/bus/event_source/devices/uprobe/type"),
			bpf: config?.has("BPF_SYSCALL"),
			tracefs: tracefs(),
			lockdown: chosen(textIn("/sys/kernel/security/lockdown")),
		},
	};
}

/** /proc/config.gz (CONFIG_IKCONFIG_PROC), or what a distribution puts beside the kernel. */
function kernelConfig(release: string): { readonly path: string; has(name: string): boolean } | undefined {
	const MAX = 4 << 20;
	for (const path of ["/proc/config.gz", `/boot/config-${release}`, `/lib/modules/${release}/config`]) {
		try {
			const { bytes } = readCapped(path, MAX);
			const text = new TextDecoder().decode(path.endsWith(".gz") ? gunzipSync(bytes, { maxOutputLength: MAX }) : bytes);
			return { path, has: (name) => new RegExp(`^CONFIG_${name}=[ym]$`, "m").test(text) };
		} catch (error) {
			if (!(error instanceof Error && "code" in error)) throw error; // not there, not readable, or no gzip
		}
	}
	return undefined;
}

function pressure(): string | { readonly errno: string } {
	try {
		return readSmallText("/proc/pressure/memory").split("\n", 1)[0] ?? "";
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return { errno };
	}
}

function tracefs(): TracingSettings["tracefs"] {
	for (const folder of ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]) {
		if (existsSync(`${folder}/events`)) return "mounted";
	}
	return readable("/sys/kernel/tracing") ? "empty" : "denied";
}

/** `always [madvise] never` says madvise. */
function chosenOf(folder: string, names: readonly string[]): Readonly<Record<string, string>> {
	const found: Record<string, string> = {};
	for (const name of names) {
		const one = chosen(textIn(`${folder}/${name}`));
		if (one !== undefined) found[name] = one;
	}
	return found;
}

function chosen(text: string | undefined): string | undefined {
	return /\[(\w+)\]/.exec(text ?? "")?.[1];
}

function readable(path: string): boolean {
	try {
		accessSync(path, constants.R_OK);
		return true;
	} catch {
		return false;
	}
}

function flagIn(path: string): boolean | undefined {
	const text = textIn(path);
	return text === undefined ? undefined : text === "Y" || text === "1";
}

function numberIn(path: string): number | undefined {
	const text = textIn(path);
	return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function textIn(path: string): string | undefined {
	try {
		return readSmallText(path).trim();
	} catch (error) {
		if (errnoOf(error) !== undefined) return undefined;
		throw error;
	}
}
