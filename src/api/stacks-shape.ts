import { Type } from "typebox";
import { groupings } from "../goruntime/stack-groups.ts";
import { CoreShape } from "./core-shape.ts";
import { ByteCount, Count, Milliseconds, Moment } from "./operation.ts";
import { ProcessSummary, Unreadable } from "./shapes.ts";

const Frame = Type.Object({
	function: Type.String({ description: "as Go prints it" }),
	file: Type.String({ description: "? where the program does not say" }),
	line: Type.Integer({ description: "0 where the program does not say" }),
	inlined: Type.Optional(Type.Boolean({ description: "its code stands in that of the next frame" })),
});

const Group = Type.Object({
	id: Type.String({
		description: "the same group in another reading, or another run of the same program, has the same id",
	}),
	count: Count({ description: "goroutines" }),
	waitReason: Type.String({
		description:
			"why they wait, in the runtime's words, or their state where they do not; mixed with --by created and --by state",
	}),
	state: Type.String({ description: "waiting, running, runnable, syscall, …" }),
	createdBy: Type.String({
		description: "function of the go statement that made them; empty for the main goroutine and where unknown",
	}),
	createdAt: Type.Optional(Frame),
	startFunction: Type.String({ description: "what they began with; empty where unknown" }),
	system: Type.Boolean({ description: "the runtime's own" }),
	stackBytes: ByteCount({ description: "size of their stacks" }),
	residentBytes: ByteCount({ description: "of that, resident" }),
	averageBytes: ByteCount({ description: "size of one stack, on average" }),
	oldestWaitSeconds: Type.Optional(
		Type.Number({
			description:
				"the longest wait, about: the runtime dates it to the garbage collection before the one that first saw it. Absent where unknown",
		}),
	),
	goroutines: Type.Array(Type.Integer(), { description: "ids of up to five of them, those that waited longest first" }),
	stacks: Count({ description: "distinct stacks; frames is the one that most of them have" }),
	truncated: Type.Boolean({ description: "outer frames are missing: deeper than gomem walks, or not readable" }),
	frames: Type.Array(Frame, {
		description: "innermost first, without runtime.goexit and compiler-made wrappers; empty for what runs",
	}),
	growth: Type.Optional(
		Type.Object({
			count: Type.Integer({ description: "goroutines more than at the first reading", unit: "count" }),
			residentBytes: ByteCount({}),
		}),
	),
});

const Line = Type.Object({ id: Type.String(), bytes: ByteCount({}) });

export const StacksShape = Type.Object({
	target: ProcessSummary,
	at: Moment({ description: "when the reading began" }),
	by: Type.Enum([...groupings]),
	full: Type.Boolean({ description: "text shows all frames" }),
	filtered: Type.Boolean({ description: "only some goroutines were asked for" }),
	core: Type.Optional(CoreShape),
	goroutines: Count({ description: "goroutines of the program, as runtime.NumGoroutine counts" }),
	systemGoroutines: Count({ description: "the runtime's own" }),
	groups: Type.Array(Group, {
		description: "those with the most resident bytes first; from the second reading on, those that grow most",
	}),
	leftOut: Type.Object(
		{ groups: Count({}), goroutines: Count({}), residentBytes: ByteCount({}) },
		{ description: "what --top and --min-count left out" },
	),
	totals: Type.Object(
		{
			stackBytes: ByteCount({ description: "size of the stacks of all goroutines, the runtime's own included" }),
			residentBytes: ByteCount({ description: "of that, resident" }),
			usedBytes: ByteCount({ description: "resident from the stack pointer up; whole stacks of goroutines that run" }),
			slackBytes: ByteCount({ description: "resident below the stack pointer" }),
			averageBytes: ByteCount({ description: "size of one stack, on average" }),
			unwalked: Count({ description: "goroutines without frames: they run, or moved while they were read" }),
			torn: Count({ description: "goroutines that could not be read" }),
		},
		{ description: "of all goroutines, whatever was asked for" },
	),
	accounts: Type.Optional(
		Type.Object(
			{
				stackInuseBytes: ByteCount({
					description: "MemStats.StackInuse: the goroutines' stacks and the two lines that follow",
				}),
				threadStackBytes: ByteCount({ description: "in it: the scheduler's and signal handlers' stacks of threads" }),
				unusedBytes: ByteCount({
					description: "in it: kept for goroutines to come, by caches and by goroutines that ended",
				}),
				ledger: Type.Array(Line, {
					description: "the stacks lines of gomem why: resident bytes, threads' stacks included",
				}),
			},
			{ description: "the same stacks as other books have them" },
		),
	),
	unavailable: Type.Array(Unreadable),
	cost: Type.Object({ wallMs: Milliseconds({}), pausedMs: Milliseconds({}), bytesRead: ByteCount({}) }),
});
