import { word } from "../../bytes/cursor.ts";

/** The auxiliary vector that the kernel gave at exec. Addresses as numbers; undefined where the vector has no such entry. */
export interface AuxiliaryVector {
	/** bytes */
	readonly pageSize: number | undefined;
	/** address of the program's entry point, load bias included */
	readonly entry: number | undefined;
	/** address, size of an entry and number of the program headers: with the file's they give the load bias */
	readonly programHeaders: number | undefined;
	readonly programHeaderSize: number | undefined;
	readonly programHeaderCount: number | undefined;
	/** address of the dynamic loader; 0 for a static program */
	readonly interpreterBase: number | undefined;
	/** address of the vDSO's ELF header */
	readonly vdso: number | undefined;
	/** clock ticks a second: the unit of the times in stat */
	readonly clockTicks: number | undefined;
	/** whether exec raised rights (set-uid …) */
	readonly secure: boolean | undefined;
	/** addresses of 16 random bytes and of the path given to exec: both in the first thread's stack, above the environment */
	readonly random: number | undefined;
	readonly execFileName: number | undefined;
}

// include/uapi/linux/auxvec.h; AT_SYSINFO_EHDR of x86 and arm64
const AT_NULL = 0;
const AT_PHDR = 3;
const AT_PHENT = 4;
const AT_PHNUM = 5;
const AT_PAGESZ = 6;
const AT_BASE = 7;
const AT_ENTRY = 9;
const AT_CLKTCK = 17;
const AT_SECURE = 23;
const AT_RANDOM = 25;
const AT_EXECFN = 31;
const AT_SYSINFO_EHDR = 33;
const ENTRY_BYTES = 16;
/** The kernel's own limit is some 50 entries (AT_VECTOR_SIZE). */
const MAX_ENTRIES = 256;

/** /proc/PID/auxv of a 64-bit little-endian process. Empty for a zombie. Never throws: entries that are not there are undefined. */
export function parseAuxv(bytes: Uint8Array): AuxiliaryVector {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const values = new Map<number, number>();
	for (let i = 0; i < MAX_ENTRIES && (i + 1) * ENTRY_BYTES <= bytes.length; i++) {
		const type = word(view, i * ENTRY_BYTES);
		if (type === AT_NULL) break;
		const value = word(view, i * ENTRY_BYTES + 8);
		// A value that is no exact number (a hardware capability mask) is not among those below.
		if (Number.isSafeInteger(value) && !values.has(type)) values.set(type, value);
	}
	const secure = values.get(AT_SECURE);
	return {
		pageSize: values.get(AT_PAGESZ),
		entry: values.get(AT_ENTRY),
		programHeaders: values.get(AT_PHDR),
		programHeaderSize: values.get(AT_PHENT),
		programHeaderCount: values.get(AT_PHNUM),
		interpreterBase: values.get(AT_BASE),
		vdso: values.get(AT_SYSINFO_EHDR),
		clockTicks: values.get(AT_CLKTCK),
		secure: secure === undefined ? undefined : secure !== 0,
		random: values.get(AT_RANDOM),
		execFileName: values.get(AT_EXECFN),
	};
}
