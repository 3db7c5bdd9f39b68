/** The limit of one cgroup. */
export interface CgroupLimit {
	readonly path: string;
	/** bytes; undefined: none */
	readonly limit: number | undefined;
}

export interface EffectiveLimit {
	readonly bytes: number;
	/** path of the cgroup whose limit it is, or `host` */
	readonly source: string;
}

/**
 * The smallest of the limits of a cgroup and its ancestors, for the kernel charges them all; the host's memory where none of
 * them is smaller. Of equal limits the one nearest to the process counts, so `chain` has the process's own cgroup first.
 * `hostBytes`: MemTotal.
 */
export function effectiveLimit(chain: readonly CgroupLimit[], hostBytes: number): EffectiveLimit {
	let smallest: EffectiveLimit = { bytes: hostBytes, source: "host" };
	for (const { path, limit } of chain) {
		if (limit !== undefined && limit < smallest.bytes) smallest = { bytes: limit, source: path };
	}
	return smallest;
}
