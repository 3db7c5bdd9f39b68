import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { runtimeProblem } from "../evidence/runtime-problem.ts";
import { parseElf } from "../formats/elf/parse.ts";
import { certainRateAddress } from "../goruntime/profile-rate-address.ts";
import { openProgramCode } from "../goruntime/symbols.ts";
import { type ProcessIdentity, processIdentity, sameProcess } from "./linux/process-identity.ts";
import { errnoOf } from "./linux/system-error.ts";
import { ObservedProcess } from "./process.ts";
import { forgetSwitch, rememberedSwitch, rememberSwitch } from "./profiling-switch-state.ts";

/** runtime.MemProfileRate of a process was changed. */
export interface ProfilingSwitched {
	readonly pid: number;
	readonly address: number;
	/** bytes per sample; 0 is off */
	readonly before: number;
	readonly after: number;
}

/** The default of Go: a sample every 512 KiB. */
export const DEFAULT_SAMPLE_RATE = 512 * 1024;
/** Closer samples cost the program much. */
const MIN_RATE = 4096;
const MAX_RATE = 2 ** 30;

/**
 * Switches the memory profile of a live process on, as a program does that sets runtime.MemProfileRate while it runs: one
 * byte of that variable is written, through /proc/PID/mem. Only where it is 0, and where it stands is certain. What was
 * allocated before is never seen. What it was is remembered in a file of the user's, for `restoreProfiling`.
 *
 * @param rate bytes per sample, a power of two, so that a single byte of the variable differs from 0
 */
export async function enableProfiling(
	pid: number,
	rate: number = DEFAULT_SAMPLE_RATE,
): Promise<ProfilingSwitched | Unavailable> {
	if (!(rate >= MIN_RATE && rate <= MAX_RATE && Number.isInteger(Math.log2(rate)))) {
		return { unavailable: `a sample every ${rate} bytes cannot be had: powers of two from 4096 to 2^30 can` };
	}
	return await withRate(pid, (variable, process) => {
		if (variable.value !== 0) {
			return {
				unavailable: `process ${pid} takes samples already: one every ${variable.value} bytes`,
				wouldHelp: "reading its heap profile as it is",
			};
		}
		const { address } = variable;
		const remembered = rememberSwitch(process, { address, before: 0, after: rate });
		if (remembered !== undefined) return remembered;
		const failed = variable.write(rate);
		if (failed === undefined) return { pid, address, before: 0, after: rate };
		forgetSwitch(process);
		return failed;
	});
}

/** Undoes `enableProfiling`: writes 0 again, where what stands there is what was written then. */
export async function restoreProfiling(pid: number): Promise<ProfilingSwitched | Unavailable> {
	return await withRate(pid, (variable, process) => {
		const remembered = rememberedSwitch(process);
		if (isUnavailable(remembered)) return remembered;
		if (remembered.address !== variable.address) {
			return { unavailable: "the variable was switched at another address than it has now: nothing was written" };
		}
		const { address, before, after } = remembered;
		if (variable.value === before) {
			forgetSwitch(process);
			return { pid, address, before, after: before };
		}
		if (variable.value !== after) {
			return {
				unavailable: `runtime.MemProfileRate is ${variable.value}, not the ${after} that was written: the program has set it since, and keeps it`,
			};
		}
		const failed = variable.write(before);
		if (failed !== undefined) return failed;
		forgetSwitch(process);
		return { pid, address, before: after, after: before };
	});
}

/** Finds the variable and hands it over, open for writing, of a process that stays the same. */
async function withRate(
	pid: number,
	change: (variable: RateVariable, process: ProcessIdentity) => ProfilingSwitched | Unavailable,
): Promise<ProfilingSwitched | Unavailable> {
	// before anything is looked up: what is found must be of the process that is written to
	const process = processIdentity(pid);
	if (process === undefined) return { unavailable: `there is no process ${pid}` };
	let address = await findRate(pid);
	for (let tries = 1; typeof address !== "number" && tries < FIND_TRIES; tries++) {
		await sleep(FIND_AGAIN_MS);
		address = await findRate(pid);
	}
	if (typeof address !== "number") return address;
	let fd: number;
	try {
		fd = openSync(`/proc/${pid}/mem`, "r+");
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return {
			unavailable: `the memory of process ${pid} may not be written to (${errno})`,
			wouldHelp: "root, or CAP_SYS_PTRACE",
		};
	}
	try {
		// the open file stays with the address space that it was opened for, so from here on no other process is meant
		if (!sameProcess(process)) return { unavailable: `process ${pid} is another one now` };
		const variable = new RateVariable(fd, address);
		return variable.valid ? change(variable, process) : { unavailable: `process ${pid} has executed another program` };
	} finally {
		closeSync(fd);
	}
}

/** Without symbols the runtime of a program that allocates flat out may not be found at once, and a switch must be undone. */
const FIND_TRIES = 5;
const FIND_AGAIN_MS = 200;

async function findRate(pid: number): Promise<number | Unavailable> {
	const observed = await ObservedProcess.open(pid);
	if (isUnavailable(observed)) return observed;
	try {
		const { attached, code: file } = observed;
		if (attached === undefined || file === undefined) {
			return runtimeProblem(observed.problems, { unavailable: `process ${pid} has no Go runtime that gomem can read` });
		}
		const { view, program } = attached;
		const look = view.memory.look();
		const elf = parseElf(file.file);
		const { bias, data } = program;
		const code = openProgramCode({ elf, layout: view.layout, globals: view.globals, bias, data, look });
		return isUnavailable(code) ? code : certainRateAddress(view, look, code, elf, bias);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `runtime.MemProfileRate cannot be looked for: ${error.message}` };
	} finally {
		observed.close();
	}
}

/** The variable in the process's memory. */
export class RateVariable {
	readonly address: number;
	readonly #fd: number;
	/** what it is; NaN where it cannot be read */
	value: number;

	constructor(fd: number, address: number) {
		this.#fd = fd;
		this.address = address;
		this.value = this.#read();
	}

	get valid(): boolean {
		return !Number.isNaN(this.value);
	}

	/** Writes the one byte that makes it 0 or a power of two, from the other of these, so that nobody can read half of it. */
	write(to: number): Unavailable | undefined {
		const bit = Math.log2(to === 0 ? this.value : to);
		try {
			const byte = Uint8Array.of(to === 0 ? 0 : 1 << (bit % 8));
			if (writeSync(this.#fd, byte, 0, 1, this.address + Math.floor(bit / 8)) === 1) this.value = this.#read();
		} catch (error) {
			if (errnoOf(error) === undefined) throw error;
		}
		return this.value === to ? undefined : { unavailable: "writing to the process's memory failed" };
	}

	#read(): number {
		const bytes = new Uint8Array(8);
		try {
			if (readSync(this.#fd, bytes, 0, 8, this.address) !== 8) return Number.NaN;
		} catch (error) {
			if (errnoOf(error) === undefined) throw error;
			return Number.NaN;
		}
		return Number(new DataView(bytes.buffer).getBigUint64(0, true));
	}
}
