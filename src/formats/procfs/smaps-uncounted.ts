import type { Mapping } from "./mapping.ts";
import type { SmapsEntry } from "./smaps.ts";

/** A mapping of which no counter is known: from /proc/PID/maps alone, or out of a core. The counters are 0. */
export function uncounted(mapping: Mapping): SmapsEntry {
	return {
		...mapping,
		size: mapping.end - mapping.start,
		kernelPageSize: 0,
		thpEligible: undefined,
		vmFlags: [],
		rss: 0,
		pss: 0,
		pssDirty: undefined,
		sharedClean: 0,
		sharedDirty: 0,
		privateClean: 0,
		privateDirty: 0,
		referenced: 0,
		anonymous: 0,
		ksm: undefined,
		lazyFree: 0,
		anonHugePages: 0,
		shmemPmdMapped: 0,
		filePmdMapped: 0,
		sharedHugetlb: 0,
		privateHugetlb: 0,
		swap: 0,
		swapPss: 0,
		locked: 0,
	};
}
