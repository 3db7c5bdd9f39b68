import { ParseError } from "../../bytes/parse-error.ts";
import { decimal, hexadecimal, quoted } from "./fields.ts";

/**
 * /proc/PID/task/TID/syscall (proc_pid_syscall in fs/proc/base.c; needs the right to trace):
 *   running  on a CPU or about to be: nothing else is known
 *   syscall  blocked in a system call; `nr` its number on this architecture, `args` its six arguments
 *   blocked  blocked outside a system call: a page fault, a stop
 * `sp` and `pc` are user-space addresses.
 */
export type TaskSyscall =
	| { readonly state: "running" }
	| { readonly state: "blocked"; readonly sp: number; readonly pc: number }
	| {
			readonly state: "syscall";
			readonly nr: number;
			/** numbers below 2^53, else `0x…` */
			readonly args: readonly (number | string)[];
			readonly sp: number;
			readonly pc: number;
	  };

const FORMAT = "syscall";

/** Throws ParseError. */
export function parseTaskSyscall(text: string): TaskSyscall {
	const columns = text.trim().split(" ", 16);
	const [first] = columns;
	if (first === "running" && columns.length === 1) return { state: "running" };
	if (first === "-1" && columns.length === 3) {
		return {
			state: "blocked",
			sp: hexadecimal(columns[1], "sp", FORMAT),
			pc: hexadecimal(columns[2], "pc", FORMAT),
		};
	}
	if (columns.length !== 9) {
		throw new ParseError({ format: FORMAT, expected: "running, or 3 or 9 columns", actual: quoted(text) });
	}
	return {
		state: "syscall",
		nr: decimal(first, "nr", FORMAT),
		args: columns.slice(1, 7).map(argument),
		sp: hexadecimal(columns[7], "sp", FORMAT),
		pc: hexadecimal(columns[8], "pc", FORMAT),
	};
}

function argument(text: string): number | string {
	if (!/^0x[0-9a-f]{1,16}$/.test(text)) {
		throw new ParseError({ format: FORMAT, field: "argument", expected: "0x…", actual: quoted(text) });
	}
	const value = Number.parseInt(text, 16);
	return Number.isSafeInteger(value) ? value : text;
}
