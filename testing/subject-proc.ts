import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** The kernel's view of a subject, read as plainly as can be: the tests measure the subjects with it. */

const page = 4096;

export interface Vma {
	readonly start: number;
	readonly end: number;
	readonly perms: string;
	readonly path: string;
	/** Bytes by smaps name: Rss, Anonymous, AnonHugePages, Private_Dirty… */
	readonly bytes: Readonly<Record<string, number>>;
}

/** /proc/PID/smaps (proc(5)). */
export function smapsOf(pid: number): readonly Vma[] {
	const vmas: { start: number; end: number; perms: string; path: string; bytes: Record<string, number> }[] = [];
	for (const line of readFileSync(`/proc/${pid}/smaps`, "latin1").split("\n")) {
		const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/.exec(line);
		if (head !== null) {
			const [, start = "", end = "", perms = "", path = ""] = head;
			vmas.push({ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), perms, path, bytes: {} });
			continue;
		}
		const field = /^(\w+): +(\d+) kB$/.exec(line);
		const last = vmas.at(-1);
		if (field?.[1] !== undefined && last !== undefined) last.bytes[field[1]] = Number(field[2]) * 1024;
	}
	return vmas;
}

/** The sum of one smaps field over all mappings, or over those that `which` picks, in bytes. */
export function smapsSum(pid: number, field: string, which: (vma: Vma) => boolean = () => true): number {
	return smapsOf(pid)
		.filter(which)
		.reduce((sum, vma) => sum + (vma.bytes[field] ?? 0), 0);
}

/** Bytes of [start, start + length) that are present: bit 63 of /proc/PID/pagemap, whole pages. */
export function presentIn(pid: number, start: number, length: number): number {
	const first = Math.floor(start / page);
	const entries = Buffer.alloc((Math.ceil((start + length) / page) - first) * 8);
	const file = openSync(`/proc/${pid}/pagemap`, "r");
	try {
		for (let got = 0; got < entries.length; ) {
			const more = readSync(file, entries, got, entries.length - got, first * 8 + got);
			if (more === 0) throw new Error(`pagemap of ${pid} ends early`);
			got += more;
		}
	} finally {
		closeSync(file);
	}
	let present = 0;
	for (let high = 7; high < entries.length; high += 8) present += (entries[high] ?? 0) >> 7;
	return present * page;
}

/** A value of /proc/PID/status: bytes for lines in kB, else the number as it stands. */
export function statusOf(pid: number, name: string): number {
	const line = new RegExp(`^${name}:\\s+(\\d+)( kB)?$`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"));
	if (line === null) throw new Error(`no ${name} in the status of ${pid}`);
	return Number(line[1]) * (line[2] === undefined ? 1 : 1024);
}

/** One byte string of the process's memory. */
export function memoryOf(pid: number, address: number, length: number): Buffer {
	const bytes = Buffer.alloc(length);
	const file = openSync(`/proc/${pid}/mem`, "r");
	try {
		const got = readSync(file, bytes, 0, length, address);
		if (got !== length) throw new Error(`${got} of ${length} bytes at 0x${address.toString(16)}`);
	} finally {
		closeSync(file);
	}
	return bytes;
}
