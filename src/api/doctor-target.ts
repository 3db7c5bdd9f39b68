import { boundsOf } from "../capture/limit.ts";
import { type AccessFacts, accessFacts, CAP_SYS_PTRACE, sameNamespace } from "../capture/linux/denied.ts";
import { isGoneResult } from "../capture/linux/gone.ts";
import type { HostSurvey } from "../capture/linux/host-survey.ts";
import { tryProcess } from "../capture/linux/host-trial.ts";
import { refuseForHeadroom } from "../capture/linux/own-safety.ts";
import { OTHER_NUMBERS, signalsByProc } from "../capture/linux/pid-numbers.ts";
import { type ReadingRights, type Right, readingRights } from "../capture/linux/rights.ts";
import { ObservedProcess } from "../capture/process.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { bytes } from "../figures/figures.ts";
import { PTRACE } from "./doctor-capabilities.ts";
import { possible } from "./doctor-grants.ts";
import type { DoctorTarget, TargetReading } from "./doctor-shape.ts";
import { GomemError } from "./errors.ts";
import { notOpened, targetOf } from "./observe.ts";

/** What gomem reads of a process, in the order in which it builds on each other. */
const PARTS: readonly (readonly [keyof ReadingRights, string, string, string])[] = [
	["executable", "the executable", "opened /proc/PID/exe", "no Go version, no symbols, so nothing of the runtime"],
	["smaps", "mappings and their pages", "opened smaps", "no resident bytes by mapping"],
	["pagemap", "which pages are resident", "opened pagemap", "no resident bytes by owner"],
	["frames", "zero pages", "pagemap shows frame numbers", ""],
	["memory", "memory", "opened mem", "nothing of the runtime: heap, spans, stacks, MemStats"],
	["syscalls", "where threads wait", "read task/TID/syscall", "threads are told by the runtime's word alone"],
	["environment", "GOGC and GOMEMLIMIT at start", "opened environ", "only what the runtime has in force"],
];

/** The pid of a TARGET. Throws GomemError where it is something else. */
export function pidOf(text: string): number {
	const target = targetOf(text);
	if (target.kind === "process") return target.pid;
	throw new GomemError({
		code: "target-not-process",
		message: `${text} is no process`,
		why: "doctor looks at what may be read of a running process",
		hint: "give a pid or a name, or none: gomem doctor",
	});
}

/** Looks whether each reading of gomem's would work on a process. Throws GomemError where it has ended. */
export async function examineTarget(pid: number, survey: HostSurvey): Promise<DoctorTarget> {
	const rights = readingRights(pid);
	if (isGoneResult(rights)) throw notOpened(rights);
	const facts = accessFacts(pid);
	const seen = tryProcess(pid);
	const program = await programOf(pid, rights);
	const bounds = boundsOf(pid);
	const uid = facts.targetUids?.[1];
	const users = sameNamespace(pid, "user");
	const pids = sameNamespace(pid, "pid");
	const readings = [
		...PARTS.map(([part, title, evidence, without]) => told(part, title, evidence, without, rights[part])),
		program.reading,
		stopping(pid),
		limit(bounds),
		room(pid),
	];
	const denied = rights.memory !== "granted" || rights.smaps !== "granted";
	return {
		pid,
		name: isUnavailable(seen) ? "" : seen.name,
		...(uid === undefined ? {} : { uid }),
		...(bounds.container === undefined ? {} : { container: bounds.container }),
		...program.named,
		...(facts.dumpable === undefined ? {} : { dumpable: facts.dumpable }),
		...(users === undefined ? {} : { sameUserNamespace: users }),
		...(pids === undefined ? {} : { samePidNamespace: pids }),
		readings,
		...(denied ? { grant: [...possible(waysTo(facts), survey)] } : {}),
	};
}

/** SUB_UID_MIN of login.defs(5): users of rootless containers, but for its root, have numbers from here on outside. */
const FIRST_SUBORDINATE_UID = 100_000;

/** Yama stands between processes of the same user only; a capability counts in its own user namespace only. */
function waysTo(facts: AccessFacts): readonly string[] {
	const hasPtrace = (facts.ownCaps & CAP_SYS_PTRACE) !== 0n;
	if (hasPtrace && facts.inUserNamespace) return ["outside"];
	const sameUser = facts.targetUids?.every((uid) => uid === facts.ownUid) === true;
	const yama = sameUser && (facts.yamaScope === 1 || facts.yamaScope === 2);
	const subordinate = (facts.targetUids?.[1] ?? 0) >= FIRST_SUBORDINATE_UID;
	return facts.yamaScope === 3 ? [] : [...(yama ? ["yama"] : []), ...(subordinate ? ["enter-userns"] : []), ...PTRACE];
}

function told(id: string, title: string, evidence: string, without: string, right: Right): TargetReading {
	if (right === "granted") return { id, title, state: "yes", evidence };
	return {
		id,
		title,
		// without frame numbers gomem subtracts
		state: id === "frames" ? "partly" : "no",
		evidence: right.unavailable,
		...(right.wouldHelp === undefined ? {} : { wouldHelp: right.wouldHelp }),
		...(without === "" ? {} : { without }),
	};
}

interface FoundProgram {
	readonly named: { readonly goVersion?: string; readonly layout?: string };
	readonly reading: TargetReading;
}

/** Opens the process as `gomem why` does, and looks whether the runtime was found. */
async function programOf(pid: number, rights: ReadingRights): Promise<FoundProgram> {
	const row = { id: "runtime", title: "the Go runtime" };
	const without = "nothing of the runtime: heap, spans, stacks, MemStats";
	if (rights.executable !== "granted" || rights.memory !== "granted") {
		const evidence = "it takes the executable and the memory";
		return { named: {}, reading: { ...row, state: "no", evidence, without } };
	}
	const observed = await ObservedProcess.open(pid);
	if (isUnavailable(observed)) return { named: {}, reading: failed(observed) };
	try {
		const { program, attached } = observed;
		const named = program === undefined ? {} : { goVersion: program.goVersion };
		if (attached === undefined) {
			const { reading } = await observed.read();
			const why = reading.unavailable.find((one) => ["runtime", "go program", "runtime memory"].includes(one.part));
			return { named, reading: failed(why ?? { unavailable: "the runtime was not found" }) };
		}
		const { layout } = attached.program;
		const text = layout === undefined ? undefined : `${layout.label} (${layout.certainty})`;
		return {
			named: { ...named, ...(text === undefined ? {} : { layout: text }) },
			reading: { ...row, state: "yes", evidence: `found, layout ${text ?? "unknown"}` },
		};
	} finally {
		observed.close();
	}

	function failed({ unavailable, wouldHelp }: Unavailable): TargetReading {
		return { ...row, state: "no", evidence: unavailable, ...(wouldHelp === undefined ? {} : { wouldHelp }), without };
	}
}

/** Signal 0 asks for the right and sends nothing (kill(2)). */
function stopping(pid: number): TargetReading {
	const row = { id: "pause", title: "stopping it (--pause)" };
	if (!signalsByProc()) {
		const { unavailable, wouldHelp = "" } = OTHER_NUMBERS;
		return { ...row, state: "no", evidence: unavailable, wouldHelp };
	}
	try {
		process.kill(pid, 0);
		return { ...row, state: "yes", evidence: "kill(PID, 0) is allowed; nothing was sent" };
	} catch (error) {
		if (!(error instanceof Error && "code" in error)) throw error;
		return {
			...row,
			state: "no",
			evidence: error.code === "EPERM" ? "kill(2) is denied: another user's process, no CAP_KILL" : String(error.code),
			wouldHelp: "run gomem as its user, or with CAP_KILL",
			without: "figures of a busy process are off by what moves while it is read",
		};
	}
}

function limit({ limit: found }: ReturnType<typeof boundsOf>): TargetReading {
	const evidence = `${bytes(found.bytes)} by ${found.source === "machine" ? "the machine's memory: no cgroup limits it" : found.source}`;
	return { id: "limit", title: "the limit on its memory", state: "yes", evidence };
}

/** Of what gomem may use beside it: as much as a reading takes at its peak. */
function room(pid: number): TargetReading {
	const row = { id: "headroom", title: "room beside it" };
	const refused = refuseForHeadroom(pid, 160 * 2 ** 20);
	if (refused === undefined)
		return { ...row, state: "yes", evidence: "gomem shares no limit with it, or there is room enough" };
	return {
		...row,
		state: "no",
		evidence: refused.unavailable,
		...(refused.wouldHelp === undefined ? {} : { wouldHelp: refused.wouldHelp }),
		without: "gomem refuses to read it from here",
	};
}
