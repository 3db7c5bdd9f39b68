import { ParseError } from "../../bytes/parse-error.ts";
import { bytesOfKb, decimal, parseFieldLines, quoted } from "./fields.ts";

/** Real, effective, saved and file-system ids, as seen from the reader's user namespace. */
export type Ids = readonly [real: number, effective: number, saved: number, fileSystem: number];

/**
 * /proc/PID/status. Sizes in bytes. What a kernel does not print, and the memory lines of a zombie or kernel thread, are
 * undefined. VmRSS and its parts lag behind by up to 64 pages per CPU or so (they sum per-CPU counters); smaps does not.
 */
export interface ProcessStatus {
	/** the command's name: at most 15 bytes, escaped as the kernel does (`\n`, `\\`) */
	readonly name: string;
	/** R running, S sleeping, D disk sleep, T stopped, t traced, Z zombie, X dead, I idle */
	readonly state: string;
	readonly tgid: number;
	readonly pid: number;
	readonly ppid: number;
	/** 0: not traced */
	readonly tracerPid: number;
	readonly uid: Ids;
	readonly gid: Ids;
	readonly fdSize: number | undefined;
	/** the process id in each pid namespace, outermost (the reader's) first; Linux 4.1 */
	readonly nsPid: readonly number[];
	readonly vmPeak: number | undefined;
	readonly vmSize: number | undefined;
	readonly vmLck: number | undefined;
	readonly vmPin: number | undefined;
	/** peak of VmRSS */
	readonly vmHwm: number | undefined;
	/** rssAnon + rssFile + rssShmem */
	readonly vmRss: number | undefined;
	readonly rssAnon: number | undefined;
	readonly rssFile: number | undefined;
	readonly rssShmem: number | undefined;
	readonly vmData: number | undefined;
	readonly vmStk: number | undefined;
	readonly vmExe: number | undefined;
	readonly vmLib: number | undefined;
	/** page tables: kernel memory, charged to the cgroup and not part of Rss */
	readonly vmPte: number | undefined;
	readonly vmSwap: number | undefined;
	readonly hugetlbPages: number | undefined;
	readonly coreDumping: boolean | undefined;
	readonly thpEnabled: boolean | undefined;
	readonly threads: number;
	/** effective capabilities, 16 hexadecimal digits */
	readonly capEff: string | undefined;
	/** 0 off, 1 strict, 2 filter */
	readonly seccomp: number | undefined;
	readonly voluntaryContextSwitches: number | undefined;
	readonly involuntaryContextSwitches: number | undefined;
}

const FORMAT = "status";

/** Throws ParseError where a line that every kernel prints is missing or no line of its kind. */
export function parseStatus(text: string): ProcessStatus {
	const fields = parseFieldLines(text, FORMAT);
	const bytes = (key: string): number | undefined => bytesOfKb(fields.get(key), key, FORMAT);
	const number = (key: string): number => decimal(fields.get(key), key, FORMAT);
	const optional = (key: string): number | undefined => (fields.has(key) ? number(key) : undefined);
	const flag = (key: string): boolean | undefined => (fields.has(key) ? number(key) === 1 : undefined);
	const name = fields.get("Name");
	if (name === undefined) throw new ParseError({ format: FORMAT, field: "Name", actual: "nothing" });
	return {
		name,
		state: stateLetter(fields.get("State")),
		tgid: number("Tgid"),
		pid: number("Pid"),
		ppid: number("PPid"),
		tracerPid: number("TracerPid"),
		uid: ids(fields.get("Uid"), "Uid"),
		gid: ids(fields.get("Gid"), "Gid"),
		fdSize: optional("FDSize"),
		nsPid: words(fields.get("NSpid")).map((pid) => decimal(pid, "NSpid", FORMAT)),
		vmPeak: bytes("VmPeak"),
		vmSize: bytes("VmSize"),
		vmLck: bytes("VmLck"),
		vmPin: bytes("VmPin"),
		vmHwm: bytes("VmHWM"),
		vmRss: bytes("VmRSS"),
		rssAnon: bytes("RssAnon"),
		rssFile: bytes("RssFile"),
		rssShmem: bytes("RssShmem"),
		vmData: bytes("VmData"),
		vmStk: bytes("VmStk"),
		vmExe: bytes("VmExe"),
		vmLib: bytes("VmLib"),
		vmPte: bytes("VmPTE"),
		vmSwap: bytes("VmSwap"),
		hugetlbPages: bytes("HugetlbPages"),
		coreDumping: flag("CoreDumping"),
		thpEnabled: flag("THP_enabled"),
		threads: number("Threads"),
		capEff: capabilities(fields.get("CapEff")),
		seccomp: optional("Seccomp"),
		voluntaryContextSwitches: optional("voluntary_ctxt_switches"),
		involuntaryContextSwitches: optional("nonvoluntary_ctxt_switches"),
	};
}

/** Bits of include/uapi/linux/capability.h that decide what gomem may read. */
export const CAPABILITIES = {
	CAP_DAC_OVERRIDE: 1,
	CAP_DAC_READ_SEARCH: 2,
	CAP_KILL: 5,
	CAP_SYS_PTRACE: 19,
	CAP_SYS_ADMIN: 21,
	CAP_SYS_RESOURCE: 24,
	CAP_PERFMON: 38,
	CAP_BPF: 39,
} as const;

/** Whether the effective set of a status has a capability; false where the kernel did not print it. */
export function hasCapability(status: Pick<ProcessStatus, "capEff">, name: keyof typeof CAPABILITIES): boolean {
	const bit = CAPABILITIES[name];
	const digit = status.capEff?.at(-1 - Math.floor(bit / 4));
	return digit !== undefined && ((Number.parseInt(digit, 16) >> (bit % 4)) & 1) === 1;
}

function stateLetter(value: string | undefined): string {
	if (value === undefined || !/^[A-Za-z] \(/.test(value)) {
		throw new ParseError({ format: FORMAT, field: "State", expected: "a letter and its name", actual: quoted(value) });
	}
	return value.slice(0, 1);
}

function ids(value: string | undefined, field: string): Ids {
	const [real, effective, saved, fileSystem] = words(value).map((id) => decimal(id, field, FORMAT));
	if (real === undefined || effective === undefined || saved === undefined || fileSystem === undefined) {
		throw new ParseError({ format: FORMAT, field, expected: "four ids", actual: quoted(value) });
	}
	return [real, effective, saved, fileSystem];
}

function words(value: string | undefined): string[] {
	return value === undefined || value === "" ? [] : value.split(/\s+/, 64);
}

function capabilities(value: string | undefined): string | undefined {
	if (value !== undefined && !/^[0-9a-f]{16}$/.test(value)) {
		throw new ParseError({ format: FORMAT, field: "CapEff", expected: "16 hex digits", actual: quoted(value) });
	}
	return value;
}
