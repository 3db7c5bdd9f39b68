import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { basename } from "node:path";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { count, duration } from "../figures/figures.ts";
import { containerOf } from "../formats/cgroupfs/container.ts";
import { parseNetTcp, socketInode } from "../formats/procfs/sockets.ts";
import { coreTarget } from "./core-target.ts";
import { firstBytes } from "./first-bytes.ts";
import { memoryCgroupOf } from "./linux/cgroup-files.ts";
import { type Gone, goneProcess } from "./linux/gone.ts";
import { hostFacts } from "./linux/host-facts.ts";
import { readProcLink } from "./linux/proc-files.ts";
import { listPids } from "./linux/process-identity.ts";
import { errnoOf } from "./linux/system-error.ts";
import { readTaskStat } from "./linux/task-state.ts";
import { MAX_PIPED_BYTES, standardInput } from "./standard-input.ts";

/** What a TARGET on the command line turned out to be. */
export type Target =
	| { readonly kind: "process"; readonly pid: number }
	| { readonly kind: "bundle"; readonly path: string }
	| { readonly kind: "core"; readonly path: string }
	| { readonly kind: "log"; readonly path: string }
	| { readonly kind: "url"; readonly url: string };

/** Why a TARGET names nothing, or too much. */
export interface UnresolvedTarget {
	readonly problem: "not-found" | "ambiguous" | "unknown-file" | "ended" | "kernel-thread";
	readonly message: string;
	readonly hint: string;
}

const LISTED = "`gomem ps` lists the Go processes of this machine";
const FILES = "a capture (.gomem), a core, MemStats as JSON or text, or a log";

/**
 * One resolver for every command: a pid; a name, container, unit or :port of processes here; a file by its first bytes;
 * a URL; "-". Verbs of commands win over files of that name: `./ps` is the file. "-" is a log until it was looked at: see
 * standardInputTarget.
 */
export function resolveTarget(text: string): Target | UnresolvedTarget {
	if (/^\d+$/.test(text)) return byPid(text);
	if (/^-\d+$/.test(text))
		return { problem: "not-found", message: `${text} is no pid: pids are whole numbers from 1 on`, hint: LISTED };
	if (/^https?:\/\//.test(text) || text.startsWith("unix:")) return { kind: "url", url: text };
	if (text === "-") return { kind: "log", path: "-" };
	if (/^:\d+$/.test(text)) return byPort(Number(text.slice(1)));
	const file = byFile(text);
	if (file === undefined || !("other" in file)) return file ?? byName(text);
	// a word without a slash may name a process as well as a folder beside it
	const named = text.includes("/") ? undefined : byName(text);
	return named === undefined || ("problem" in named && named.problem === "not-found") ? file.other : named;
}

/**
 * What standard input is by its first bytes. A bundle has been read to its end then: its bytes are at hand for whoever
 * opens "-". Where it is none of these, the caller closes it. Throws the signal's reason.
 */
export async function standardInputTarget(signal?: AbortSignal): Promise<Target | UnresolvedTarget> {
	// someone types: there are no first bytes before there is a line
	if (process.stdin.isTTY === true) return { kind: "log", path: "-" };
	const input = standardInput();
	try {
		const target = pipedTarget(await input.head(signal));
		if ("problem" in target || target.kind !== "bundle") return target;
		const whole = await input.readWhole(MAX_PIPED_BYTES, signal);
		if (!isUnavailable(whole)) return target;
		return { problem: "unknown-file", message: whole.unavailable, hint: "write it to a file and name that" };
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return { problem: "not-found", message: `standard input cannot be read (${errno})`, hint: `pipe in ${FILES}` };
	}
}

function pipedTarget(head: Uint8Array): Target | UnresolvedTarget {
	const core = coreTarget("standard input", head);
	if (core === undefined) return byHead("-", "standard input", head);
	return {
		problem: "unknown-file",
		message: "problem" in core ? core.message : "a core cannot be read from standard input",
		hint: "a core is read here and there, which a pipe cannot: write it to a file, unpacked, and name that",
	};
}

function byPid(text: string): Target | UnresolvedTarget {
	const pid = Number(text);
	const gone = goneProcess(pid);
	if (gone === undefined) return { kind: "process", pid };
	if (gone.gone === "absent") return { problem: "not-found", message: `there is no process ${text}`, hint: LISTED };
	return withoutMemory(gone);
}

function withoutMemory({ gone, unavailable }: Gone): UnresolvedTarget {
	const problem = gone === "kernel-thread" ? gone : gone === "absent" ? "not-found" : "ended";
	return { problem, message: unavailable, hint: LISTED };
}

/** Why what has this name is nothing to read; a process may have the same name. */
interface NoFile {
	readonly other: UnresolvedTarget;
}

/** Files are told by their first bytes, as far as gomem reads them yet. */
function byFile(path: string): Target | UnresolvedTarget | NoFile | undefined {
	try {
		const there = statSync(path);
		if (!there.isFile()) return { other: noFile(path, there) };
		return byHead(path, path, firstBytes(path, 4096));
	} catch (error) {
		if (!path.includes("/") && !path.endsWith(".gomem")) return undefined;
		const why = error instanceof Error && "code" in error ? String(error.code) : "";
		return {
			problem: "not-found",
			message: `the file ${path} cannot be read (${why})`,
			hint: "give a capture made by `gomem capture`, a pid, or a process's name",
		};
	}
}

function noFile(path: string, there: Stats): UnresolvedTarget {
	const [what, hint] = there.isDirectory()
		? ["a directory", `give ${FILES}`]
		: there.isFIFO()
			? ["a pipe", `- as the TARGET reads standard input: gomem … - < ${path}`]
			: there.isSocket()
				? ["a socket", `unix:${path} asks a server that listens there`]
				: ["a device", `give ${FILES}`];
	return { problem: "unknown-file", message: `${path} is ${what}, and no file that gomem reads`, hint };
}

function byHead(path: string, name: string, head: Uint8Array): Target | UnresolvedTarget {
	if (head.length === 0) return { problem: "unknown-file", message: `${name} is empty`, hint: `give ${FILES}` };
	if (head[0] === 0x50 && head[1] === 0x4b) return { kind: "bundle", path };
	const core = coreTarget(path, head);
	if (core !== undefined) return core;
	if (head.every((byte) => byte !== 0)) return { kind: "log", path };
	return { problem: "unknown-file", message: `${name} is no file that gomem reads`, hint: FILES };
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
	// what has ended keeps its name until it is collected
	const gone = pids.map((pid) => goneProcess(pid));
	const living = pids.filter((_, i) => gone[i] === undefined);
	const [pid, second] = living;
	const [ended] = gone.filter((one) => one !== undefined && one.gone !== "absent");
	if (pid === undefined && ended !== undefined) return withoutMemory(ended);
	if (pid === undefined)
		return { problem: "not-found", message: none, hint: `${LISTED}; a pid, :port or file serves too` };
	if (second === undefined) return { kind: "process", pid };
	return { problem: "ambiguous", message: several, hint: `give one pid: ${choices(living)}` };
}

/** Processes that are told by more than their pid; beyond, their number. */
const MAX_CHOICES = 8;

function choices(pids: readonly number[]): string {
	const shown = pids.slice(0, MAX_CHOICES).map(described).join(", ");
	return pids.length > MAX_CHOICES ? `${shown} and ${count(pids.length - MAX_CHOICES)} more` : shown;
}

/** `4242 (up 3 h, /usr/bin/orders-api)`: what tells processes of one name apart. */
function described(pid: number): string {
	const stat = readTaskStat(`/proc/${pid}/stat`);
	const { bootTime, ticksPerSecond } = hostFacts();
	const exe = readProcLink(pid, "exe");
	const known = [
		...(stat === undefined
			? []
			: [`up ${duration(Math.max(0, Date.now() - (bootTime + stat.startTime / ticksPerSecond) * 1000))}`]),
		...(typeof exe === "string" ? [exe] : []),
	];
	return known.length === 0 ? String(pid) : `${pid} (${known.join(", ")})`;
}
