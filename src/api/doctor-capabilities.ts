import type { HostSurvey } from "../capture/linux/host-survey.ts";
import type { Trial } from "../capture/linux/host-trial.ts";
import type { Right } from "../capture/linux/rights.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { bytes, count, duration } from "../figures/figures.ts";
import { possible } from "./doctor-grants.ts";
import { kernelCapabilities } from "./doctor-kernel.ts";
import type { Capability } from "./doctor-shape.ts";
import { operations } from "./registry.gen.ts";

/** A row before the commands, and the recipes that cannot be done here, are taken out. */
export interface Row extends Omit<Capability, "commands" | "group" | "grant"> {
	/** ids of recipes, the least far-reaching first */
	readonly grant?: readonly string[] | undefined;
	/** names of commands; those that this version does not have are left out */
	readonly uses?: readonly string[];
}

type Judged = Pick<Row, "state" | "evidence" | "grant">;

/** Every capability of the survey, judged. */
export function capabilitiesOf(survey: HostSurvey): readonly Capability[] {
	const processes = [
		ownMemory(survey),
		ownPages(survey),
		threads(survey),
		pausing(survey),
		otherUsers(survey),
		shown(survey),
		frames(survey),
		oomPreference(survey),
	];
	return [
		...processes.map((row) => finished("Processes", row, survey)),
		...kernelCapabilities(survey).map(([group, row]) => finished(group, row, survey)),
	];
}

/** The commands that read a process: whatever this version has of them. */
const ofProcesses = (): readonly string[] =>
	operations.filter((one) => one.target === "required").map((one) => one.name);

function finished(group: string, { uses, grant, without, ...row }: Row, survey: HostSurvey): Capability {
	const names = uses ?? ofProcesses();
	const lacking = row.state === "no" || row.state === "partly";
	const ways = lacking ? possible(grant ?? [], survey) : [];
	return {
		id: row.id,
		group,
		title: row.title,
		state: row.state,
		evidence: row.evidence,
		gives: row.gives,
		commands: operations.map((one) => one.name).filter((name) => names.includes(name)),
		...(lacking && without !== undefined ? { without } : {}),
		...(ways.length === 0 ? {} : { grant: [...ways] }),
	};
}

/** Ways to CAP_SYS_PTRACE, the least far-reaching first. */
export const PTRACE: readonly string[] = [
	"kubectl-debug",
	"kubectl-debug-user",
	"docker-beside",
	"setpriv",
	"sudo",
	"setcap",
	"kubectl-node",
	"docker-host",
];

function ownMemory(survey: HostSurvey): Row {
	return {
		id: "memory",
		title: "memory of your processes",
		...judgeMemory(survey),
		gives: "the Go runtime's own tables: heap, spans, stacks, MemStats, goroutines",
		without: "nothing that the runtime knows: why shows anonymous memory as one line",
	};
}

/** What the evidence begins with where only gomem's own children can be read. */
export const CHILDREN_ONLY = "of gomem's own children only: ";

function judgeMemory({ own, child, kernel }: HostSurvey): Judged {
	if (isUnavailable(own)) return { state: "unknown", evidence: own.unavailable };
	const grant = waysPastYama(kernel.yamaScope);
	if (own.rights.memory === "granted") {
		const evidence = `read ${bytes(own.memoryBytes ?? 0)} of /proc/PID/mem of a process started for it`;
		if ((own.memoryBytes ?? 0) === 0)
			return { state: "no", evidence: "/proc/PID/mem opens, and gives nothing when it is read" };
		if (!own.descendant || (kernel.yamaScope ?? 0) === 0)
			return { state: "yes", evidence: own.descendant ? evidence : `${evidence}, no descendant` };
		return {
			state: "partly",
			evidence: `${evidence}; a descendant, so other processes may differ: kernel.yama.ptrace_scope=${kernel.yamaScope}`,
			grant,
		};
	}
	const why = own.rights.memory.unavailable.replaceAll(`process ${own.pid}`, "it");
	const kin = child !== undefined && !isUnavailable(child) && child.rights.memory === "granted";
	return { state: kin ? "partly" : "no", evidence: kin ? `${CHILDREN_ONLY}${why}` : why, grant };
}

/** Yama stands before processes of the same user: lowering it does, where a capability does. At scope 3 nothing does. */
function waysPastYama(scope: number | undefined): readonly string[] {
	if (scope === 3) return [];
	return scope === undefined || scope === 0 ? PTRACE : ["yama", ...PTRACE];
}

function ownPages({ own }: HostSurvey): Row {
	const parts = ["smaps", "pagemap", "executable", "environment"] as const;
	return {
		id: "pages",
		title: "pages of your processes",
		...judgeParts(own, parts, "opened smaps, pagemap, exe and environ of the same process"),
		gives: "every resident byte by mapping, symbols, Go version, GOGC and GOMEMLIMIT",
		without: "no ledger of what is resident",
		grant: PTRACE,
	};
}

function threads({ own, kernel }: HostSurvey): Row {
	return {
		id: "threads",
		title: "where threads wait",
		...judgeParts(own, ["syscalls"], "read /proc/PID/task/TID/syscall of the same process"),
		gives: "which threads are in C, in a system call or idle",
		without: "threads are told by the runtime's word alone",
		grant: waysPastYama(kernel.yamaScope),
		uses: ["why", "stacks"],
	};
}

function judgeParts(
	trial: Trial | { readonly unavailable: string },
	parts: readonly (keyof Trial["rights"])[],
	evidence: string,
): Judged {
	if ("unavailable" in trial) return { state: "unknown", evidence: trial.unavailable };
	const denied = parts.map((part): Right => trial.rights[part]).filter((right) => right !== "granted");
	const [first] = denied;
	if (first === undefined) return { state: "yes", evidence };
	return {
		state: denied.length < parts.length ? "partly" : "no",
		evidence: first.unavailable.replaceAll(`process ${trial.pid}`, "it"),
	};
}

function pausing({ own, identity }: HostSurvey): Row {
	const row = {
		id: "pause",
		title: "stopping a process (--pause)",
		gives: "exact figures of a process that moves",
		without: "figures of a busy process are off by what moves while it is read",
	};
	if (isUnavailable(own)) return { ...row, state: "unknown", evidence: own.unavailable };
	const others = identity.effective.includes("CAP_KILL") ? "" : "; your own only (no CAP_KILL)";
	if (own.stopMs === undefined) return { ...row, state: "unknown", evidence: "not tried" };
	if (typeof own.stopMs === "object") return { ...row, state: "no", evidence: own.stopMs.unavailable };
	return {
		...row,
		state: "yes",
		evidence: `SIGSTOP stopped it in ${duration(own.stopMs)}, SIGCONT let it run${others}`,
	};
}

function otherUsers({ foreign, identity, executables, procMount }: HostSurvey): Row {
	const row = {
		id: "other-users",
		title: "processes of other users",
		gives: "the same of everybody's processes",
		without: "of theirs, only what everybody may see: name, size, container, limit",
		grant: identity.initialUserNamespace ? PTRACE : ["outside", ...PTRACE],
	};
	if (foreign === undefined) {
		const may = identity.effective.includes("CAP_SYS_PTRACE");
		const none =
			(procMount?.hidepid ?? 0) === 0 ? "/proc shows none to try" : `/proc hides them (hidepid=${procMount?.hidepid})`;
		const evidence = `${none}, and gomem has ${may ? "" : "no "}CAP_SYS_PTRACE`;
		return { ...row, state: may ? "unknown" : "no", evidence };
	}
	if (isUnavailable(foreign)) return { ...row, state: "unknown", evidence: foreign.unavailable };
	const users = executables.foreignUsers;
	const of = users > 1 ? `, one of ${count(users)} other users` : "";
	const who = `${foreign.name} (${foreign.pid}), uid ${foreign.uid}${of}`;
	const { memory, pagemap, smaps } = foreign.rights;
	if (memory === "granted" && pagemap === "granted" && smaps === "granted")
		return { ...row, state: "yes", evidence: `opened mem, pagemap and smaps of ${who}` };
	const denied = memory === "granted" ? (pagemap === "granted" ? smaps : pagemap) : memory;
	const some = [memory, pagemap, smaps].includes("granted");
	return { ...row, state: some ? "partly" : "no", evidence: denied === "granted" ? "" : denied.unavailable };
}

function shown({ identity, procMount, executables }: HostSurvey): Row {
	const where = identity.initialPidNamespace ? "" : " of this container";
	const seen = `/proc shows ${count(executables.looked)} processes${where}, the executables of ${count(executables.readable)} may be read`;
	const hidden = procMount !== undefined && procMount.hidepid !== 0;
	const free = identity.effective.includes("CAP_SYS_PTRACE");
	const grant = [...(identity.initialPidNamespace ? [] : ["pid-host"]), ...(hidden ? ["hidepid"] : [])];
	return {
		id: "processes",
		title: "processes that are shown",
		state: (hidden && !free) || !identity.initialPidNamespace ? "partly" : "yes",
		evidence: hidden ? `${seen}; mounted with hidepid=${procMount.hidepid}` : seen,
		gives: "finding Go processes, by name, port, container",
		without: identity.initialPidNamespace ? "processes of other users are hidden" : "only this container's processes",
		grant,
		uses: operations.map((one) => one.name).filter((name) => name === "ps"),
	};
}

function frames({ own, foreign }: HostSurvey): Row {
	const trial = !isUnavailable(own) ? own : foreign !== undefined && !isUnavailable(foreign) ? foreign : undefined;
	const row = {
		id: "zero-pages",
		title: "frame numbers",
		gives: "telling the kernel's zero page from memory, page by page",
		without: "zero pages are told by subtraction from smaps: the sum stays exact, single pages may not be",
		grant: ["kubectl-node", "docker-host", "frames"],
		uses: ["why", "maps", "capture"],
	};
	if (trial === undefined) return { ...row, state: "unknown", evidence: "no process could be tried" };
	const { frames: numbers, pageFlags } = trial.rights;
	if (numbers !== "granted") return { ...row, state: "partly", evidence: numbers.unavailable };
	if (pageFlags !== "granted") return { ...row, state: "partly", evidence: pageFlags.unavailable };
	return { ...row, state: "yes", evidence: "pagemap shows them, /proc/kpageflags opens" };
}

function oomPreference({ oomPreference: could }: HostSurvey): Row {
	return {
		id: "oom-first",
		title: "first for the OOM killer",
		state: could ? "yes" : "no",
		evidence: could ? "wrote 1000 to /proc/self/oom_score_adj" : "/proc/self/oom_score_adj could not be written",
		gives: "where memory runs out beside the process, gomem goes and not the process",
		without: "gomem competes with the process it looks at when memory runs out",
	};
}
