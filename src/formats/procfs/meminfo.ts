import { ParseError } from "../../bytes/parse-error.ts";
import { bytesOfKb, parseFieldLines } from "./fields.ts";

/** /proc/meminfo: the host's memory in bytes, also when read inside a container. */
export interface Meminfo {
	readonly memTotal: number;
	readonly memFree: number;
	/** what can be allocated without swapping; Linux 3.14 */
	readonly memAvailable: number | undefined;
	readonly buffers: number;
	readonly cached: number;
	readonly swapTotal: number;
	readonly swapFree: number;
	readonly anonPages: number | undefined;
	readonly shmem: number | undefined;
	readonly slab: number | undefined;
	readonly slabReclaimable: number | undefined;
	readonly anonHugePages: number | undefined;
	/** default size of a hugetlb page */
	readonly hugePageSize: number | undefined;
	readonly commitLimit: number | undefined;
	readonly committedAs: number | undefined;
}

/** Throws ParseError. */
export function parseMeminfo(text: string): Meminfo {
	const fields = parseFieldLines(text, "meminfo");
	const optional = (key: string): number | undefined => bytesOfKb(fields.get(key), key, "meminfo");
	const bytes = (key: string): number => {
		const value = optional(key);
		if (value === undefined) throw new ParseError({ format: "meminfo", field: key, actual: "nothing" });
		return value;
	};
	return {
		memTotal: bytes("MemTotal"),
		memFree: bytes("MemFree"),
		memAvailable: optional("MemAvailable"),
		buffers: bytes("Buffers"),
		cached: bytes("Cached"),
		swapTotal: bytes("SwapTotal"),
		swapFree: bytes("SwapFree"),
		anonPages: optional("AnonPages"),
		shmem: optional("Shmem"),
		slab: optional("Slab"),
		slabReclaimable: optional("SReclaimable"),
		anonHugePages: optional("AnonHugePages"),
		hugePageSize: optional("Hugepagesize"),
		commitLimit: optional("CommitLimit"),
		committedAs: optional("Committed_AS"),
	};
}
