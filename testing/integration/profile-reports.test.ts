/**
 * Our reports against `go tool pprof`'s, byte for byte, over a table of flags and a corpus of profiles that the Go runtime
 * wrote (heap, allocs, goroutine, mutex, block, cpu, as protobuf and as text, with labels) or that are made up, of Go and of
 * others, merged and compared.
 *
 * Two things are compared without their order, because pprof itself gives another one at each run (it ranges over maps and
 * sorts by what is equal):
 * - nodes that differ in nothing that a report shows: at -granularity=files functions of one file, in a -call_tree the same
 *   function in several contexts;
 * - the numbers in "name [1/3]" that callgrind gives to such functions.
 *
 * Not compared: which of several equal contexts a -call_tree graph shows where not all of them fit (so those are compared
 * with -trim=false), for the same reason; and edges above 2^63/100 in -dot, whose width overflows in pprof and not here.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { ProfileBuilder } from "../../src/formats/pprof/builder.ts";
import { encodeProfile } from "../../src/formats/pprof/encode.ts";
import { buildSubject } from "../subjects.ts";
import { goPprof, pprofModule } from "./pprof-module.ts";
import { randomFlags, randomNumbers, randomProfile } from "./profile-random.ts";
import { ourReport, pprofReport } from "./profile-reports.ts";

const run = promisify(execFile);

let folder: string;
let command: string;

before(async () => {
	folder = await mkdtemp(join(tmpdir(), "gomem-profile-reports-"));
	command = await goPprof();
	const subject = await buildSubject("profiles");
	await run(subject, ["-dir", folder]);
	await run(subject, ["-stacks", "2000", "-o", join(folder, "made.pb.gz")]);
	await run(subject, ["-stacks", "400", "-even", "-o", join(folder, "even.pb.gz")]);
	await writeFile(join(folder, "wide.pb.gz"), gzipSync(encodeProfile(wideProfile())));
	await writeFile(join(folder, "odd.pb.gz"), gzipSync(encodeProfile(oddProfile())));
});

after(() => rm(folder, { recursive: true, force: true }));

/** Values whose sums and halves are beyond 2^53. */
function wideProfile(): ReturnType<ProfileBuilder["finish"]> {
	const b = new ProfileBuilder([
		{ type: "contentions", unit: "count" },
		{ type: "delay", unit: "nanoseconds" },
	]);
	const rows = ["main.a", "main.b", "main.c"].map((name, i) =>
		b.location({
			address: 0x1000 + i,
			lines: [{ function: b.function({ name, filename: "/src/main.go" }), line: i + 1 }],
		}),
	);
	const [a = 0, c = 0, d = 0] = rows;
	b.sample([a, c], [3, 2n ** 61n + 1n]);
	b.sample([a, d], [2, 2n ** 60n + 3n]);
	b.sample([c, d], [1, 2n ** 53n + 1n]);
	b.sample([d], [1, -(2n ** 54n)]);
	return b.finish();
}

/** Names, labels and addresses that few profiles have. */
function oddProfile(): ReturnType<ProfileBuilder["finish"]> {
	const b = new ProfileBuilder([{ type: "space", unit: "bytes" }]);
	const names = [
		"a.(*T).f.Map[...].func1",
		"ns::Klass<int>::call(char)",
		"😀.rune",
		"\uffee.wide",
		'q"uo\\te',
		"",
		"a.(*T[...]).m",
	];
	const mapping = b.mapping({ start: 0xffffffff80000000n, limit: 0xffffffffff000000n, filename: "/bin/odd (deleted)" });
	const rows = names.map((name, i) =>
		b.location({
			mapping,
			address: 0xffffffff80000010n + BigInt(i),
			lines: [
				{
					function: b.function({ name, filename: i % 2 === 0 ? "/x//y/../z.go" : "", startLine: name === "" ? 0 : 7 }),
					line: i,
				},
			],
		}),
	);
	rows.push(b.location({ mapping, address: 0xffffffff80000100n }), b.location({ address: 0x77 }));
	for (let i = 0; i < rows.length; i++) {
		b.sample(
			[rows[i] ?? 0, rows[(i + 1) % rows.length] ?? 0, rows[i] ?? 0],
			[100 + (i % 3)],
			[
				{ key: "bytes", value: 16 << i, unit: i % 2 === 0 ? "" : "kilobytes" },
				{ key: "näme", value: `v${i % 3}` },
				{ key: "näme", value: "second" },
				{ key: "size", value: -5 + i },
			],
		);
	}
	b.sample([], [9], [{ key: "näme", value: "no stack" }]);
	return b.finish({
		comments: ["a comment", "#hidden"],
		docUrl: "https://example.com",
		timeNanos: 1_700_000_000_123_456_789n,
		durationNanos: 12_345_678_901n,
	});
}

const granularities = ["", "-lines", "-files", "-filefunctions", "-addresses", "-functions"];

/** the flags, a report each */
const every: readonly string[] = [
	...granularities.map((flag) => `-top ${flag}`),
	"-top -cum",
	"-tree",
	"-tree -lines -cum",
	"-traces",
	"-traces -addresses -noinlines",
	"-tags",
	"-raw",
	"-dot",
	"-dot -call_tree -lines -trim=false",
	"-callgrind",
];

const thorough: readonly string[] = [
	...granularities.slice(1).map((flag) => `-top -noinlines ${flag}`),
	"-top -nodecount=10",
	"-top -nodefraction=0.1 -cum",
	"-top -trim=false",
	"-top -unit=kb",
	"-top -unit=auto",
	"-top -unit=ms",
	"-top -mean",
	"-top -divide_by=3",
	"-top -sample_index=0",
	"-top -inuse_objects",
	"-top -focus=main -ignore=deep",
	"-top -hide=runtime",
	"-top -show=main",
	"-top -show_from=main",
	"-top -prune_from=main",
	"-top -relative_percentages -focus=deep",
	"-top -tagfocus=1kb:",
	"-top -tagfocus=bytes=:100kb -tagignore=1b:64b",
	"-top -tagignore=worker",
	"-top -compact_labels",
	"-top -drop_negative",
	"-top -tagroot=bytes",
	"-top -tagleaf=näme,bytes",
	"-top -lines -source_path=/x/go",
	"-top -lines -trim_path=/usr/local/go/src:/src",
	"-tree -nodecount=15",
	"-tree -mean",
	"-tree -noinlines",
	"-peek=main",
	"-peek=deep|leaf -lines",
	"-traces -unit=kb -focus=leaf",
	"-tags -unit=kb",
	"-tags -tagshow=b",
	"-tags -taghide=t",
	"-raw -focus=main -noinlines",
	"-callgrind -call_tree",
	"-dot -lines",
	"-dot -addresses",
	"-dot -nodecount=10",
	"-dot -nodecount=300",
	"-dot -trim=false",
	"-dot -mean",
	"-dot -hide=deep -edgefraction=0.05",
	"-dot -tagleaf=näme",
];

const differences: readonly string[] = ["-base", "-diff_base"].flatMap((base) =>
	[
		"-top",
		"-top -lines -cum",
		"-top -drop_negative",
		"-top -sample_index=alloc_space -relative_percentages -focus=leaf",
		"-top -normalize",
		"-tree",
		"-traces",
		"-tags",
		"-raw",
		"-raw -normalize",
		"-dot",
		"-dot -drop_negative",
		"-callgrind",
	].map((flags) => `${flags} ${base}=@heap.before.pb.gz`),
);

const table: readonly (readonly [files: string, flags: readonly string[]])[] = [
	["heap.pb.gz", [...every, ...thorough]],
	["heap.pb.gz", differences],
	["heap.pb.gz heap.before.pb.gz allocs.pb.gz", [...every, "-raw -lines"]],
	["made.pb.gz", [...every, "-dot -mean", "-peek=Process1$", "-dot -nodecount=40", "-top -focus=Store -tagfocus=1kb"]],
	["even.pb.gz", ["-top", "-top -nodefraction=0", "-tree -nodecount=30", "-dot", "-peek=Process1$"]],
	["odd.pb.gz", [...every, ...thorough]],
	["wide.pb.gz", ["-top", "-top -mean", "-tree", "-traces", "-raw", "-callgrind", "-top -unit=hrs"]],
	["goroutine.pb.gz", [...every, "-tags -tagfocus=worker=[01]", "-top -tagroot=worker", "-top -focus=park"]],
	["cpu.pb.gz", [...every, "-top -tagfocus=tenant=blue", "-tags", "-top -tagfocus=gr.n", "-dot -tagshow=tenant"]],
	["mutex.pb.gz", [...every, "-top -total_delay", "-top -mean_delay", "-top -contentions"]],
	["block.pb.gz", every],
	["heap.debug1.txt", every],
	["goroutine.debug1.txt", ["-top", "-traces", "-raw"]],
	["mutex.debug1.txt", ["-top", "-traces", "-raw"]],
];

for (const [files, flags] of table) {
	for (const one of flags) {
		test(`${one.trim()} of ${files} is pprof's`, async () => {
			const words = one
				.trim()
				.split(/ +/)
				.map((word) => word.replace("@", `${folder}/`));
			await compare(
				words,
				files.split(" ").map((file) => join(folder, file)),
			);
		});
	}
}

test("C++ and Java profiles of pprof's own corpus", async () => {
	const corpus = join(await pprofModule(), "profile", "testdata");
	for (const file of ["cppbench.heap", "cppbench.contention", "java.cpu", "java.heap", "gobench.cpu"]) {
		for (const flags of ["-top", "-tree -lines", "-dot", "-traces", "-tags"]) {
			await compare(flags.split(" "), [join(corpus, file)]);
		}
	}
});

test("random profiles under random flags", async () => {
	// 1887 has frames of labels at both ends under -raw, which prints in what order they came up
	for (const seed of [...Array.from({ length: 100 }, (_, i) => i + 1), 1887]) {
		const random = randomNumbers(seed);
		const file = join(folder, `random-${seed}.pb.gz`);
		await writeFile(file, gzipSync(encodeProfile(randomProfile(random))));
		const flags = randomFlags(random);
		await compare(flags, [file]).catch((error: unknown) => {
			throw new Error(`seed ${seed}: ${flags.join(" ")}`, { cause: error });
		});
	}
});

async function compare(flags: readonly string[], files: readonly string[]): Promise<void> {
	const [expected, actual] = await Promise.all([
		pprofReport(command, flags, files).catch(lastLine),
		ourReport(flags, files).catch((error: unknown) => `error: ${(error as Error).message}`),
	]);
	const loose = flags.includes("-files") || flags.includes("-call_tree");
	assert.equal(loose ? unordered(actual) : actual, loose ? unordered(expected) : expected);
}

/** What pprof says when it gives up. */
function lastLine(error: unknown): string {
	const told = (error as { readonly stderr?: string }).stderr?.trim().split("\n").at(-1);
	if (told === undefined) throw error;
	return `error: ${told.replace(/^.*pprof: /, "")}`;
}

/** The lines in a fixed order, without what depends on the order in which pprof comes upon equal nodes. */
function unordered(text: string): string {
	return text
		.split("\n")
		.map((line) =>
			line
				.replace(/\bN+\d+(_\d+)*\b/g, "N")
				.replace(/ id="[^"]*"/, "")
				.replace(/^(c?fn=)\(\d+\)( ?.*?)( \[\d+\/(\d+)\])?$/, "$1$2 of $4")
				.replace(/^((?:calls=0 )?)(0x[0-9a-f]+|[+-]\d+|\*) /, "$1@ ")
				.replace(/(\d% +)[\d.e-]+%(?= +\S+ +[\d.e-]+%)/, "$1"),
		)
		.sort()
		.join("\n");
}
