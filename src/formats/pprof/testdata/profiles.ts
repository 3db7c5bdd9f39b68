import { ProfileBuilder } from "../builder.ts";
import type { Profile } from "../model.ts";

/** A profile with some of everything: figures of 64 bits, inlined and folded frames, labels of each kind, odd ids. */
export function someProfile(): Profile {
	const b = new ProfileBuilder([
		{ type: "inuse_objects", unit: "count" },
		{ type: "inuse_space", unit: "bytes" },
		{ type: "delay", unit: "nanoseconds" },
	]);
	const binary = b.mapping({ start: 0x400000, limit: 0x800000, filename: "/bin/orders", buildId: "abc" });
	const kernel = b.mapping({
		start: 0xffffffff81000000n,
		limit: 0xffffffffffffffffn,
		filename: "[kernel.kallsyms]_stext",
		symbolized: 0,
		id: 2n ** 64n - 1n,
	});
	const main = b.function({ name: "main.main", filename: "/src/main.go", startLine: 9 });
	const work = b.function({ name: "work()", systemName: "_Z4workv", filename: "/src/wörk.cc", id: 2n ** 63n + 5n });
	const inlined = [
		{ function: work, line: 30, column: 7 },
		{ function: main, line: 12 },
	];
	const a = b.location({ mapping: binary, address: 0x400123, lines: inlined });
	const c = b.location({ mapping: kernel, address: 0xffffffff81abcdefn, folded: true, id: 0x7fff_ffff_ffff_ffffn });
	const d = b.location({ lines: [{ function: main, line: -1 }], id: 300 });
	b.sample([a, c, d, d], [1, 2 ** 40, -5], [{ key: "bytes", value: 512 }]);
	b.sample(
		[d],
		[0, 2n ** 62n + 1n, -(2n ** 63n)],
		[
			{ key: "tenant", value: "grün" },
			{ key: "wait", value: -3, unit: "minutes" },
			{ key: "alpha", value: "first" },
			{ key: "wait", value: 2n ** 63n - 1n },
		],
	);
	b.sample([], [3, 0, 0]);
	return b.finish({
		comments: ["one", "two", "one"],
		docUrl: "https://example.com/doc",
		defaultSampleType: "inuse_space",
		dropFrames: "malloc|free",
		keepFrames: "main\\..*",
		timeNanos: 1_700_000_000_123_456_789n,
		durationNanos: 30_100_000_000n,
		periodType: { type: "space", unit: "bytes" },
		period: 524_288n,
	});
}

/** xorshift32: the same numbers at each run. */
export function seeded(seed: number): () => number {
	let state = seed | 1;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return state >>> 0;
	};
}
