import { ProfileBuilder } from "../../src/formats/pprof/builder.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";

/** Numbers below a bound, the same for each seed. */
export type Random = (below: number) => number;

export function randomNumbers(seed: number): Random {
	let state = seed >>> 0;
	return (below) => {
		// Numerical Recipes' linear congruential generator, the high bits of it
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return Math.floor((state / 2 ** 32) * below);
	};
}

const types: readonly (readonly (readonly [type: string, unit: string])[])[] = [
	[["inuse_space", "bytes"]],
	[["n", "widgets"]],
	[
		["contentions", "count"],
		["delay", "ms"],
	],
	[
		["alloc_objects", "count"],
		["alloc_space", "bytes"],
		["inuse_objects", "count"],
		["inuse_space", "bytes"],
	],
];

const names = [
	"main.main",
	"main.(*T).b",
	"runtime.mallocgc",
	"pkg/sub.F[...]",
	"a/v2/b.G",
	"std::vector<int>::push(int)",
	"java.lang.Foo.run(int)",
	"(anonymous namespace)::q",
	"main.c.func1",
];

/**
 * A small profile with whatever a profile can have: recursion, inlining, places without symbols, several binaries, labels of
 * both kinds, samples that weigh nothing, frames to be dropped. No value is below 0: weights of one size and two signs are in
 * no fixed order in pprof.
 */
export function randomProfile(random: Random): Profile {
	const pick = <T>(from: readonly T[]): T => from[random(from.length)]!; // never empty
	const b = new ProfileBuilder(pick(types).map(([type, unit]) => ({ type, unit })));
	const mappings = [
		b.mapping({ start: 0x1000, limit: 0x90000, filename: pick(["/bin/x", "/a/b c"]), buildId: pick(["", "abc"]) }),
		b.mapping({ start: 0x100000, limit: 0x200000, filename: "/lib/libc.so.6" }),
	];
	const functions = names.map((name) => b.function({ name, filename: pick(["/s/a.go", "b.go", "/s/./c.go", ""]) }));
	const locations = Array.from({ length: 4 + random(30) }, (_, i) =>
		b.location({
			mapping: pick(mappings),
			address: pick([0x1000 + i * 16, 0x100000 + i, 0, 0x4000]),
			lines: Array.from({ length: pick([0, 1, 1, 1, 2, 3]) }, () => ({
				function: pick(functions),
				line: random(4),
				column: pick([0, 0, random(3)]),
			})),
		}),
	);
	const label = (): { readonly key: string; readonly value: string | number; readonly unit?: string } =>
		pick([
			{ key: "k", value: pick(["v1", "v2", "w"]) },
			{ key: "bytes", value: 2 ** random(24), unit: pick(["", "bytes"]) },
			{ key: "n", value: random(100) + 1, unit: pick(["", "ms", "kilobytes"]) },
			{ key: "request", value: 1 + random(10_000) },
		]);
	for (let samples = random(40); samples > 0; samples--) {
		const stack = Array.from({ length: random(9) }, () => pick(locations));
		const values = b.sampleTypes.map(() => pick([0, 1, 7, random(1000), random(1e9)]));
		b.sample(stack, values, Array.from({ length: random(4) }, label));
	}
	return b.finish({
		dropFrames: pick(["", "", "runtime\\.malloc.*", "main.*"]),
		keepFrames: pick(["", "main\\.a"]),
		durationNanos: BigInt(random(2) * 123_456_789),
		comments: pick([[], ["hi", "#no"]]),
	});
}

const reports = ["-top", "-tree", "-traces", "-tags", "-raw", "-dot", "-peek=main"];

const options = [
	"-cum",
	"-noinlines",
	"-nodecount=3",
	"-nodecount=12",
	"-nodefraction=0.2",
	"-edgefraction=0.2",
	"-trim=false",
	"-unit=kb",
	"-unit=auto",
	"-unit=s",
	"-mean",
	"-divide_by=7",
	"-sample_index=0",
	"-focus=main",
	"-ignore=runtime|q$",
	"-hide=main.c|libc",
	"-show=main|std|/lib",
	"-show_from=main",
	"-prune_from=main.c|F",
	"-relative_percentages",
	"-tagfocus=k=v1",
	"-tagfocus=v.",
	"-tagfocus=1kb:",
	"-tagfocus=n=:50",
	"-tagignore=k=w",
	"-tagignore=4kb:1mb",
	"-tagshow=k",
	"-taghide=by",
	"-compact_labels",
	"-tagroot=k,bytes",
	"-tagleaf=n",
	"-showcolumns",
	"-trim_path=/s",
];

/** A report and a few options for it, each option once and at most one granularity. */
export function randomFlags(random: Random): readonly string[] {
	const flags = new Map<string, string>();
	for (let left = random(5); left > 0; left--) {
		const flag = options[random(options.length)] ?? "-cum";
		flags.set(flag.split("=")[0] ?? flag, flag);
	}
	const granularity = ["", "", "-lines", "-addresses", "-filefunctions", "-functions"][random(6)];
	const all = [reports[random(reports.length)] ?? "-top", ...flags.values(), granularity ?? ""];
	return all.filter((flag) => flag !== "");
}
