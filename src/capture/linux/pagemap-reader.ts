import { closeSync } from "node:fs";
import type { Unavailable } from "../../evidence/bundle/unavailable.ts";
import type { Mapping } from "../../formats/procfs/mapping.ts";
import { ResidencyBuilder } from "../../formats/procfs/pagemap.ts";
import type { Residency } from "../../formats/procfs/residency.ts";
import { hostFacts } from "./host-facts.ts";
import { ZeroPages } from "./page-frames.ts";
import { openPagemap, readAt } from "./safe-memory.ts";

/** A mapping in ascending order of addresses, with what smaps says of it where smaps was read: bytes. */
export type ResidentMapping = Mapping & { readonly rss?: number; readonly swap?: number };

export interface ResidencyReadOptions {
	/**
	 * Mark the kernel's zero pages, by frame number: needs CAP_SYS_ADMIN, and root for /proc/kpageflags. Default true.
	 * Where that is not possible, `unexplained` tells how many bytes they may be.
	 */
	readonly zeroPages?: boolean;
	/** the longest that reading may take; what is not read by then is in `skipped`. Default 5000 */
	readonly maxMs?: number;
}

export interface SkippedMapping {
	readonly start: number;
	readonly end: number;
	/** time: `maxMs` passed · reservation: PROT_NONE, huge, and no smaps to tell · ended: the process did */
	readonly why: "time" | "reservation" | "ended";
}

/** Bytes present in a mapping beyond its Rss that no marked zero page explains: hidden zero pages, or a moving target. */
export interface UnexplainedExcess {
	readonly start: number;
	readonly end: number;
	readonly bytes: number;
}

export interface ResidencyReading {
	readonly residency: Residency;
	/** of pagemap and kpageflags */
	readonly bytesRead: number;
	/** whether frame numbers were visible, so that zero pages are marked as such */
	readonly zeroPagesMarked: boolean;
	/** mappings (or their rest) that were not looked at although they may have resident pages */
	readonly skipped: readonly SkippedMapping[];
	/** for mappings from smaps; empty where everything adds up */
	readonly unexplained: readonly UnexplainedExcess[];
}

/** pagemap bytes per read: the entries of 256 MiB of addresses where pages are 4 KiB. */
const BLOCK = 512 * 1024;

/** A PROT_NONE mapping of this size, without smaps, is taken for a reservation with nothing in it (Go's, malloc's, ASan's). */
const RESERVATION = 2 ** 30;

/** gomem's addresses are exact below this. Above are the kernel's, as [vsyscall], which has no pages of the process. */
const USER_SPACE = 2 ** 53;

/**
 * Which pages of the mappings are in memory, from /proc/PID/pagemap. With mappings from smaps, those without resident or
 * swapped bytes are not looked at, however large they are; with mappings from maps alone, PROT_NONE ones from 1 GiB on
 * are left out, and `maxMs` bounds the rest.
 */
export function readResidency(
	pid: number,
	mappings: readonly ResidentMapping[],
	options: ResidencyReadOptions = {},
): ResidencyReading | Unavailable {
	const pagemap = openPagemap(pid);
	if (typeof pagemap !== "number") return pagemap;
	const zeroPages = options.zeroPages === false ? undefined : ZeroPages.open();
	try {
		return new PagemapPass(pagemap, zeroPages, performance.now() + (options.maxMs ?? 5000)).run(mappings);
	} finally {
		closeSync(pagemap);
		zeroPages?.close();
	}
}

class PagemapPass {
	readonly #pagemap: number;
	readonly #zeroPages: ZeroPages | undefined;
	readonly #until: number;
	readonly #pageSize = hostFacts().pageSize;
	readonly #block = new Uint8Array(BLOCK);
	readonly #builder: ResidencyBuilder;
	readonly #skipped: SkippedMapping[] = [];
	#bytesRead = 0;
	/** whether the mapping being read may hold zero pages at all */
	#mayBeZero = false;

	constructor(pagemap: number, zeroPages: ZeroPages | undefined, until: number) {
		this.#pagemap = pagemap;
		this.#zeroPages = zeroPages;
		this.#until = until;
		this.#builder = new ResidencyBuilder({
			pageSize: this.#pageSize,
			...(zeroPages === undefined ? {} : { zeroPfn: (pfn: number) => this.#mayBeZero && zeroPages.has(pfn) }),
			privateAnonymous: () => this.#mayBeZero,
		});
	}

	run(mappings: readonly ResidentMapping[]): ResidencyReading {
		for (const mapping of mappings) {
			if (mapping.end > USER_SPACE || (mapping.rss === 0 && (mapping.swap ?? 0) === 0)) continue;
			if (mapping.rss === undefined && isReservation(mapping)) {
				this.#skipped.push({ start: mapping.start, end: mapping.end, why: "reservation" });
			} else {
				this.#readMapping(mapping);
			}
		}
		const residency = this.#builder.build();
		return {
			residency,
			bytesRead: this.#bytesRead + (this.#zeroPages?.bytesRead ?? 0),
			zeroPagesMarked: this.#zeroPages !== undefined,
			skipped: this.#skipped,
			unexplained: unexplained(residency, mappings),
		};
	}

	#readMapping(mapping: ResidentMapping): void {
		// Only private anonymous memory has zero pages; so does a private mapping of /dev/zero (drivers/char/mem.c).
		this.#mayBeZero = !mapping.permissions.shared && (mapping.inode === 0 || mapping.path === "/dev/zero");
		let at = mapping.start;
		while (at < mapping.end) {
			if (performance.now() > this.#until) {
				this.#skipped.push({ start: at, end: mapping.end, why: "time" });
				return;
			}
			const entries = this.#block.subarray(0, Math.min(BLOCK, ((mapping.end - at) / this.#pageSize) * 8));
			const got = readAt(this.#pagemap, entries, (at / this.#pageSize) * 8);
			this.#bytesRead += got;
			const pages = Math.floor(got / 8);
			if (pages === 0) {
				this.#skipped.push({ start: at, end: mapping.end, why: "ended" });
				return;
			}
			this.#builder.add(at, entries.subarray(0, pages * 8));
			at += pages * this.#pageSize;
		}
	}
}

function isReservation(mapping: Mapping): boolean {
	const { read, write, execute } = mapping.permissions;
	return !read && !write && !execute && mapping.end - mapping.start >= RESERVATION;
}

function unexplained(residency: Residency, mappings: readonly ResidentMapping[]): readonly UnexplainedExcess[] {
	const found: UnexplainedExcess[] = [];
	for (const { start, end, rss } of mappings) {
		if (rss === undefined || rss === 0) continue;
		const bytes = residency.residentBytesIn(start, end) - rss;
		if (bytes > 0) found.push({ start, end, bytes });
	}
	return found;
}
