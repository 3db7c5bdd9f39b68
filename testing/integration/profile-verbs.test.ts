import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { gunzipSync, zstdCompressSync } from "node:zlib";
import { GomemError } from "../../src/api/errors.ts";
import type { ProfileListResult } from "../../src/api/profile-list.ts";
import type { ProfileTopResult } from "../../src/api/profile-top.ts";
import { ProfileBuilder } from "../../src/formats/pprof/builder.ts";
import { encodeProfile } from "../../src/formats/pprof/encode.ts";
import { runtimeProfiles, whyNoPprof } from "../pprof-corpus.ts";
import { gomemProfile, gomemText, pprofText } from "./profile-commands.ts";

// Every verb of `gomem profile` against `go tool pprof`, on the profiles that the Go runtime writes of a program of ours.

const exec = promisify(execFile);
const skip = await whyNoPprof();
const folder = mkdtempSync(join(tmpdir(), "gomem-profile-verbs-"));
after(() => rmSync(folder, { recursive: true, force: true }));
// a zone that is not UTC, and has summer time
process.env["TZ"] = "Europe/Berlin";

let corpus = "";
before(async () => {
	if (skip === false) corpus = await runtimeProfiles();
});
const at = (name: string) => join(corpus, name);

/** Equal, or the first line that is not. */
function same(ours: string, theirs: string, what = ""): void {
	if (ours === theirs) return;
	const [a, b] = [ours.split("\n"), theirs.split("\n")];
	const line = a.findIndex((one, i) => one !== b[i]);
	assert.fail(`${what} line ${line + 1}: ours ${JSON.stringify(a[line])}, pprof's ${JSON.stringify(b[line])}`);
}

describe("the same text as go tool pprof", { skip, concurrency: 2 }, () => {
	const files = ["heap.pb.gz", "allocs.pb.gz", "cpu.pb.gz", "mutex.pb.gz", "block.pb.gz", "goroutine.pb.gz"];
	const flags: readonly (readonly string[])[] = [
		["-top"],
		["-text", "-cum"],
		["-top", "-lines", "-nodecount=5"],
		["-top", "-unit=kB"], // -files: pprof itself changes the order of equal files from run to run
		["-top", "-addresses", "-noinlines"],
		["-tree", "-nodefraction=0.1"],
		["-peek=main"],
		["-list=main\\."],
		["-traces", "-focus=main"],
		["-tags"],
		["-raw"],
		["-dot"],
		["-callgrind"],
		["-comments"],
		["-top", "-ignore=runtime", "-hide=gzip", "-show_from=main"],
		["-top", "-tagfocus=8kb:", "-relative_percentages"],
		["-top", "-divide_by=3", "-trim=false"],
	];
	for (const file of files) {
		// heap's and mutex's siblings differ from them in their figures only
		for (const words of /allocs|block/.test(file) ? flags.slice(0, 3) : flags) {
			test(`${words.join(" ")} ${file}`, async () => {
				const all = [...words, at(file)];
				// nodes of one name and one weight, as files have, come in the order of a Go map in pprof
				const order = (text: string) => (words.includes("-files") ? text.split("\n").sort().join("\n") : text);
				same(order(await gomemText(all)), order(await pprofText(all)));
			});
		}
	}

	for (const words of [
		["-top", "-alloc_space"],
		["-top", "-inuse_objects", "-mean"],
		["-top", "-sample_index=0"],
		["-tree", "--sample_index=alloc_objects", "-cum"],
	]) {
		test(`${words.join(" ")} heap.pb.gz`, async () => {
			const all = [...words, at("heap.pb.gz")];
			same(await gomemText(all), await pprofText(all));
		});
	}

	test("several sources are added up, bases taken off", async () => {
		const [before, now] = [at("heap.before.pb.gz"), at("heap.pb.gz")];
		for (const words of [
			["-top", before, now],
			["-top", `-base=${before}`, now],
			["-tree", `-diff_base=${before}`, "-alloc_space", now],
			["-top", "-normalize", `-diff_base=${before}`, now],
			["-top", "-drop_negative", `-base=${now}`, before],
		]) {
			same(await gomemText(words), await pprofText(words), words.join(" "));
		}
	});

	test("-add_comment and -buildid", async () => {
		const comment = ["-raw", "-add_comment=by hand", at("heap.pb.gz")];
		same(await gomemText(comment), await pprofText(comment));
		// the profile has a build id, which is not replaced; one without gets it
		const given = ["-raw", "-buildid=c0ffee", at("heap.pb.gz")];
		same(await gomemText(given), await pprofText(given));
		const builder = new ProfileBuilder([{ type: "space", unit: "bytes" }]);
		const mapping = builder.mapping({ filename: "/bin/app", start: 0x1000, limit: 0x2000 });
		const main = builder.function({ name: "main.main" });
		builder.sample([builder.location({ mapping, address: 0x1010, lines: [{ function: main }] })], [1]);
		const bare = join(folder, "no-build-id.pb");
		writeFileSync(bare, encodeProfile(builder.finish()));
		const text = await gomemText(["-top", "-buildid=c0ffee", bare]);
		assert.match(text, /^Build ID: c0ffee$/m);
		same(text, await pprofText(["-top", "-buildid=c0ffee", bare]));
	});

	test("source of files that are looked for, with paths trimmed", async () => {
		// the corpus was built with -trimpath: its own source is gomem.test/subjects/profiles/corpus.go
		const source = join(folder, "tree/gomem.test/subjects/profiles");
		mkdirSync(source, { recursive: true });
		copyFileSync(join(import.meta.dirname, "../../subjects/profiles/corpus.go"), join(source, "corpus.go"));
		const words = [`-source_path=${join(folder, "tree")}`, "-list=main.(small|leaf)", at("heap.pb.gz")];
		const text = await gomemText(words);
		same(text, await pprofText(words));
		assert.match(text, /^ROUTINE =+ main\.leaf in gomem\.test/m);
		// all that leaf allocates it allocates in its one line
		assert.match(text, /^ *([\d.]+[kM]?B) +\1 \(flat, cum\)[^\n]*\n *\1 +\1 +\d+:func leaf\(.*make/m);
		const trimmed = [
			`-source_path=${source}`,
			"-trim_path=gomem.test/subjects/profiles",
			"-list=main.leaf",
			at("heap.pb.gz"),
		];
		same(await gomemText(trimmed), await pprofText(trimmed));
	});
});

describe("results", { skip }, () => {
	test("top --json is what scripts are promised", async () => {
		const { document } = await gomemProfile(["top", at("heap.pb.gz")]);
		const result = document as unknown as ProfileTopResult;
		assert.equal(document.schema, "gomem.profile-top/1");
		assert.equal(result.sampleType, "inuse_space");
		assert.equal(result.unit, "bytes");
		const leaf = result.rows.find((row) => row.function === "main.leaf");
		assert.ok(leaf !== undefined);
		assert.equal(leaf.file, "gomem.test/subjects/profiles/corpus.go");
		// the line of the func keyword, as the source has it
		const source = readFileSync(join(import.meta.dirname, "../../subjects/profiles/corpus.go"), "utf8").split("\n");
		assert.match(source[(leaf.line ?? 0) - 1] ?? "", /^func leaf\(/);
		assert.ok(Number(leaf.flat) > 0 && leaf.flat === leaf.cum);
		assert.ok(Number(result.total) >= result.rows.reduce((sum, row) => sum + Number(row.flat), 0));
		const byUnit = (await gomemProfile(["top", at("heap.pb.gz"), "--unit=MB"])).document as unknown as ProfileTopResult;
		assert.equal(byUnit.rows[0]?.flat, result.rows[0]?.flat, "figures stay in the base unit");
	});

	test("list finds Go's own sources and says where it does not", async () => {
		const { document } = await gomemProfile(["list", "^runtime.main$|main.leaf", at("heap.pb.gz")]);
		const { functions } = document as unknown as ProfileListResult;
		const main = functions.find((one) => one.function === "runtime.main");
		assert.ok(main !== undefined && main.lines.length > 10, main?.problem ?? "no listing");
		assert.match(main.lines[0]?.text ?? "", /^func main\(/);
		const leaf = functions.find((one) => one.function === "main.leaf");
		assert.match(leaf?.problem ?? "", /could not find file/);
	});

	test("proto writes what pprof reads as the same profile, filters applied", async () => {
		const filters: readonly (readonly string[])[] = [[], ["-focus=main.leaf"], ["-divide_by=2"]];
		for (const words of filters) {
			const { bytes, document } = await gomemProfile(["-proto", ...words, at("heap.pb.gz")]);
			assert.equal(document["bytes"], bytes?.length);
			const ours = join(folder, "ours.pb.gz");
			const theirs = join(folder, "theirs.pb.gz");
			writeFileSync(ours, bytes ?? "");
			await pprofText(["-proto", ...words, `-output=${theirs}`, at("heap.pb.gz")]);
			assert.equal(await pprofText(["-raw", ours]), await pprofText(["-raw", theirs]), words.join());
		}
		const { bytes } = await gomemProfile(["topproto", at("heap.pb.gz")]);
		writeFileSync(join(folder, "top.pb.gz"), bytes ?? "");
		await pprofText(["-topproto", `-output=${join(folder, "top-theirs.pb.gz")}`, at("heap.pb.gz")]);
		assert.equal(
			await pprofText(["-raw", join(folder, "top.pb.gz")]),
			await pprofText(["-raw", join(folder, "top-theirs.pb.gz")]),
		);
	});

	test("folded stacks and speedscope hold the whole weight", async () => {
		const top = (await gomemProfile(["top", at("heap.pb.gz")])).document as unknown as ProfileTopResult;
		const folded = ((await gomemProfile(["folded", at("heap.pb.gz")])).bytes ?? "").toString();
		const weights = folded
			.trim()
			.split("\n")
			.map((line) => Number(line.slice(line.lastIndexOf(" "))));
		assert.equal(
			weights.reduce((sum, one) => sum + one, 0),
			top.total,
		);
		assert.match(folded, /^runtime\.main;main\.main;.*main\.leaf \d+$/m);
		const scope = JSON.parse(((await gomemProfile(["speedscope", at("heap.pb.gz")])).bytes ?? "").toString());
		assert.equal(scope.$schema, "https://www.speedscope.app/file-format-schema.json");
		const active = scope.profiles[scope.activeProfileIndex];
		assert.equal(active.name, "inuse_space");
		assert.equal(
			active.weights.reduce((sum: number, one: number) => sum + one, 0),
			top.total,
		);
	});

	test("pictures and pages", async () => {
		const svg = await gomemProfile(["svg", at("heap.pb.gz")]);
		assert.match(svg.bytes?.toString() ?? "", /<svg[\s\S]*leaf/);
		const png = await gomemProfile(["png", at("heap.pb.gz")]);
		assert.deepEqual([...(png.bytes?.subarray(0, 4) ?? [])], [0x89, 0x50, 0x4e, 0x47]);
		const flame = await gomemProfile(["flame", at("heap.pb.gz"), "-o", "x.svg"]);
		assert.match(flame.bytes?.toString() ?? "", /main\.leaf/);
		const pages: readonly (readonly string[])[] = [["flame"], ["html"], ["weblist", "main.leaf"]];
		for (const words of pages) {
			const { bytes, document } = await gomemProfile([...words, at("heap.pb.gz")]);
			assert.equal(document["mediaType"], "text/html; charset=utf-8");
			assert.match(bytes?.toString() ?? "", /Content-Security-Policy/);
		}
	});

	test("slope over profiles of different times", async () => {
		const { document } = await gomemProfile(["slope", at("heap.before.pb.gz"), at("heap.pb.gz")]);
		assert.equal(document["readings"], 2);
		assert.equal((document["whole"] as { verdict: string }).verdict, "undecided");
		await assert.rejects(gomemProfile(["slope", at("heap.debug1.txt"), at("heap.pb.gz")]), (error) => {
			return error instanceof GomemError && error.code === "profile-without-time";
		});
	});

	test("slope of few readings says that their bounds are not of 95 %", async () => {
		const rising = [1, 2, 3, 4, 5].map((hour) => {
			const b = new ProfileBuilder([{ type: "inuse_space", unit: "bytes" }]);
			b.sample([b.location({ lines: [{ function: b.function({ name: "main.leak" }), line: 1 }] })], [hour * 2 ** 28]);
			const file = join(folder, `rising-${hour}.pb`);
			writeFileSync(file, encodeProfile(b.finish({ timeNanos: BigInt(hour * 3600) * 1_000_000_000n })));
			return file;
		});
		for (const [readings, pattern] of [
			[3, /^3 readings are too few for bounds of 95 %/],
			[5, /^$/],
		] as const) {
			const { document, warnings } = await gomemProfile(["slope", ...rising.slice(0, readings)]);
			assert.equal((document["whole"] as { verdict: string }).verdict, "leak");
			assert.match(warnings.join("\n"), pattern);
		}
	});
});

describe("sources", { skip }, () => {
	const rows = async (words: readonly string[]) => {
		const { document, warnings } = await gomemProfile(["top", ...words]);
		const { rows, total } = document as unknown as ProfileTopResult;
		return { total, warnings, flat: rows.map((row) => [row.function, row.flat]) };
	};

	test("a directory: its profiles added up, other files left out", async () => {
		const directory = join(folder, "several");
		mkdirSync(directory);
		for (const name of ["a", "b"]) copyFileSync(at("heap.pb.gz"), join(directory, `${name}.pb.gz`));
		writeFileSync(join(directory, "notes.txt"), "no profile\n");
		const one = await rows([at("heap.pb.gz")]);
		const both = await rows([directory]);
		assert.equal(both.total, Number(one.total) * 2);
		assert.match(both.warnings.join(), /left out: .*notes\.txt is no profile, but plain text/);
	});

	test("zstd, unpacked, and the texts of debug=1 say the same", async () => {
		const one = await rows([at("heap.pb.gz"), "--no-trim"]);
		const { bytes } = await gomemProfile(["proto", at("heap.pb.gz")]);
		const raw = gunzipSync(bytes ?? "");
		writeFileSync(join(folder, "raw.pb"), raw);
		writeFileSync(join(folder, "zstd.pb"), zstdCompressSync(raw));
		assert.deepEqual((await rows([join(folder, "raw.pb"), "--no-trim"])).flat, one.flat);
		assert.deepEqual((await rows([join(folder, "zstd.pb"), "--no-trim"])).flat, one.flat);
		const text = await rows([at("heap.debug1.txt"), "--no-trim"]);
		const held = (all: typeof one) => all.flat.filter(([, flat]) => Number(flat) > 2 ** 16);
		assert.deepEqual(held(text), held(one));
	});

	test("a program in front names the addresses of a profile without names", async () => {
		const one = await rows([at("heap.pb.gz")]);
		const bare = join(folder, "bare.pb");
		writeFileSync(bare, await withoutNames(at("heap.pb.gz")));
		const program = corpus.replace(/\.corpus$/, "");
		assert.deepEqual((await rows([program, bare])).flat, one.flat);
		assert.deepEqual((await rows([bare, `--exe=${program}`])).flat, one.flat);
		// the profile names its program and the build of it, and that is here
		assert.deepEqual((await rows([bare])).flat, one.flat);
		const unnamed = await rows([bare, "-symbolize=none"]);
		assert.deepEqual(
			unnamed.flat.map(([name]) => name),
			[""],
		);
		await assert.rejects(rows([process.execPath, bare]), /another build|no Go program/);
	});

	test("a text that is cut short is told", async () => {
		const text = readFileSync(at("goroutine.debug1.txt"), "utf8");
		const cut = join(folder, "cut.txt");
		writeFileSync(cut, text.split("\n\n").slice(0, 2).join("\n\n"));
		assert.match(
			(await rows([cut])).warnings.join(),
			/cut\.txt is cut short: its first line tells of \d+, and \d+ are/,
		);
		assert.deepEqual((await rows([at("goroutine.debug1.txt")])).warnings, []);
	});

	test("a base that is not there is told with its flag; a wrong option with what helps", async () => {
		const told = (pattern: RegExp) => (error: unknown) => error instanceof GomemError && pattern.test(error.message);
		await assert.rejects(rows([at("heap.pb.gz"), "--diff-base=nofile"]), told(/^--diff-base: there is no file nofile/));
		await assert.rejects(rows([at("heap.pb.gz"), "--focus=("]), (error) => {
			return error instanceof GomemError && /RE2/.test(error.hint ?? "");
		});
	});

	test("one that cannot be had is a warning while there are others", async () => {
		const { warnings, total } = await rows([at("heap.pb.gz"), join(folder, "none.pb.gz")]);
		assert.equal(total, (await rows([at("heap.pb.gz")])).total);
		assert.match(warnings.join(), /left out: there is no file .*none\.pb\.gz/);
	});

	const failures: readonly (readonly [words: readonly string[], code: string, message: RegExp])[] = [
		[["/nonexistent/x.pb.gz"], "target-not-found", /there is no file/],
		[["no-such-process"], "target-not-found", /there is no file no-such-process, and no process here has that name/],
		[[process.execPath], "profile-unreadable", /is a program, not a profile/],
		[[import.meta.filename], "profile-unreadable", /is no profile, but plain text/],
		[["ftp://x/"], "target-not-found", /./],
		[["--base=a", "--diff-base=b", "x"], "invalid-input", /exclude each other/],
		[["--normalize", import.meta.filename], "invalid-input", /needs a base/],
	];
	for (const [words, code, message] of failures) {
		test(`${words.join(" ")}: ${code}`, async () => {
			await assert.rejects(rows(words), (error) => {
				assert.ok(error instanceof GomemError, String(error));
				assert.equal(error.code, code, error.message);
				assert.match(error.message, message);
				return true;
			});
		});
	}

	test("wrong options are told in pprof's words", async () => {
		for (const [words, why] of [
			[["--focus=(", at("heap.pb.gz")], /missing closing \)/],
			[["--sample-index=none", at("heap.pb.gz")], /must be one of: \[alloc_objects/],
			[["--divide-by=0", at("heap.pb.gz")], /zero divisor/],
		] as const) {
			await assert.rejects(rows(words), (error) => error instanceof GomemError && why.test(error.why ?? ""));
		}
		await assert.rejects(gomemProfile(["peek", "nothing", at("heap.pb.gz")]), /cannot be made/);
		await assert.rejects(rows([at("heap.pb.gz"), at("cpu.pb.gz")]), /cannot be put together/);
	});
});

describe("where reports go", { skip }, () => {
	const gomem = join(import.meta.dirname, "../../bin/gomem");
	const call = (args: readonly string[]) => exec(gomem, ["profile", ...args], { cwd: folder, encoding: "buffer" });

	test("text to standard output, files to -o, bytes into a pipe", async () => {
		const raw = await call(["-raw", at("heap.pb.gz")]);
		assert.match(raw.stdout.toString(), /^PeriodType: space bytes\n/);
		const written = await call(["proto", at("heap.pb.gz"), "-o", "kept.pb.gz"]);
		assert.match(written.stdout.toString(), /kept\.pb\.gz +[\d.]+ KiB/);
		const odd = await call(["svg", at("heap.pb.gz"), "-o", "graph.png"]);
		assert.match(odd.stderr.toString(), /graph\.png ends in \.png, and what is written is \.svg/);
		const piped = await call(["proto", at("heap.pb.gz")]);
		assert.deepEqual(piped.stdout, readFileSync(join(folder, "kept.pb.gz")));
		const json = JSON.parse((await call(["traces", at("heap.pb.gz"), "--json"])).stdout.toString());
		assert.match(json.text, /^File: profiles/);
		const text = (await call(["top3", at("heap.pb.gz")])).stdout.toString();
		assert.match(text, /main\.leaf/);
		const env = { ...process.env, COLUMNS: "60" };
		const narrow = (await exec(gomem, ["profile", "top3", at("heap.pb.gz")], { env })).stdout;
		// rows are cut where somebody says how wide they may be, and nowhere else in a pipe
		const longest = (all: string) => Math.max(...rowsOf(all).map((line) => line.length));
		assert.ok(longest(narrow) <= 60 && longest(narrow) < longest(text), narrow);
	});

	const rowsOf = (text: string) => text.split("\n").filter((line) => / % {2}/.test(line));

	test("queries go to a file, too, as go tool pprof -output has it", async () => {
		const verbs: readonly (readonly string[])[] = [["-top"], ["-tree"], ["-peek=main"], ["-list=main.leaf"], ["-tags"]];
		for (const words of [...verbs, ["-comments"]]) {
			const style = words[0] === "-comments" ? [] : ["--style=pprof"];
			const all = [...words, "-output=ours.txt", at("heap.pb.gz")];
			assert.equal((await call([...all, ...style])).stdout.toString(), "wrote ours.txt\n");
			await pprofText([...words, "-output=theirs.txt", at("heap.pb.gz")], folder);
			const [ours = "", theirs = ""] = ["ours", "theirs"].map((n) => readFileSync(join(folder, `${n}.txt`), "utf8"));
			same(ours, theirs, words.join(" "));
		}
		await call(["top", at("heap.pb.gz"), "--json", "-o", "top.json"]);
		const document = JSON.parse(readFileSync(join(folder, "top.json"), "utf8"));
		assert.equal(document.schema, "gomem.profile-top/1");
		await call(["slope", at("heap.before.pb.gz"), at("heap.pb.gz"), "-o", "slope.txt"]);
		assert.match(readFileSync(join(folder, "slope.txt"), "utf8"), /^inuse_space · 2 readings/);
		await assert.rejects(call([at("heap.pb.gz"), "-o", "prompt.txt"]), /gomem profile has no flag -o/);
	});

	test("standard input is a source, once", async () => {
		const child = exec(gomem, ["profile", "top", "-", "--json"]);
		child.child.stdin?.end(readFileSync(at("heap.pb.gz")));
		assert.equal(JSON.parse((await child).stdout).sampleType, "inuse_space");
		await assert.rejects(call(["-"]), /cannot be both the profile and the commands/);
	});
});

async function withoutNames(path: string): Promise<Uint8Array> {
	const { readProfile } = await import("../../src/formats/pprof/read.ts");
	const { inflate } = await import("../../src/capture/inflate.ts");
	const { profile } = readProfile(readFileSync(path), { inflate });
	const none = { numbers: new Float64Array(0), exact: undefined };
	return encodeProfile({
		...profile,
		lines: { count: 0, function: new Uint32Array(0), line: none, column: none },
		locations: { ...profile.locations, lineStart: new Uint32Array(profile.locations.count + 1) },
	});
}
