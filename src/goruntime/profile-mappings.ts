import type { ProfileBuilder } from "../formats/pprof/builder.ts";

/** An executable mapping of the process, in the order of the address space. */
export interface ProfiledMapping {
	readonly start: number;
	readonly end: number;
	/** of `start` in the file */
	readonly offset: number;
	readonly file: string;
	/** GNU build id in hex; "" where the file has none */
	readonly buildId: string;
}

/** One of them in a profile: its row of the builder. */
export interface CodeMapping {
	readonly start: number;
	readonly end: number;
	readonly row: number;
}

/** pprof's bits of a mapping: runtime/pprof says that functions are known, and leaves the rest open. */
const HAS_FUNCTIONS = 1;

/** Adds the mappings to a profile, as runtime/pprof writes them. */
export function profileMappings(mappings: readonly ProfiledMapping[], builder: ProfileBuilder): CodeMapping[] {
	return mappings.map(({ start, end, offset, file, buildId }) => ({
		start,
		end,
		row: builder.mapping({ start, limit: end, offset, filename: file, buildId, symbolized: HAS_FUNCTIONS }),
	}));
}

/** Row of the mapping that an address is in. */
export function mappingAt(mappings: readonly CodeMapping[], address: number): number | undefined {
	return mappings.find((one) => one.start <= address && address < one.end)?.row;
}
