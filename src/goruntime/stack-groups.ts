import { type GoroutineStacks, STACK_CUT, type StackFrame } from "../evidence/stacks.ts";

/** What makes goroutines one group; "stack": the same places, the same reason to wait, made at the same place. */
export const groupings = ["stack", "created", "reason", "state"] as const;
export type Grouping = (typeof groupings)[number];

export interface GroupChoice {
	readonly by: Grouping;
	/** the runtime's own goroutines, too */
	readonly system: boolean;
	/** only this one */
	readonly goroutine?: number | undefined;
	/** only goroutines that pass through, or were made in, a frame of this kind */
	readonly matches?: ((frame: StackFrame) => boolean) | undefined;
}

export interface StackGroup {
	/** 16 hex digits, of names and lines: the same group in another reading, or another run of the program, has the same */
	readonly id: string;
	/** rows of the goroutines */
	readonly rows: readonly number[];
	/** the row that stands for them: one with the stack that most of them have */
	readonly row: number;
	/** distinct stacks among them */
	readonly stacks: number;
	readonly stackBytes: number;
	readonly residentBytes: number;
	/** nanotime of about when the longest known wait began; undefined where none is known */
	readonly waitSince: number | undefined;
}

/** Groups the goroutines, those with the most resident bytes first, then those with the most goroutines. */
export function groupStacks(s: GoroutineStacks, choice: GroupChoice): StackGroup[] {
	const names = new StackNames(s);
	const key = keyOf(s, choice.by);
	const groups = new Map<number, number[]>();
	for (const row of chosenRows(s, choice, names)) {
		const k = key(row);
		const rows = groups.get(k);
		if (rows === undefined) groups.set(k, [row]);
		else rows.push(row);
	}
	const list = [...groups.values()].map((rows) => summarize(s, rows, choice.by, names));
	return list.sort(
		(a, b) => b.residentBytes - a.residentBytes || b.rows.length - a.rows.length || (a.id < b.id ? -1 : 1),
	);
}

/** What a traceback prints in brackets: the reason for waiting, else the state (traceback.go: goroutineheader). */
export function stateText(s: GoroutineStacks, row: number): string {
	const state = s.states[s.status[row] ?? 0] ?? "";
	const reason = isWaiting(state) ? (s.waitReasons[s.waitReason[row] ?? 0] ?? "") : "";
	return reason === "" ? (state === "" ? "unknown" : state) : reason;
}

export function isWaiting(state: string): boolean {
	return state === "waiting" || state === "leaked";
}

/** Nanoseconds that it has waited, about (see GoroutineStacks.waitSince); undefined where that is unknown. */
export function waitedFor(s: GoroutineStacks, row: number): number | undefined {
	const since = s.waitSince[row] ?? 0;
	const state = s.states[s.status[row] ?? 0] ?? "";
	// waitsince is kept while a goroutine is runnable again; the runtime itself believes it in these states (goroutineheader)
	return since > 0 && since <= s.nanotime && (isWaiting(state) || state === "syscall") ? s.nanotime - since : undefined;
}

/**
 * Whether it is one of the runtime's own, as runtime.isSystemGoroutine (traceback.go) says by the function that it began
 * with. That counts the goroutines of finalizers and cleanups in while they call the program's code, by a flag; here they
 * count in when such code is on their stack.
 */
export function isSystem(s: GoroutineStacks, row: number): boolean {
	const name = functionAt(s, s.start[row] ?? -1);
	if (!name.startsWith("runtime.") || USER_STARTS.has(name)) return false;
	return !CALLS_BACK.has(name) || stackFrames(s, s.stack[row] ?? -1).every((f) => f.function.startsWith("runtime."));
}

const USER_STARTS = new Set(["runtime.main", "runtime.corostart", "runtime.handleAsyncEvent"]);
const CALLS_BACK = new Set(["runtime.runFinalizers", "runtime.runfinq", "runtime.runCleanups"]);

/** Name of the function itself at a site, not of one inlined into it; "" where unknown. */
export function functionAt(s: GoroutineStacks, site: number): string {
	return s.symbols[site]?.at(-1)?.function ?? "";
}

/**
 * The frames of a stack, innermost first, as Go's own profiles list them: without runtime.goexit, where every stack begins,
 * and without compiler-made wrappers, unless the callee is what makes them tell (traceback.go: elideWrapperCalling).
 */
export function stackFrames(s: GoroutineStacks, stack: number): StackFrame[] {
	const frames: StackFrame[] = [];
	if (stack < 0) return frames;
	let callee = "";
	for (let i = s.stacks.offsets[stack] ?? 0; i < (s.stacks.offsets[stack + 1] ?? 0); i++) {
		for (const frame of s.symbols[s.stacks.sites[i] ?? -1] ?? []) {
			if (frame.function !== "runtime.goexit" && (!frame.wrapper || TELLING_CALLEES.has(callee))) frames.push(frame);
			callee = frame.function;
		}
	}
	return frames;
}

/** Callees that make a wrapper tell (traceback.go: elideWrapperCalling). */
export const TELLING_CALLEES: ReadonlySet<string> = new Set([
	"runtime.gopanic",
	"runtime.sigpanic",
	"runtime.panicwrap",
]);

/** How many of the goroutines are the runtime's own. */
export function countSystem(s: GoroutineStacks): number {
	const names = new StackNames(s);
	let count = 0;
	for (let row = 0; row < s.count; row++) if (names.isSystem(row)) count++;
	return count;
}

function chosenRows(s: GoroutineStacks, choice: GroupChoice, names: StackNames): number[] {
	const { goroutine, system } = choice;
	const stackMatches = choice.matches === undefined ? undefined : matcher(s, choice.matches);
	const rows: number[] = [];
	for (let row = 0; row < s.count; row++) {
		if (goroutine !== undefined && s.goid[row] !== goroutine) continue;
		if (goroutine === undefined && !system && names.isSystem(row)) continue;
		if (stackMatches?.(row) === false) continue;
		rows.push(row);
	}
	return rows;
}

/** Asks once per site and once per stack, however many goroutines there are. */
function matcher(s: GoroutineStacks, matches: (frame: StackFrame) => boolean): (row: number) => boolean {
	const site = s.symbols.map((frames) => frames.some(matches));
	const stack = Array.from({ length: s.stacks.count }, (_, i) =>
		s.stacks.sites.subarray(s.stacks.offsets[i], s.stacks.offsets[i + 1]).some((one) => site[one] === true),
	);
	return (row) =>
		(stack[s.stack[row] ?? -1] ?? site[s.start[row] ?? -1] ?? false) || (site[s.createdAt[row] ?? -1] ?? false);
}

/** g.waitreason is a byte, and so is the state: there are fewer texts than this. */
const MAX_REASONS = 1024;

/** A number per group. Pairs are numbered one after another, so that no number leaves the exact range. */
function keyOf(s: GoroutineStacks, by: Grouping): (row: number) => number {
	const reasons = new Map<string, number>();
	const reasonOf = (row: number) => numbered(reasons, stateText(s, row));
	if (by === "created") return (row) => s.createdAt[row] ?? -1;
	if (by === "state") return (row) => s.status[row] ?? 0;
	if (by === "reason") return reasonOf;
	const places = s.sites.length + 1;
	const stacks = new Map<number, number>();
	const made = new Map<number, number>();
	return (row) => {
		const stack = s.stack[row] ?? -1;
		// without a stack, the function that it began with tells them apart
		const where = stack >= 0 ? stack : -2 - (s.start[row] ?? -1);
		const why = numbered(stacks, where * MAX_REASONS + reasonOf(row));
		return numbered(made, why * places + (s.createdAt[row] ?? -1) + 1);
	};
}

function numbered<K>(map: Map<K, number>, key: K): number {
	const known = map.get(key);
	if (known !== undefined) return known;
	map.set(key, map.size);
	return map.size - 1;
}

function summarize(s: GoroutineStacks, rows: readonly number[], by: Grouping, names: StackNames): StackGroup {
	const perStack = new Map<number, { count: number; row: number }>();
	let stackBytes = 0;
	let residentBytes = 0;
	let longest: number | undefined;
	for (const row of rows) {
		stackBytes += (s.stackHigh[row] ?? 0) - (s.stackLow[row] ?? 0);
		residentBytes += (s.residentUsed[row] ?? 0) + (s.residentSlack[row] ?? 0);
		const waited = waitedFor(s, row);
		if (waited !== undefined && waited > (longest ?? -1)) longest = waited;
		const stack = s.stack[row] ?? -1;
		const seen = perStack.get(stack);
		if (seen === undefined) perStack.set(stack, { count: 1, row });
		else seen.count++;
	}
	const [common] = [...perStack.values()].sort((a, b) => b.count - a.count);
	const row = common?.row ?? rows[0] ?? 0;
	return {
		id: names.idOf(row, by),
		rows,
		row,
		stacks: perStack.size,
		stackBytes,
		residentBytes,
		waitSince: longest === undefined ? undefined : s.nanotime - longest,
	};
}

/** Whether the walk of a stack stopped before its outer end. */
export function isCut(s: GoroutineStacks, row: number): boolean {
	const end = s.stacks.end[s.stack[row] ?? -1];
	return end !== undefined && end >= STACK_CUT;
}

/** What is known of a stack by its names, worked out once per stack or site. */
class StackNames {
	readonly #s: GoroutineStacks;
	readonly #system = new Map<number, boolean>();

	constructor(s: GoroutineStacks) {
		this.#s = s;
	}

	isSystem(row: number): boolean {
		const s = this.#s;
		const key = ((s.stack[row] ?? -1) + 1) * (s.sites.length + 1) + (s.start[row] ?? -1) + 1;
		const known = this.#system.get(key);
		if (known !== undefined) return known;
		const system = isSystem(s, row);
		this.#system.set(key, system);
		return system;
	}

	idOf(row: number, by: Grouping): string {
		const s = this.#s;
		const created = placeText(s.symbols[s.createdAt[row] ?? -1]);
		if (by === "created") return hash(`created\n${created}`);
		if (by === "state") return hash(`state\n${s.states[s.status[row] ?? 0] ?? ""}`);
		if (by === "reason") return hash(`reason\n${stateText(s, row)}`);
		const stack = s.stack[row] ?? -1;
		const frames = stack < 0 ? functionAt(s, s.start[row] ?? -1) : placeText(stackFrames(s, stack));
		return hash(`stack\n${stateText(s, row)}\n${created}\n${frames}`);
	}
}

function placeText(frames: readonly StackFrame[] | undefined): string {
	return (frames ?? []).map((f) => `${f.function} ${f.file}:${f.line}`).join("\n");
}

/** Two 32-bit FNV-1a hashes side by side (offset basis and prime of its 32-bit form; the second starts elsewhere). */
function hash(text: string): string {
	let a = 0x811c9dc5;
	let b = 0x2f0b4c47;
	for (let i = 0; i < text.length; i++) {
		const c = text.charCodeAt(i);
		a = Math.imul(a ^ c, 0x01000193);
		b = Math.imul(b ^ c ^ (b >>> 13), 0x01000193);
	}
	return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
