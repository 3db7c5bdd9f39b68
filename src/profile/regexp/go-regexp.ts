import { contains, wordRunes } from "./classes.ts";
import { compileProgram, type Program } from "./program.ts";
import { type Assertion, type Expression, PatternError, parsePattern } from "./syntax.ts";

/** A regular expression of Go. */
export interface GoRegexp {
	readonly pattern: string;
	/** Whether it matches anywhere in the text: regexp.MatchString. Time is linear in the text, whatever the pattern. */
	matches(text: string): boolean;
}

/**
 * Compiles a pattern in Go's (RE2) syntax, or says what is wrong with it as regexp.Compile does. Patterns come from users
 * and from profiles (drop_frames), so JavaScript's own engine, whose time may grow exponentially and whose `.`, `\s` and
 * `$` mean other things, is not used: the machine below makes its states when it needs them.
 */
export function compileRegexp(pattern: string): GoRegexp | { readonly error: string } {
	try {
		const expression = parsePattern(pattern);
		const literal = literalOf(expression);
		if (literal !== undefined) return { pattern, matches: (text) => text.includes(literal) };
		const machine = new Machine(compileProgram(expression));
		return { pattern, matches: (text) => machine.matches(text) };
	} catch (error) {
		if (error instanceof PatternError) return { error: `error parsing regexp: ${error.message}` };
		throw error;
	}
}

/** The text that an expression without any choice stands for. */
function literalOf(expression: Expression): string | undefined {
	const parts = expression.kind === "sequence" ? expression.parts : [expression];
	let literal = "";
	for (const part of parts) {
		if (part.kind !== "runes" || part.ranges.length !== 2 || part.ranges[0] !== part.ranges[1]) return undefined;
		literal += String.fromCodePoint(part.ranges[0] ?? 0);
	}
	return literal;
}

/** what stands on one side of a place in the text, as far as assertions look */
type Side = 0 | 1 | 2 | 3;
const EDGE = 0;
const NEWLINE = 1;
const WORD = 2;
const OTHER = 3;

const UNKNOWN = -1;
const MATCHED = -2;
/** states are forgotten and made anew above this */
const MAX_STATES = 1000;

interface State {
	/** instructions to be entered at this place, before what stands around it is looked at */
	readonly entries: readonly number[];
	readonly before: Side;
	/** by class of the rune that follows; the last is the end of the text */
	readonly next: Int32Array;
}

/**
 * Runs a program as a deterministic machine whose states are made when first reached. A state is a set of instructions
 * and the kind of the rune before; runes that no instruction tells apart share a class.
 */
class Machine {
	readonly #program: Program;
	/** the first rune of each class, ascending */
	readonly #bounds: readonly number[];
	readonly #ascii = new Uint16Array(128);
	#states: State[] = [];
	#ids = new Map<string, number>();

	constructor(program: Program) {
		this.#program = program;
		const bounds = new Set([0, 10, 11]);
		const sets = [wordRunes, ...program.instructions.flatMap((one) => (one.op === "runes" ? [one.ranges] : []))];
		for (const ranges of sets) {
			for (let i = 0; i < ranges.length; i += 2) bounds.add(ranges[i] ?? 0).add((ranges[i + 1] ?? 0) + 1);
		}
		this.#bounds = [...bounds].sort((a, b) => a - b);
		for (let rune = 0; rune < 128; rune++) this.#ascii[rune] = this.#find(rune);
		this.#reset();
	}

	matches(text: string): boolean {
		let state = 0;
		for (let i = 0; i < text.length; ) {
			const unit = text.charCodeAt(i);
			let runeClass: number;
			if (unit < 128) {
				runeClass = this.#ascii[unit]!; // the table has 128 entries
				i++;
			} else {
				const rune = text.codePointAt(i) ?? unit;
				runeClass = this.#find(rune);
				i += rune > 0xffff ? 2 : 1;
			}
			state = this.#step(state, runeClass);
			if (state === MATCHED) return true;
		}
		return this.#step(state, this.#bounds.length) === MATCHED;
	}

	#step(from: number, runeClass: number): number {
		const known = this.#states[from]!.next[runeClass]!; // states and classes are our own
		return known !== UNKNOWN ? known : this.#make(from, runeClass);
	}

	#find(rune: number): number {
		let low = 0;
		let high = this.#bounds.length;
		while (high - low > 1) {
			const middle = (low + high) >>> 1;
			if ((this.#bounds[middle] ?? 0) <= rune) low = middle;
			else high = middle;
		}
		return low;
	}

	#make(from: number, runeClass: number): number {
		const state = this.#states[from]!; // as in #step
		const rune = this.#bounds[runeClass];
		const after = rune === undefined ? EDGE : sideOf(rune);
		const here = this.#closure(state.entries, state.before, after);
		if (here === undefined) {
			state.next[runeClass] = MATCHED;
			return MATCHED;
		}
		const entries = new Set<number>([this.#program.start]);
		if (rune !== undefined) {
			for (const at of here) {
				const one = this.#program.instructions[at];
				if (one?.op === "runes" && contains(one.ranges, rune)) entries.add(one.next);
			}
		}
		if (this.#states.length >= MAX_STATES) {
			this.#reset();
			return this.#state([...entries], after);
		}
		const to = this.#state([...entries], after);
		state.next[runeClass] = to;
		return to;
	}

	/** The rune instructions that the entries lead to at this place; undefined where they lead to a match. */
	#closure(entries: readonly number[], before: Side, after: Side): readonly number[] | undefined {
		const seen = new Set<number>();
		const stack = [...entries];
		const found: number[] = [];
		for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
			if (seen.has(at)) continue;
			seen.add(at);
			const one = this.#program.instructions[at];
			if (one === undefined || one.op === "match") return undefined;
			if (one.op === "runes") found.push(at);
			else if (one.op === "split") stack.push(one.next, one.other);
			else if (holds(one.what, before, after)) stack.push(one.next);
		}
		return found;
	}

	#state(entries: number[], before: Side): number {
		entries.sort((a, b) => a - b);
		const key = `${before}:${entries.join()}`;
		const known = this.#ids.get(key);
		if (known !== undefined) return known;
		const next = new Int32Array(this.#bounds.length + 1).fill(UNKNOWN);
		this.#ids.set(key, this.#states.length);
		return this.#states.push({ entries, before, next }) - 1;
	}

	#reset(): void {
		this.#states = [];
		this.#ids = new Map();
		this.#state([this.#program.start], EDGE);
	}
}

function sideOf(rune: number): Side {
	if (rune === 10) return NEWLINE;
	return contains(wordRunes, rune) ? WORD : OTHER;
}

function holds(what: Assertion, before: Side, after: Side): boolean {
	switch (what) {
		case "textBegin":
			return before === EDGE;
		case "textEnd":
			return after === EDGE;
		case "lineBegin":
			return before === EDGE || before === NEWLINE;
		case "lineEnd":
			return after === EDGE || after === NEWLINE;
		case "wordBoundary":
			return (before === WORD) !== (after === WORD);
		case "noWordBoundary":
			return (before === WORD) === (after === WORD);
	}
}
