/** Every code has a sentence, advice and a next step of its own, standing and growing, with and without readings before. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type VerdictCode, verdictCodes } from "./groups.ts";
import { measureGrowth } from "./growth.ts";
import { runtime as known, facts as knownFacts, ledgerOf, MiB } from "./testdata/facts.ts";
import { judge } from "./verdict.ts";
import type { RuntimeFacts, VerdictFacts } from "./verdict-facts.ts";

type Lines = Readonly<Record<string, number>>;

function facts(lines: Lines, more: Partial<VerdictFacts> = {}): VerdictFacts {
	return knownFacts(lines, {
		limit: { bytes: 2 ** 40, source: "machine" },
		runtime,
		threads: 1234,
		cgo: true,
		filePages: { copied: 10 * MiB, unwritten: 0 },
		...more,
	});
}

const runtime: RuntimeFacts = { ...known, goroutines: 40_000 };

interface Said {
	readonly lines: Lines;
	readonly sentence: RegExp;
	readonly advice: RegExp;
	/** the first command */
	readonly next: RegExp;
	readonly growing: RegExp;
}

const said: Readonly<Record<VerdictCode, Said>> = {
	"live-heap": {
		lines: { "heap.live": 300 },
		sentence: /^Live Go objects.*\(100 % of 300\.0 MiB resident\)$/,
		advice: /^hold less/,
		next: /^gomem profile top 4242$/,
		growing: /^Growth is in live heap: .*survive GC accumulate/,
	},
	garbage: {
		lines: { "heap.new": 300 },
		sentence: /^Objects allocated since the last GC, 3 s ago: live or garbage/,
		advice: /^see first what a GC leaves.*if it goes: GOGC=100/,
		next: /^gomem profile top 4242$/,
		growing: /^Growth is in garbage and new objects: .*only known after the next GC/,
	},
	fragmentation: {
		lines: { "heap.free-slots": 300 },
		sentence: /^Fragmentation: free slots/,
		advice: /a lower GOGC collects sooner and does not free them/,
		next: /^gomem spans 4242$/,
		growing: /^Growth is in free slots.*pin ever more spans/,
	},
	idle: {
		lines: { "heap.idle": 300 },
		sentence: /^Idle heap/,
		advice: /^no leak/,
		next: /^gomem memstats 4242 /,
		growing: /^Growth is in idle heap.*recent peak/,
	},
	stacks: {
		lines: { "stacks.used": 300 },
		sentence: /^Goroutine stacks: 40,000 goroutines/,
		advice: /bound their number/,
		next: /^gomem stacks 4242$/,
		growing: /^Growth is in goroutine stacks.*goroutines that never end/,
	},
	runtime: {
		lines: { "runtime.metadata.spans": 300 },
		sentence: /^The Go runtime's own structures/,
		advice: /^metadata follows the largest heap/,
		next: /^gomem maps 4242 --owner runtime$/,
		growing: /^Growth is in runtime metadata/,
	},
	binary: {
		lines: { "binary.data": 300 },
		sentence: /^The program file itself/,
		advice: /^only global variables are private/,
		next: /^gomem maps 4242 --owner binary$/,
		growing: /^Growth is in the binary/,
	},
	"c-memory": {
		lines: { "c.heap": 300 },
		sentence: /^C memory/,
		advice: /without C\.free/,
		next: /^gomem maps 4242 --owner c$/,
		growing: /^Growth is in C memory/,
	},
	threads: {
		lines: { "threads.stacks": 300 },
		sentence: /^Stacks of 1,234 operating system threads/,
		advice: /^limit concurrent calls into C/,
		next: /^gomem stacks 4242$/,
		growing: /^Growth is in thread stacks/,
	},
	"anon-map": {
		lines: { "anon.mmap": 300 },
		sentence: /^Anonymous mappings that the Go runtime did not make/,
		advice: /syscall\.Mmap/,
		next: /^gomem maps 4242 --owner anon$/,
		growing: /^Growth is in anonymous mappings.*does not unmap it/,
	},
	"file-map": {
		lines: { "files./a.db": 200, "files./b.db": 100 },
		sentence: /^Mapped files \(100 % of 300\.0 MiB resident\): \/a\.db has 200\.0 MiB, the largest of 2$/,
		advice: /^10\.0 MiB of it is private dirty.*count like anonymous memory/,
		next: /^gomem maps 4242 --owner files$/,
		growing: /^Growth is in mapped files/,
	},
	shared: {
		lines: { "shared./memfd:x": 300 },
		sentence: /^Shared memory \(100 % of 300\.0 MiB resident\): \/memfd:x has it all$/,
		advice: /until every user unmaps them/,
		next: /^gomem maps 4242 --owner shared$/,
		growing: /^Growth is in shared memory/,
	},
	mixed: {
		lines: { "heap.live": 100, "c.heap": 100, "anon.mmap": 100 },
		sentence: /^No single part dominates/,
		advice: /what grows decides/,
		next: /^gomem why 4242 --every/,
		growing: /^Growth of 300\.0 MiB in 60 s, and no single part carries it/,
	},
};

for (const code of verdictCodes) {
	describe(code, () => {
		const { lines, sentence, advice, next, growing } = said[code];
		const watches = ({ command }: { readonly command: string }) => /^gomem why .*--every/.test(command);

		test("standing", () => {
			const verdict = judge(facts(lines));
			assert.equal(verdict.code, code);
			assert.match(verdict.sentence, sentence);
			assert.match(verdict.advice.join("; "), advice);
			assert.match(verdict.next[0]?.command ?? "", next);
			assert.ok(verdict.reasons.length > 0);
		});

		test("growing, and then nothing says to watch it", () => {
			const nothing = Object.fromEntries(Object.keys(lines).map((id) => [id, 0]));
			const growth = measureGrowth([
				{ at: 0, ledger: ledgerOf(nothing) },
				{ at: 60_000, ledger: ledgerOf(lines) },
			]);
			const verdict = judge(facts(lines, { growth, watched: true }));
			assert.equal(verdict.code, code);
			assert.match(verdict.sentence, growing);
			assert.ok(verdict.advice.length > 0 && verdict.advice.every((text) => !/^nothing|watch it/.test(text)));
			assert.ok(verdict.next.length > 0 && !verdict.next.some(watches));
		});

		test("standing still, over some readings", () => {
			const growth = measureGrowth([0, 15_000].map((at) => ({ at, ledger: ledgerOf(lines) })));
			const verdict = judge(facts(lines, { growth, watched: true }));
			assert.match(verdict.sentence, /\. RSS did not grow over 15 s$/);
			assert.ok(verdict.next.length > 0 && !verdict.next.some(watches));
		});
	});
}

describe("what stands apart within a code", () => {
	test("huge pages are idle memory that is not waiting to be returned", () => {
		const verdict = judge(facts({ "heap.huge": 300 }));
		assert.equal(verdict.code, "idle");
		assert.match(verdict.sentence, /^Huge pages/);
		assert.match(verdict.advice.join(), /transparent_hugepage/);
	});

	test("anonymous memory of a Go program, of another, and of one that nobody could read", () => {
		const of = (program: VerdictFacts["program"]) => judge(facts({ "anon.all": 300 }, { runtime: undefined, program }));
		assert.match(of("go").sentence, /the Go heap among it/);
		for (const program of ["other", "unknown"] as const) {
			const { sentence, advice, reasons, also } = of(program);
			assert.doesNotMatch([sentence, ...advice, ...reasons, ...also].join(" "), /Go heap|Go runtime/);
		}
		assert.match(of("other").sentence, /not known to be written in Go/);
		assert.match(of("unknown").next[0]?.command ?? "", /^gomem doctor/);
	});

	test("stacks that are deep", () => {
		const verdict = judge(facts({ "stacks.used": 527 }, { runtime: { ...runtime, goroutines: 600 } }));
		assert.match(verdict.sentence, /^Deep goroutine stacks: 600 goroutines with 899\.4 KiB each/);
		assert.match(verdict.advice.join(), /recursion.*shrinks only at a GC/);
	});

	test("files that have no private copies, and three sums without names", () => {
		const clean = judge(facts(said["file-map"].lines, { filePages: { copied: 0, unwritten: 5 * MiB } }));
		assert.match(clean.advice.join(), /^none of it is private dirty\..*5\.0 MiB is dirty and must be written back/);
		const sums = judge(facts({ "files.all": 300 }, { runtime: undefined, filePages: undefined }));
		assert.match(sums.sentence, /^Mapped files \(100 % of 300\.0 MiB resident\)$/);
	});
});
