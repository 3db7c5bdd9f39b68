import type { Ranges } from "./classes.ts";
import { type Assertion, type Expression, PatternError } from "./syntax.ts";

/**
 * An expression as instructions of a non-deterministic machine (Thompson's construction): `runes` goes on to the next
 * instruction where the rune is in its set; `split` goes to both targets; `assert` goes on where the place is right.
 */
export interface Program {
	readonly instructions: readonly Instruction[];
	readonly start: number;
}

export type Instruction =
	| { readonly op: "runes"; readonly ranges: Ranges; readonly next: number }
	| { readonly op: "assert"; readonly what: Assertion; readonly next: number }
	| { readonly op: "split"; readonly next: number; readonly other: number }
	| { readonly op: "match" };

/** Go refuses programs above 128 MB / 40 B of instructions (regexp/syntax maxSize); names need far less. */
const MAX_INSTRUCTIONS = 50_000;

export function compileProgram(expression: Expression): Program {
	const compiler = new Compiler();
	const match = compiler.emit({ op: "match" });
	return { start: compiler.compile(expression, match), instructions: compiler.instructions };
}

/** Built from the end: each part is told what comes after it. */
class Compiler {
	readonly instructions: Instruction[] = [];

	emit(instruction: Instruction): number {
		if (this.instructions.length >= MAX_INSTRUCTIONS) throw new PatternError("expression too large");
		return this.instructions.push(instruction) - 1;
	}

	compile(expression: Expression, next: number): number {
		switch (expression.kind) {
			case "runes":
				return this.emit({ op: "runes", ranges: expression.ranges, next });
			case "assert":
				return this.emit({ op: "assert", what: expression.what, next });
			case "sequence":
				return expression.parts.reduceRight((after, part) => this.compile(part, after), next);
			case "either":
				return expression.parts
					.map((part) => this.compile(part, next))
					.reduceRight((other, one) => this.emit({ op: "split", next: one, other }));
			case "repeat":
				return this.#repeat(expression.of, expression.min, expression.max, next);
		}
	}

	#repeat(of: Expression, min: number, max: number, next: number): number {
		let after = next;
		if (max === Infinity) {
			const loop = this.emit({ op: "split", next, other: next });
			this.instructions[loop] = { op: "split", next: this.compile(of, loop), other: next };
			after = loop;
		} else {
			for (let i = min; i < max; i++) {
				after = this.emit({ op: "split", next: this.compile(of, after), other: next });
			}
		}
		for (let i = 0; i < min; i++) after = this.compile(of, after);
		return after;
	}
}
