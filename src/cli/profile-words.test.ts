import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GomemError } from "../api/errors.ts";
import { pprofWords } from "./profile-words.ts";

const verbs = ["top", "tree", "peek", "list", "raw", "proto", "svg", "weblist", "html"];

function words(line: string, verb?: string) {
	return pprofWords(verb, line.split(" "), verbs);
}

describe("pprof's words after gomem profile", () => {
	const cases: readonly (readonly [given: string, verb: string | undefined, words: string])[] = [
		["-top x", "top", "x"],
		["-text x", "top", "x"],
		["top10 x", "top", "--nodecount=10 x"],
		["text5 x", "top", "--nodecount=5 x"],
		["x", undefined, "x"],
		["-sample_index=alloc_space x", undefined, "--sample-index=alloc_space x"],
		["--sample_index alloc_space -top x", "top", "--sample-index=alloc_space x"],
		["--sample-index=alloc_space -top x", "top", "--sample-index=alloc_space x"],
		["-alloc_space -cum -lines -top x", "top", "--sample-index=alloc_space --sort=cum --granularity=lines x"],
		["-mean_delay -top x", "top", "--sample-index=delay --mean x"],
		["-inuse_space=false -top x", "top", "x"],
		["-list=main.* bin x", "list", "main.* bin x"],
		["-peek main x", "peek", "main x"],
		["-focus top x", undefined, "--focus=top x"],
		["-top=false x", undefined, "x"],
		["-trim=false -top x", "top", "--no-trim x"],
		["--no-trim -top x", "top", "--no-trim x"],
		["-seconds 5 -timeout 10 -top x", "top", "--seconds=5 --timeout=10s x"],
		["--timeout=500ms -top x", "top", "--timeout=500ms x"],
		["-base a -diff_base=b -top x", "top", "--base=a --diff-base=b x"],
		["-http=:8080 -no_browser x", undefined, "--http=:8080 --no-browser x"],
		["-http :8080 x", undefined, "--http=:8080 x"],
		["-output f.svg -svg x", "svg", "--output f.svg x"],
		["-o f.svg svg x", "svg", "-o f.svg x"],
		["-output=f.txt -top x", "top", "--output f.txt x"],
		["-top x -o=f.txt", "top", "--output f.txt x"],
		["-tools /bin -top x", "top", "x"],
		["--json -top x", "top", "--json x"],
		["-h", undefined, "-h"],
		["-top -- -x", "top", "-- -x"],
		["--endpoint top 42", "top", "--endpoint 42"],
		["-divide_by=2 -call_tree -top x", "top", "--divide-by=2 --call-tree x"],
		["-foo -top x", "top", "--foo x"],
		// a file after the verb may be called like another verb
		["list main top", "list", "main top"],
	];
	for (const [given, verb, expected] of cases) {
		test(given, () => assert.deepEqual(words(given), { verb, words: expected.split(" ") }));
	}

	test("after a verb that is known", () => {
		assert.deepEqual(words("-cum x", "top"), { verb: "top", words: ["--sort=cum", "x"] });
		assert.deepEqual(words("top x", "top"), { verb: "top", words: ["top", "x"] });
	});

	const refused: readonly (readonly [given: string, why: RegExp])[] = [
		["-top -tree x", /one report at a time/],
		["-disasm=main x", /no disasm/],
		["gif x", /no gif/],
		["-focus", /-focus needs a value/],
		["-top x -output", /-output needs a value/],
		["-top x -o", /-o needs a value/],
		["-cum=maybe -top x", /illegal value/],
	];
	for (const [given, why] of refused) {
		test(`${given} is refused`, () => {
			assert.throws(
				() => words(given),
				(error) => error instanceof GomemError && why.test(error.message),
			);
		});
	}
});
