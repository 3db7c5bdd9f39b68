import { type Static, Type } from "typebox";
import type { Observation } from "../capture/process.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { runtimeProblem } from "../evidence/runtime-problem.ts";
import type { GoroutineStacks, StackFrame } from "../evidence/stacks.ts";
import {
	countSystem,
	functionAt,
	groupings,
	groupStacks,
	isCut,
	isSystem,
	type StackGroup,
	stackFrames,
	stateText,
	waitedFor,
} from "../goruntime/stack-groups.ts";
import { executableInput } from "./core-input.ts";
import { coreShape } from "./core-shape.ts";
import { GomemError } from "./errors.ts";
import { type Observed, observe, targetOf } from "./observe.ts";
import { beats, defineOperation, type OperationContext, pauseInput } from "./operation.ts";
import { unreadable } from "./shapes.ts";
import { stackAccounts } from "./stacks-accounts.ts";
import { frameMatcher } from "./stacks-match.ts";
import { StacksShape } from "./stacks-shape.ts";
import { processSummary } from "./summaries.ts";

export type StacksResult = Static<typeof StacksShape>;
type Group = StacksResult["groups"][number];
type Input = Static<typeof input>;

const EXAMPLES = 5;

const input = Type.Object({
	by: Type.Enum([...groupings], { description: "what makes goroutines one group", default: "stack" }),
	top: Type.Integer({ description: "show so many groups", default: 20, minimum: 1 }),
	minCount: Type.Integer({ description: "only groups of at least so many goroutines", default: 1, minimum: 1 }),
	match: Type.Optional(
		Type.String({
			description: "only goroutines with a function or file on their stack that matches",
			placeholder: "regexp",
			minLength: 1,
		}),
	),
	goroutine: Type.Optional(
		Type.Integer({ description: "only the goroutine of this id", placeholder: "id", minimum: 0 }),
	),
	system: Type.Boolean({ description: "the runtime's own goroutines, too", default: false }),
	full: Type.Boolean({ description: "all frames, where text shows the first ones only", default: false }),
	pause: pauseInput,
	exe: executableInput,
});

export const operation = defineOperation({
	name: "stacks",
	summary: "Goroutines by what they do: how many, how much stack, since when",
	description:
		"Walks the stack of every goroutine from outside and groups those that stand at the same place for the same reason. " +
		"What runs at that moment has no frames: its registers are in a CPU; a core holds them, so there it has. Ages are known to about one garbage collection: " +
		"the runtime dates a wait to the collection before the one that first saw it. With --every or --watch it says which groups grow.",
	group: "Where memory is",
	kind: "query",
	effect: "read",
	target: "required",
	input,
	result: StacksShape,
	examples: [
		{ command: "gomem stacks 4242", says: "what the goroutines of process 4242 are doing, in groups" },
		{ command: "gomem stacks orders-api --by created", says: "which go statement made how many" },
		{ command: "gomem stacks 4242 --every 10s", says: "which groups grow: a leak of goroutines" },
		{ command: "gomem stacks core.4242 --exe ./orders-api", says: "what they were doing when the process died" },
		{
			command: "gomem stacks 4242 --match 'net/http' --full",
			says: "those that pass through net/http, with all frames",
		},
	],
	async run(_ctx, input) {
		using observed = await observe(targetOf(input.target), { pause: input.pause, stacks: true, exe: input.exe });
		const growth = new Growth();
		let last: StacksResult | undefined;
		// a bundle holds the history itself: its last reading is the present
		for (let next = await observed.next(); next !== undefined; next = await observed.next()) {
			last = stacksResult(next, input, growth);
			if (observed.kind === "process") break;
		}
		if (last === undefined)
			throw new GomemError({ code: "bundle-unreadable", message: "the capture holds no reading" });
		return last;
	},
	async *watch(ctx, input) {
		using observed: Observed = await observe(targetOf(input.target), {
			pause: input.pause,
			stacks: true,
			exe: input.exe,
		});
		const growth = new Growth();
		// the readings of a file need not be waited for
		for await (const _ of observed.kind === "process" ? beats(ctx) : untilDone(ctx)) {
			const next = await observed.next();
			if (next === undefined) return;
			yield stacksResult(next, input, growth);
		}
	},
});

async function* untilDone(ctx: OperationContext): AsyncGenerator<void> {
	while (!ctx.signal.aborted) yield;
}

/** What the groups were at the first reading. A group that was not there yet was 0. */
class Growth {
	#first: Map<string, NonNullable<Group["growth"]>> | undefined;

	/** Change since the first reading; undefined at the first one. */
	of(groups: readonly StackGroup[]): Map<string, NonNullable<Group["growth"]>> | undefined {
		const first = this.#first;
		if (first === undefined) {
			this.#first = new Map(groups.map((g) => [g.id, { count: g.rows.length, residentBytes: g.residentBytes }]));
			return undefined;
		}
		return new Map(
			groups.map((g) => {
				const then = first.get(g.id) ?? { count: 0, residentBytes: 0 };
				return [g.id, { count: g.rows.length - then.count, residentBytes: g.residentBytes - then.residentBytes }];
			}),
		);
	}
}

/** The result document of one observation. */
export function stacksResult(observation: Observation, input: Input, before: Growth): StacksResult {
	const { reading } = observation;
	const s = stacksOf(observation);
	const matches = input.match === undefined ? undefined : frameMatcher(s, input.match);
	const { by, system, goroutine } = input;
	const groups = groupStacks(s, { by, system, goroutine, matches });
	if (goroutine !== undefined && groups.length === 0) throw notThere(s, goroutine);
	const growth = before.of(groups);
	if (growth !== undefined) groups.sort((a, b) => (growth.get(b.id)?.count ?? 0) - (growth.get(a.id)?.count ?? 0));
	const shown = groups.filter((group) => group.rows.length >= input.minCount).slice(0, input.top);
	const hidden = new Set(groups).difference(new Set(shown));
	const systemCount = countSystem(s);
	return {
		target: processSummary(reading),
		at: new Date(reading.at).toISOString(),
		...(reading.core === undefined ? {} : { core: coreShape(reading.core) }),
		by,
		full: input.full,
		filtered: goroutine !== undefined || matches !== undefined,
		goroutines: s.count - systemCount,
		systemGoroutines: systemCount,
		groups: shown.map((group) => groupShape(s, group, by, growth?.get(group.id))),
		leftOut: {
			groups: hidden.size,
			goroutines: sum(hidden, (group) => group.rows.length),
			residentBytes: sum(hidden, (group) => group.residentBytes),
		},
		totals: totals(s),
		...accountsShape(observation, s),
		unavailable: unreadable(reading.unavailable),
		cost: { ...reading.cost, wallMs: Math.round(reading.cost.wallMs), pausedMs: Math.round(reading.cost.pausedMs) },
	};
}

function stacksOf(observation: Observation): GoroutineStacks {
	const stacks = observation.stacks ?? {
		unavailable: "this capture holds no goroutines",
		wouldHelp: "a capture of a gomem that records them",
	};
	if (!isUnavailable(stacks)) return stacks;
	// where the runtime was read, it is the stacks that could not be
	const { reading, runtime } = observation;
	const why = runtime === undefined ? runtimeProblem(reading.unavailable, stacks) : stacks;
	const hint = why.wouldHelp ?? stacks.wouldHelp;
	throw new GomemError({
		code: "stacks-unavailable",
		message: "the stacks of the goroutines cannot be read",
		why: why.unavailable,
		...(hint === undefined ? {} : { hint }),
	});
}

function notThere(s: GoroutineStacks, goroutine: number): GomemError {
	return new GomemError({
		code: "goroutine-not-found",
		message: `there is no goroutine ${goroutine}, or it does not match`,
		why: `${s.count} goroutines live`,
		hint: "without --goroutine the groups name some of their goroutines",
	});
}

function groupShape(s: GoroutineStacks, group: StackGroup, by: Input["by"], growth: Group["growth"]): Group {
	const { row, rows } = group;
	const stack = s.stack[row] ?? -1;
	const frames = stackFrames(s, stack);
	const createdAt = s.goid[row] === 1 ? undefined : s.symbols[s.createdAt[row] ?? -1]?.[0];
	const reasons =
		by === "stack" || by === "reason" ? [stateText(s, row)] : [...new Set(rows.map((one) => stateText(s, one)))];
	return {
		id: group.id,
		count: rows.length,
		waitReason: reasons.length === 1 ? (reasons[0] ?? "") : "mixed",
		state: s.states[s.status[row] ?? 0] ?? "unknown",
		createdBy: s.goid[row] === 1 ? "" : functionAt(s, s.createdAt[row] ?? -1),
		...(createdAt === undefined ? {} : { createdAt: frameShape(createdAt) }),
		startFunction: startFunction(s, row, frames),
		system: isSystem(s, row),
		stackBytes: group.stackBytes,
		residentBytes: group.residentBytes,
		averageBytes: Math.round(group.stackBytes / rows.length),
		...(group.waitSince === undefined
			? {}
			: { oldestWaitSeconds: Math.round((s.nanotime - group.waitSince) / 1e8) / 10 }),
		goroutines: examples(s, rows),
		stacks: group.stacks,
		truncated: isCut(s, row),
		frames: frames.map(frameShape),
		...(growth === undefined ? {} : { growth }),
	};
}

/** `go f(x)` begins in a wrapper that the compiler made; f itself is then the outermost frame. */
function startFunction(s: GoroutineStacks, row: number, frames: readonly StackFrame[]): string {
	const start = s.symbols[s.start[row] ?? -1]?.at(-1);
	if (start === undefined) return "";
	return start.wrapper && !isCut(s, row) ? (frames.at(-1)?.function ?? start.function) : start.function;
}

function frameShape(frame: StackFrame): Group["frames"][number] {
	return { function: frame.function, file: frame.file, line: frame.line, ...(frame.inlined ? { inlined: true } : {}) };
}

function examples(s: GoroutineStacks, rows: readonly number[]): number[] {
	const oldest = rows.length > MANY ? rows.slice(0, MANY) : [...rows];
	oldest.sort((a, b) => (waitedFor(s, b) ?? 0) - (waitedFor(s, a) ?? 0) || (s.goid[a] ?? 0) - (s.goid[b] ?? 0));
	return oldest.slice(0, EXAMPLES).map((row) => s.goid[row] ?? 0);
}

/** Examples are looked for among the first so many of a group. */
const MANY = 10_000;

function totals(s: GoroutineStacks): StacksResult["totals"] {
	const add = (column: Float64Array) => column.reduce((all, one) => all + one, 0);
	let stackBytes = 0;
	for (let row = 0; row < s.count; row++) stackBytes += (s.stackHigh[row] ?? 0) - (s.stackLow[row] ?? 0);
	const usedBytes = add(s.residentUsed);
	const slackBytes = add(s.residentSlack);
	return {
		stackBytes,
		residentBytes: usedBytes + slackBytes,
		usedBytes,
		slackBytes,
		averageBytes: s.count === 0 ? 0 : Math.round(stackBytes / s.count),
		unwalked: s.stack.reduce((all, one) => all + (one < 0 ? 1 : 0), 0),
		torn: s.torn,
	};
}

function accountsShape({ reading, runtime }: Observation, s: GoroutineStacks): Pick<StacksResult, "accounts"> {
	return runtime === undefined ? {} : { accounts: stackAccounts(reading, runtime, s) };
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
	let all = 0;
	for (const item of items) all += of(item);
	return all;
}
