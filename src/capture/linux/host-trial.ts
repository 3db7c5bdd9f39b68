import { type ChildProcess, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import type { Socket } from "node:net";
import { ParseError } from "../../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../../evidence/bundle/unavailable.ts";
import { parseMaps } from "../../formats/procfs/maps.ts";
import { parseStat } from "../../formats/procfs/stat.ts";
import { parseStatus } from "../../formats/procfs/status.ts";
import { entryPoint } from "../entry-points.ts";
import { isGoneResult } from "./gone.ts";
import { hostFacts } from "./host-facts.ts";
import { OTHER_NUMBERS, ownPid, signalsByProc } from "./pid-numbers.ts";
import { readProcText } from "./proc-files.ts";
import { ancestorsOf, listPids } from "./process-identity.ts";
import { openProcessMemory } from "./process-memory.ts";
import { type ReadingRights, readingRights } from "./rights.ts";
import { readTaskStat, tasksOf } from "./task-state.ts";

/** What reading a process really gave. */
export interface Trial {
	readonly pid: number;
	readonly name: string;
	/** effective user id */
	readonly uid: number | undefined;
	readonly rights: ReadingRights;
	/** bytes of its stack read through /proc/PID/mem; only of processes started for it */
	readonly memoryBytes: number | undefined;
	/** milliseconds from SIGSTOP until it stood still; only of processes started for it */
	readonly stopMs: number | Unavailable | undefined;
	/** gomem's child or grandchild, to which Yama is kinder */
	readonly descendant: boolean;
}

/** How long a process may take to start on a busy machine. */
const START_MS = 15_000;
const STOP_MS = 5000;

/** Starts a process of this user and tries everything on it. `orphan`: one that is no descendant of gomem. */
export async function tryOwnProcess(kind: "orphan" | "child", signal: AbortSignal): Promise<Trial | Unavailable> {
	const child = startTarget(kind);
	try {
		const said = await firstLine(child, signal);
		if (typeof said !== "string") return said;
		const pid = Number(said);
		const trial = tryProcess(pid);
		if (isUnavailable(trial)) return trial;
		return { ...trial, memoryBytes: readSomeMemory(pid), stopMs: await stopAndContinue(pid) };
	} finally {
		(child.stdio[3] as Socket | undefined)?.destroy();
		child.stdout?.destroy();
		child.kill("SIGKILL");
	}
}

/** Opens what gomem reads of a process, and reads nothing of it: for processes that are not gomem's. */
export function tryProcess(pid: number): Trial | Unavailable {
	const rights = readingRights(pid);
	if (isGoneResult(rights)) return rights;
	const user = userOf(pid);
	return {
		pid,
		name: user?.name ?? "",
		uid: user?.uid,
		rights,
		memoryBytes: undefined,
		stopMs: undefined,
		descendant: ancestorsOf(pid).includes(ownPid()),
	};
}

/** Processes that have memory of their own, and whether their executable may be looked at, as `gomem ps` does. */
export interface Executables {
	readonly looked: number;
	readonly readable: number;
	/**
	 * A process to try others' rights on: one of another user, rather one whose executable may be read. Inside of a user
	 * namespace those outside may have the same user number: then one of these that may not be looked into
	 */
	readonly foreign: number | undefined;
	/** users other than gomem's that have processes */
	readonly foreignUsers: number;
}

/** Machines of more than that are looked at in part. */
const MAX_PROCESSES = 20_000;

export function lookAtExecutables(ownUid: number, initialUserNamespace = true): Executables {
	let looked = 0;
	let readable = 0;
	let [theirs, hidden, closed]: (number | undefined)[] = [];
	const users = new Set<number>();
	for (const pid of listPids().slice(0, MAX_PROCESSES)) {
		if (pid === ownPid() || !hasMemory(pid)) continue;
		looked++;
		const may = canRead(`/proc/${pid}/exe`);
		if (may) readable++;
		const uid = userOf(pid)?.uid;
		if (uid === undefined) continue;
		if (uid !== ownUid) users.add(uid);
		if (uid === ownUid && !may && !initialUserNamespace) closed ??= pid;
		else if (uid !== ownUid && may) theirs ??= pid;
		else if (uid !== ownUid) hidden ??= pid;
	}
	return { looked, readable, foreign: theirs ?? hidden ?? closed, foreignUsers: users.size };
}

function canRead(link: string): boolean {
	try {
		readlinkSync(link);
		return true;
	} catch {
		return false;
	}
}

function hasMemory(pid: number): boolean {
	const text = readProcText(pid, "stat");
	if (typeof text !== "string") return false;
	const stat = parsed(() => parseStat(text));
	return stat !== undefined && stat.virtualBytes > 0 && stat.state !== "Z" && stat.state !== "X";
}

function userOf(pid: number): { readonly name: string; readonly uid: number } | undefined {
	const text = readProcText(pid, "status");
	const status = typeof text === "string" ? parsed(() => parseStatus(text)) : undefined;
	return status === undefined ? undefined : { name: status.name, uid: status.uid[1] };
}

function parsed<T>(parse: () => T): T | undefined {
	try {
		return parse();
	} catch (error) {
		if (error instanceof ParseError) return undefined;
		throw error;
	}
}

function startTarget(kind: "orphan" | "child"): ChildProcess {
	const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...environment } = process.env;
	return spawn(process.execPath, [entryPoint("trial-target"), kind], {
		cwd: "/",
		env: environment,
		stdio: ["ignore", "pipe", "ignore", "pipe"],
	});
}

function firstLine(child: ChildProcess, signal: AbortSignal): Promise<string | Unavailable> {
	return new Promise((resolve, reject) => {
		let text = "";
		const timer = setTimeout(() => done({ unavailable: `no process started within ${START_MS / 1000} s` }), START_MS);
		const aborted = () => reject(signal.reason);
		function done(result: string | Unavailable): void {
			clearTimeout(timer);
			signal.removeEventListener("abort", aborted);
			resolve(result);
		}
		signal.addEventListener("abort", aborted);
		child.on("error", (error) => done({ unavailable: `no process could be started: ${error.message}` }));
		child.stdio[3]?.on("error", () => {});
		child.stdout?.setEncoding("utf8").on("data", (part: string) => {
			text += part;
			if (text.includes("\n")) done(text.slice(0, text.indexOf("\n")));
		});
		child.stdout?.on("close", () => done({ unavailable: "the process that was started to be tried ended at once" }));
	});
}

/** Bytes of the top page of its stack, which every process has: the arguments and the environment. Not kept. */
function readSomeMemory(pid: number): number | undefined {
	const maps = readProcText(pid, "maps");
	const stack =
		typeof maps === "string" ? parsed(() => parseMaps(maps))?.find((one) => one.kind === "stack") : undefined;
	if (stack === undefined) return undefined;
	const memory = openProcessMemory(pid);
	if (isUnavailable(memory)) return undefined;
	try {
		const { pageSize } = hostFacts();
		return memory.readInto(stack.end - pageSize, new Uint8Array(pageSize));
	} finally {
		memory.close();
	}
}

/** As `--pause` does: signal, wait until every thread has stopped, continue. */
async function stopAndContinue(pid: number): Promise<number | Unavailable> {
	if (!signalsByProc()) return OTHER_NUMBERS;
	const start = performance.now();
	try {
		process.kill(pid, "SIGSTOP");
		while (!standsStill(pid)) {
			if (performance.now() - start > STOP_MS) return { unavailable: `SIGSTOP did not stop it within ${STOP_MS} ms` };
			await new Promise((resolve) => setTimeout(resolve, 1));
		}
		return performance.now() - start;
	} catch (error) {
		if (error instanceof Error && "code" in error) return { unavailable: `SIGSTOP: ${error.code}` }; // EPERM, ESRCH
		throw error;
	} finally {
		try {
			process.kill(pid, "SIGCONT");
		} catch {
			// it has ended, or could not be stopped either
		}
	}
}

function standsStill(pid: number): boolean {
	const tasks = tasksOf(pid);
	return (
		tasks.length > 0 &&
		tasks.every((task) => "Tt".includes(readTaskStat(`/proc/${pid}/task/${task}/stat`)?.state ?? "R"))
	);
}
