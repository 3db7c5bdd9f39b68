import { ParseError } from "../../bytes/parse-error.ts";
import { decimal, quoted } from "./fields.ts";

/**
 * /proc/PID/stat and /proc/PID/task/TID/stat (proc_pid_stat(5), do_task_stat in fs/proc/array.c). Times in clock ticks
 * (AT_CLKTCK, 100 a second nearly everywhere), sizes in the unit that the name says. Addresses are 0 without the right to
 * trace the process. Fields without a use (signal bitmaps, wait channel) are left out.
 */
export interface ProcessStat {
	readonly pid: number;
	/** the command's name, without the parentheses around it; may hold any character, parentheses and newlines too */
	readonly comm: string;
	readonly state: string;
	readonly ppid: number;
	readonly processGroup: number;
	readonly session: number;
	readonly tty: number;
	/** page faults that needed no read; of the thread group in /proc/PID, of the thread in task/TID */
	readonly minorFaults: number;
	readonly childrenMinorFaults: number;
	/** page faults that read from disk or swap */
	readonly majorFaults: number;
	readonly childrenMajorFaults: number;
	readonly userTicks: number;
	readonly systemTicks: number;
	readonly childrenUserTicks: number;
	readonly childrenSystemTicks: number;
	readonly nice: number;
	readonly threads: number;
	/** ticks from boot to the start of the process: with the pid, its identity */
	readonly startTime: number;
	/** bytes of address space */
	readonly virtualBytes: number;
	/** pages; inexact, as VmRSS is */
	readonly rssPages: number;
	/** bytes; undefined is unlimited */
	readonly rssLimit: number | undefined;
	readonly startCode: number;
	readonly endCode: number;
	readonly startStack: number;
	readonly processor: number;
	readonly blockIoDelayTicks: number | undefined;
	readonly startData: number | undefined;
	readonly endData: number | undefined;
	readonly startBrk: number | undefined;
}

const FORMAT = "stat";
/** 52 fields since Linux 3.5; the first 44 since 2.6.24. */
const REQUIRED_FIELDS = 44;
const UNLIMITED = "18446744073709551615";

/** Throws ParseError. */
export function parseStat(text: string): ProcessStat {
	const open = text.indexOf(" (");
	// comm is not escaped: it ends at the last closing parenthesis of the line, since all that follows is numbers.
	const close = text.lastIndexOf(") ");
	if (open < 0 || close < open) {
		throw new ParseError({ format: FORMAT, field: "comm", expected: "a name in parentheses", actual: quoted(text) });
	}
	const rest = text
		.slice(close + 2)
		.trim()
		.split(" ", 128);
	// Field numbers are those of proc_pid_stat(5): 1 pid, 2 comm, 3 state.
	const field = (index: number): string | undefined => rest[index - 3];
	if (rest.length < REQUIRED_FIELDS - 2) {
		const expected = `at least ${REQUIRED_FIELDS} fields`;
		throw new ParseError({ format: FORMAT, expected, actual: String(rest.length + 2) });
	}
	const number = (index: number, name: string): number => decimal(field(index), name, FORMAT);
	const signed = (index: number, name: string): number => {
		const text = field(index);
		return text?.startsWith("-") === true ? -decimal(text.slice(1), name, FORMAT) : decimal(text, name, FORMAT);
	};
	const optional = (index: number, name: string): number | undefined =>
		field(index) === undefined ? undefined : number(index, name);
	return {
		pid: decimal(text.slice(0, open), "pid", FORMAT),
		comm: text.slice(open + 2, close),
		state: stateLetter(field(3)),
		ppid: number(4, "ppid"),
		processGroup: signed(5, "pgrp"),
		session: signed(6, "session"),
		tty: signed(7, "tty_nr"),
		minorFaults: number(10, "minflt"),
		childrenMinorFaults: number(11, "cminflt"),
		majorFaults: number(12, "majflt"),
		childrenMajorFaults: number(13, "cmajflt"),
		userTicks: number(14, "utime"),
		systemTicks: number(15, "stime"),
		childrenUserTicks: number(16, "cutime"),
		childrenSystemTicks: number(17, "cstime"),
		nice: signed(19, "nice"),
		threads: number(20, "num_threads"),
		startTime: number(22, "starttime"),
		virtualBytes: number(23, "vsize"),
		rssPages: number(24, "rss"),
		rssLimit: field(25) === UNLIMITED ? undefined : number(25, "rsslim"),
		startCode: number(26, "startcode"),
		endCode: number(27, "endcode"),
		startStack: number(28, "startstack"),
		processor: number(39, "processor"),
		blockIoDelayTicks: optional(42, "delayacct_blkio_ticks"),
		startData: optional(45, "start_data"),
		endData: optional(46, "end_data"),
		startBrk: optional(47, "start_brk"),
	};
}

function stateLetter(value: string | undefined): string {
	if (value === undefined || !/^[A-Za-z]$/.test(value)) {
		throw new ParseError({ format: FORMAT, field: "state", expected: "a letter", actual: quoted(value) });
	}
	return value;
}
