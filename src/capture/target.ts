import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { containerOf } from "../formats/cgroupfs/container.ts";
import { parseNetTcp, socketInode } from "../formats/procfs/sockets.ts";
import { coreTarget } from "./core-target.ts";
import { firstBytes } from "./first-bytes.ts";
import { memoryCgroupOf } from "./linux/cgroup-files.ts";
import { readProcText } from "./linux/proc-files.ts";
import { listPids } from "./linux/process-identity.ts";

/** What a TARGET on the command line turned out to be. */
export type Target =
	| { readonly kind: "process"; readonly pid: number }
	| { readonly kind: "bundle"; readonly path: string }
	| { readonly kind: "core"; readonly path: string }
	| { readonly kind: "log"; readonly path: string }
	| { readonly kind: "url"; readonly url: string };

/** Why a TARGET names nothing, or too much. */
export interface UnresolvedTarget {
	readonly problem: "not-found" | "ambiguous" | "unknown-file";
	readonly message: string;
	readonly hint: string;
}

/**
 * One resolver for every command: a pid; a name, container, unit or :port of processes here; a file by its first bytes;
 * a URL; "-". Verbs of commands win over files of that name: `./ps` is the file.
 */
export function resolveTarget(text: string): Target | UnresolvedTarget {
	if (/^\d+$/.test(text)) return byPid(Number(text));
	if (/^https?:\/\//.test(text) || text.startsWith("unix:")) return { kind: "url", url: text };
	if (text === "-") return { kind: "log", path: "-" };
	if (/^:\d+$/.test(text)) return byPort(Number(text.slice(1)));
	const file = byFile(text);
	return file ?? byName(text);
}

function byPid(pid: number): Target | UnresolvedTarget {
	if (!isUnavailable(asResult(readProcText(pid, "stat")))) return { kind: "process", pid };
	return {
		problem: "not-found",
		message: `there is no process ${pid}`,
		hint: "`gomem ps` lists the Go processes of this machine",
	};
}

function asResult(value: string | object): object {
	return typeof value === "string" ? {} : value;
}

/** Files are told by their first bytes, as far as gomem reads them yet. */
function byFile(path: string): Target | UnresolvedTarget | undefined {
	let head: Uint8Array;
	try {
		if (!statSync(path).isFile()) return undefined;
		head = firstBytes(path, 4096);
	} catch (error) {
		if (path.includes("/") || path.endsWith(".gomem")) {
			const why = error instanceof Error && "code" in error ? String(error.code) : "";
			return {
				problem: "not-found",
				message: `the file ${path} cannot be read (${why})`,
				hint: "give a capture made by `gomem capture`, a pid, or a process's name",
			};
		}
		return undefined;
	}
	if (head[0] === 0x50 && head[1] === 0x4b) return { kind: "bundle", path };
	const core = coreTarget(path, head);
	if (core !== undefined) return core;
	if (head.every((byte) => byte !== 0)) return { kind: "log", path };
	return {
		problem: "unknown-file",
		message: `${path} is no file that gomem reads`,
		hint: "a capture (.gomem), a core, MemStats as JSON or text, or a log",
	};
}

/** Processes by the name of their executable or their command, or by container id or systemd unit. */
function byName(name: string): Target | UnresolvedTarget {
	const own = new Set([process.pid, process.ppid]);
	const pids = listPids().filter((pid) => !own.has(pid) && matches(pid, name));
	return one(pids, `no process here is called ${name}`, `${name} is the name of several processes`);
}

function matches(pid: number, name: string): boolean {
	try {
		if (basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, "") === name) return true;
	} catch {
		// no right to see the executable: the command's name stands in
	}
	try {
		if (readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd() === name.slice(0, 15)) return true;
	} catch {
		return false; // it ended
	}
	const cgroup = memoryCgroupOf(pid);
	if (isUnavailable(cgroup)) return false;
	const owner = containerOf(cgroup.path);
	if (owner.unit === name) return true;
	return owner.container !== undefined && name.length >= 6 && owner.container.id.startsWith(name);
}

/** The process that listens on a TCP port. */
function byPort(port: number): Target | UnresolvedTarget {
	const inodes = new Set<number>();
	for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
		try {
			for (const socket of parseNetTcp(readFileSync(file, "utf8"), "listen"))
				if (socket.localPort === port) inodes.add(socket.inode);
		} catch {
			// no IPv6 on this machine
		}
	}
	const pids = inodes.size === 0 ? [] : listPids().filter((pid) => holdsSocket(pid, inodes));
	return one(pids, `nothing that gomem may see listens on port ${port}`, `several processes listen on port ${port}`);
}

function holdsSocket(pid: number, inodes: ReadonlySet<number>): boolean {
	try {
		for (const fd of readdirSync(`/proc/${pid}/fd`)) {
			const inode = socketInode(readlinkSync(`/proc/${pid}/fd/${fd}`));
			if (inode !== undefined && inodes.has(inode)) return true;
		}
	} catch {
		// it ended, or belongs to someone else
	}
	return false;
}

function one(pids: readonly number[], none: string, several: string): Target | UnresolvedTarget {
	const [pid, second] = pids;
	if (pid === undefined)
		return {
			problem: "not-found",
			message: none,
			hint: "`gomem ps` lists the Go processes of this machine; a pid, :port or file serves too",
		};
	if (second === undefined) return { kind: "process", pid };
	return { problem: "ambiguous", message: several, hint: `give one pid: ${pids.slice(0, 20).join(", ")}` };
}
