import { closeSync, openSync } from "node:fs";
import { parseMaps } from "../../formats/procfs/maps.ts";
import { hostFacts } from "./host-facts.ts";
import { readSmallText } from "./proc-text.ts";
import { readAt } from "./safe-memory.ts";
import { errnoOf } from "./system-error.ts";

/** KPF_ZERO_PAGE, include/uapi/linux/kernel-page-flags.h: the zero page, and every frame of the huge zero page. */
const KPF_ZERO_PAGE = 24;
/** Frames looked up at a time. */
const FRAMES = 64;
/** Look-ups in one pass: 100,000 take some 0.1 s. A process of that many scattered shared pages was forked, without exec. */
const MAX_LOOKUPS = 100_000;

let visible: boolean | undefined;

/**
 * Whether pagemap shows frame numbers to gomem: since Linux 4.2 only with CAP_SYS_ADMIN in the initial user namespace.
 * Found out by looking at gomem's own stack. The same holds for every process (pagemap_open, fs/proc/task_mmu.c).
 */
export function framesVisible(): boolean {
	visible ??= ownStackFrame();
	return visible;
}

function ownStackFrame(): boolean {
	const { pageSize } = hostFacts();
	const stack = parseMaps(readSmallText("/proc/self/maps")).find((mapping) => mapping.kind === "stack");
	if (stack === undefined) return false;
	let fd: number;
	try {
		fd = openSync("/proc/self/pagemap", "r");
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return false;
	}
	try {
		// The top page holds the arguments: it is present in every process.
		const entry = new Uint8Array(8);
		if (readAt(fd, entry, (stack.end / pageSize - 1) * 8) !== 8) return false;
		return entry.subarray(0, 6).some((byte) => byte !== 0);
	} finally {
		closeSync(fd);
	}
}

/** Tells the kernel's zero pages by frame number, from /proc/kpageflags (root only). */
export class ZeroPages {
	readonly #fd: number;
	readonly #visited = new Set<number>();
	readonly #zero = new Set<number>();
	readonly #flags = new Uint8Array(FRAMES * 8);
	#bytesRead = 0;

	constructor(fd: number) {
		this.#fd = fd;
	}

	/** Undefined where frame numbers are hidden or /proc/kpageflags cannot be read. The caller closes it. */
	static open(): ZeroPages | undefined {
		if (!framesVisible()) return undefined;
		try {
			return new ZeroPages(openSync("/proc/kpageflags", "r"));
		} catch (error) {
			if (errnoOf(error) === undefined) throw error;
			return undefined;
		}
	}

	get bytesRead(): number {
		return this.#bytesRead;
	}

	has(pfn: number): boolean {
		if (this.#zero.has(pfn)) return true;
		const group = Math.floor(pfn / FRAMES);
		if (this.#visited.has(group) || this.#visited.size >= MAX_LOOKUPS) return false;
		this.#visited.add(group);
		const got = readAt(this.#fd, this.#flags, group * FRAMES * 8);
		this.#bytesRead += got;
		for (let i = 0; i * 8 + 8 <= got; i++) {
			// byte 3 of an entry holds bits 24 to 31
			if (((this.#flags[i * 8 + 3] ?? 0) >>> (KPF_ZERO_PAGE - 24)) & 1) this.#zero.add(group * FRAMES + i);
		}
		return this.#zero.has(pfn);
	}

	close(): void {
		closeSync(this.#fd);
	}
}
