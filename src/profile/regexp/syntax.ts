import {
	anyButNewline,
	anyRune,
	complement,
	folded,
	normalized,
	perlClasses,
	posixClasses,
	type Ranges,
	unicodeClass,
} from "./classes.ts";

/** A parsed expression. Greediness and groups are not kept: only whether it matches is ever asked. */
export type Expression =
	| { readonly kind: "runes"; readonly ranges: Ranges }
	| { readonly kind: "assert"; readonly what: Assertion }
	| { readonly kind: "sequence"; readonly parts: readonly Expression[] }
	| { readonly kind: "either"; readonly parts: readonly Expression[] }
	/** `max` is Infinity where there is none */
	| { readonly kind: "repeat"; readonly of: Expression; readonly min: number; readonly max: number };

export type Assertion = "textBegin" | "textEnd" | "lineBegin" | "lineEnd" | "wordBoundary" | "noWordBoundary";

/** What is wrong with a pattern, in the words of Go's regexp/syntax. */
export class PatternError extends Error {}

/** regexp/syntax: maxHeight of parse.go */
const MAX_DEPTH = 1000;
/** regexp/syntax: the limit of x{n,m} */
const MAX_REPEAT = 1000;
const MAX_PATTERN = 65536;

interface Flags {
	readonly fold: boolean;
	readonly multiline: boolean;
	readonly dotAll: boolean;
}

/**
 * Parses Go's regular expressions (RE2 syntax with Perl's classes, as regexp.Compile takes them; Go 1.26,
 * src/regexp/syntax/parse.go). Throws PatternError.
 */
export function parsePattern(pattern: string): Expression {
	if (pattern.length > MAX_PATTERN) throw new PatternError("expression too large");
	return new PatternParser(pattern).parse();
}

class PatternParser {
	readonly #pattern: string;
	#at = 0;
	#depth = 0;
	#flags: Flags = { fold: false, multiline: false, dotAll: false };

	constructor(pattern: string) {
		this.#pattern = pattern;
	}

	parse(): Expression {
		const parsed = this.#alternatives();
		if (this.#at < this.#pattern.length) throw new PatternError(`unexpected ): \`${this.#pattern}\``);
		return parsed;
	}

	#alternatives(): Expression {
		if (++this.#depth > MAX_DEPTH) throw new PatternError("expression nests too deeply");
		const parts = [this.#sequence()];
		while (this.#take("|")) parts.push(this.#sequence());
		this.#depth--;
		return parts.length === 1 ? parts[0]! : { kind: "either", parts }; // there is one
	}

	#sequence(): Expression {
		const parts: Expression[] = [];
		while (this.#at < this.#pattern.length) {
			const next = this.#pattern[this.#at];
			if (next === "|" || next === ")") break;
			if (this.#take("\\Q")) {
				this.#quoted(parts);
				continue;
			}
			const atom = this.#atom();
			if (atom !== undefined) parts.push(this.#repeated(atom));
		}
		return parts.length === 1 ? parts[0]! : { kind: "sequence", parts }; // there is one
	}

	/** \Q…\E: what stands between is literal, to the end where there is no \E; a repetition is of its last rune. */
	#quoted(parts: Expression[]): void {
		const end = this.#pattern.indexOf("\\E", this.#at);
		const to = end < 0 ? this.#pattern.length : end;
		while (this.#at < to) parts.push(this.#literal(this.#rune()));
		this.#at = end < 0 ? to : to + 2;
		const last = parts.pop();
		if (last !== undefined) parts.push(this.#repeated(last));
	}

	#repeated(atom: Expression): Expression {
		let result = atom;
		let before: string | undefined;
		for (;;) {
			const from = this.#at;
			const bounds = this.#repetition();
			if (bounds === undefined) return result;
			this.#take("?");
			const operator = this.#pattern.slice(from, this.#at);
			if (before !== undefined) throw new PatternError(`invalid nested repetition operator: \`${before}${operator}\``);
			if (bounds.max < bounds.min || bounds.min > MAX_REPEAT || (bounds.max > MAX_REPEAT && bounds.max !== Infinity)) {
				throw new PatternError(`invalid repeat count: \`${operator}\``);
			}
			before = operator;
			result = { kind: "repeat", of: result, ...bounds };
		}
	}

	/** * + ? {n} {n,} {n,m}; a brace that is none of these is a literal. */
	#repetition(): { readonly min: number; readonly max: number } | undefined {
		if (this.#take("*")) return { min: 0, max: Infinity };
		if (this.#take("+")) return { min: 1, max: Infinity };
		if (this.#take("?")) return { min: 0, max: 1 };
		const counts = /^\{(\d+)(,(\d*))?\}/.exec(this.#pattern.slice(this.#at, this.#at + 24));
		if (counts === null) return undefined;
		this.#at += counts[0].length;
		const min = Number(counts[1]);
		const max = counts[2] === undefined ? min : counts[3] === "" ? Infinity : Number(counts[3]);
		return { min, max };
	}

	/** One thing that may be repeated, or undefined after flags that hold for the rest of the group. */
	#atom(): Expression | undefined {
		const from = this.#at;
		if (this.#repetition() !== undefined) {
			throw new PatternError(`missing argument to repetition operator: \`${this.#pattern.slice(from, this.#at)}\``);
		}
		if (this.#take("(")) return this.#group();
		if (this.#take("[")) return this.#class();
		if (this.#take(".")) return { kind: "runes", ranges: this.#flags.dotAll ? anyRune : anyButNewline };
		if (this.#take("^")) return { kind: "assert", what: this.#flags.multiline ? "lineBegin" : "textBegin" };
		if (this.#take("$")) return { kind: "assert", what: this.#flags.multiline ? "lineEnd" : "textEnd" };
		if (this.#take("\\")) return this.#escaped();
		return this.#literal(this.#rune());
	}

	#group(): Expression | undefined {
		const outer = this.#flags;
		if (this.#take("?")) {
			const named = /^P?<([^>]*)>/.exec(this.#pattern.slice(this.#at));
			if (named !== null) {
				if (!/^\w+$/.test(named[1] ?? "")) throw new PatternError(`invalid named capture: \`(?${named[0]}\``);
				this.#at += named[0].length;
			} else {
				this.#setFlags();
				if (this.#take(")")) return undefined;
				if (!this.#take(":")) throw new PatternError("invalid or unsupported Perl syntax: `(?`");
			}
		}
		const inner = this.#alternatives();
		if (!this.#take(")")) throw new PatternError(`missing closing ): \`${this.#pattern}\``);
		this.#flags = outer;
		return inner;
	}

	#setFlags(): void {
		let on = true;
		for (;;) {
			const flag = this.#pattern[this.#at];
			if (flag === undefined) throw new PatternError(`missing closing ): \`${this.#pattern}\``);
			if (flag === ":" || flag === ")") return;
			this.#at++;
			if (flag === "-" && on) on = false;
			else if (flag === "i") this.#flags = { ...this.#flags, fold: on };
			else if (flag === "m") this.#flags = { ...this.#flags, multiline: on };
			else if (flag === "s") this.#flags = { ...this.#flags, dotAll: on };
			else if (flag !== "U") throw new PatternError(`invalid or unsupported Perl syntax: \`(?${flag}\``);
		}
	}

	#class(): Expression {
		const from = this.#at - 1;
		const negated = this.#take("^");
		const pairs: number[] = [];
		for (let first = true; first || this.#pattern[this.#at] !== "]"; first = false) {
			if (this.#at >= this.#pattern.length) throw this.#missingBracket(from);
			const named = this.#namedClass();
			if (named !== undefined) {
				pairs.push(...named);
				continue;
			}
			const start = this.#at;
			const low = this.#classRune(from);
			let high = low;
			if (this.#pattern[this.#at] === "-" && this.#pattern[this.#at + 1] !== "]") {
				this.#at++;
				if (this.#at >= this.#pattern.length) throw this.#missingBracket(from);
				high = this.#classRune(from);
			}
			if (high < low) {
				throw new PatternError(`invalid character class range: \`${this.#pattern.slice(start, this.#at)}\``);
			}
			pairs.push(low, high);
		}
		this.#at++;
		const ranges = this.#flags.fold ? folded(normalized(pairs)) : normalized(pairs);
		return { kind: "runes", ranges: negated ? complement(ranges) : ranges };
	}

	#missingBracket(from: number): PatternError {
		return new PatternError(`missing closing ]: \`${this.#pattern.slice(from)}\``);
	}

	/** [:alpha:], [:^alpha:], \d, \pL inside of a class */
	#namedClass(): Ranges | undefined {
		const posix = /^\[:(\^?)(\w*):\]/.exec(this.#pattern.slice(this.#at, this.#at + 16));
		if (posix !== null) {
			const ranges = posixClasses[posix[2] ?? ""];
			if (ranges === undefined) throw new PatternError(`invalid character class range: \`${posix[0]}\``);
			this.#at += posix[0].length;
			return posix[1] === "^" ? complement(ranges) : ranges;
		}
		if (this.#pattern[this.#at] !== "\\") return undefined;
		this.#at++;
		const ranges = this.#escapedClass();
		if (ranges === undefined) this.#at--;
		return ranges;
	}

	#classRune(from: number): number {
		if (this.#at >= this.#pattern.length) throw this.#missingBracket(from);
		return this.#take("\\") ? this.#escapedRune() : this.#rune();
	}

	/** after the backslash, outside of a class */
	#escaped(): Expression {
		if (this.#take("A")) return { kind: "assert", what: "textBegin" };
		if (this.#take("z")) return { kind: "assert", what: "textEnd" };
		if (this.#take("b")) return { kind: "assert", what: "wordBoundary" };
		if (this.#take("B")) return { kind: "assert", what: "noWordBoundary" };
		const ranges = this.#escapedClass();
		return ranges !== undefined ? { kind: "runes", ranges } : this.#literal(this.#escapedRune());
	}

	/** \d \D \pL \p{Greek} \P{^Greek}, after the backslash */
	#escapedClass(): Ranges | undefined {
		const letter = this.#pattern[this.#at] ?? "";
		const perl = perlClasses[letter.toLowerCase()];
		if (perl !== undefined) {
			this.#at++;
			return letter === letter.toLowerCase() ? perl : complement(perl);
		}
		if (letter !== "p" && letter !== "P") return undefined;
		const named = /^[pP](?:\{(\^?)([^}]*)\}|([^{]))/u.exec(this.#pattern.slice(this.#at));
		const ranges = named === null ? undefined : unicodeClass(named[3] ?? named[2] ?? "");
		if (named === null || ranges === undefined) {
			throw new PatternError(`invalid character class range: \`\\${named?.[0] ?? letter}\``);
		}
		this.#at += named[0].length;
		const whole = this.#flags.fold ? folded(ranges) : ranges;
		return (letter === "P") !== (named[1] === "^") ? complement(whole) : whole;
	}

	/** \n \x41 \x{1F600} \012 \. and so on, after the backslash */
	#escapedRune(): number {
		const rest = this.#pattern.slice(this.#at, this.#at + 16);
		const numeric = /^(?:x\{([0-9A-Fa-f]{1,8})\}|x([0-9A-Fa-f]{2})|(0[0-7]{0,2}|[1-7][0-7]{1,2}))/.exec(rest);
		if (numeric !== null) {
			const rune = numeric[3] !== undefined ? parseInt(numeric[3], 8) : parseInt(numeric[1] ?? numeric[2] ?? "", 16);
			if (rune <= 0x10ffff) {
				this.#at += numeric[0].length;
				return rune;
			}
		}
		const letter = rest[0];
		if (letter === undefined) throw new PatternError("trailing backslash at end of expression: ``");
		const control = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 }[letter];
		if (control === undefined && !/^[^A-Za-z0-9\u0080-\uffff]/.test(letter)) {
			throw new PatternError(`invalid escape sequence: \`\\${String.fromCodePoint(rest.codePointAt(0) ?? 0)}\``);
		}
		const rune = this.#rune();
		return control ?? rune;
	}

	#literal(rune: number): Expression {
		return { kind: "runes", ranges: this.#flags.fold ? folded([rune, rune]) : [rune, rune] };
	}

	#rune(): number {
		const rune = this.#pattern.codePointAt(this.#at) ?? 0;
		this.#at += rune > 0xffff ? 2 : 1;
		return rune;
	}

	#take(text: string): boolean {
		if (!this.#pattern.startsWith(text, this.#at)) return false;
		this.#at += text.length;
		return true;
	}
}
