import { goExp } from "./go-exp.ts";

/**
 * What a sampled figure stands for: the runtime samples an allocation of S bytes with the probability 1 - exp(-S / rate)
 * (rate: bytes between samples), so each sample counts for the inverse of that, S being the mean size of the group. Cut to
 * whole numbers. To the unit as Go does (scaleHeapSample in runtime/pprof/protomem.go, Go 1.26, and in profile/legacy_profile.go
 * of github.com/google/pprof). A rate of 1 or less: nothing was left out.
 */
export function scaleHeapSample(
	count: number | bigint,
	bytes: number | bigint,
	rate: number | bigint,
): readonly [count: number | bigint, bytes: number | bigint] {
	if (Number(count) === 0 || Number(bytes) === 0) return [0, 0];
	if (Number(rate) <= 1) return [count, bytes];
	const [countFloat, bytesFloat] = [Number(count), Number(bytes)];
	const scale = 1 / (1 - goExp(-(bytesFloat / countFloat) / Number(rate)));
	return [toInt64(countFloat * scale), toInt64(bytesFloat * scale)];
}

/** A Go conversion of float64 to int64 on amd64: cut; what does not fit is the least int64. */
function toInt64(value: number): number | bigint {
	if (Number.isSafeInteger(Math.trunc(value))) return Math.trunc(value) + 0;
	return Math.abs(value) < 2 ** 63 ? BigInt(Math.trunc(value)) : -(2n ** 63n);
}
