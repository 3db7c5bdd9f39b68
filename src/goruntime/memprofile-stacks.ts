import { ParseError } from "../bytes/parse-error.ts";
import type { ProfileBuilder } from "../formats/pprof/builder.ts";
import { type CodeMapping, mappingAt } from "./profile-mappings.ts";
import { type ProgramCode, tableAt } from "./symbols.ts";

/** What runtime.CallersFrames gives for one pc of a stack: one logical frame. */
interface LogicalFrame {
	/** "" where no function is there */
	readonly symbol: string;
	readonly file: string;
	readonly line: number;
	readonly startLine: number;
	readonly inlined: boolean;
	/** of the physical function; 0 where unknown */
	readonly entry: number;
	/** of the call, less one than the return address */
	readonly pc: number;
}

interface KnownLocation {
	readonly row: number;
	/** pcs of a stack that it stands for, inlined calls and the function that they are in */
	readonly pcs: number;
	readonly first: LogicalFrame;
}

/** A profile of a hostile image must end, too. */
const MAX_INLINED = 1024;

/**
 * Turns stacks of return addresses, as the runtime records them (one per logical frame), into locations just as
 * runtime/pprof does (proto.go: profileBuilder.appendLocsForStack, Go 1.19 to 1.27): consecutive pcs of one function and
 * what was inlined into it are one location; runtime.goexit is none.
 */
export class StackLocations {
	readonly #code: ProgramCode;
	readonly #builder: ProfileBuilder;
	readonly #mappings: readonly CodeMapping[];
	readonly #frames = new Map<number, LogicalFrame | undefined>();
	readonly #locations = new Map<number, KnownLocation>();
	readonly #functions = new Map<string, number>();
	/** by the last pc of a stack: the calls that it may be inlined into, as pcs */
	readonly #callers = new Map<number, readonly number[]>();
	#deck: { pc: number; frame: LogicalFrame }[] = [];
	/** mappings of which a location was symbolized, by row: whether all of them were */
	readonly symbolized = new Map<number, boolean>();

	constructor(code: ProgramCode, builder: ProfileBuilder, mappings: readonly CodeMapping[]) {
		this.#code = code;
		this.#builder = builder;
		this.#mappings = mappings;
	}

	/** Name of the innermost logical function at a pc as it is, as runtime.FuncForPC has it; "" where there is none. */
	nameAt(pc: number): string {
		return this.#framesAt(pc)[0]?.symbol ?? "";
	}

	/** Rows of the locations of a stack, leaf first; empty for one of runtime.goexit alone. */
	of(stack: readonly number[]): number[] {
		const rows: number[] = [];
		const emit = () => {
			const row = this.#emit();
			if (row !== undefined) rows.push(row);
		};
		const pcs = this.#expandLast(stack);
		for (let i = 0; i < pcs.length; ) {
			const pc = pcs[i] ?? 0;
			const known = this.#locations.get(pc);
			if (known !== undefined) {
				if (this.#deck.length > 0 && this.#tryAdd(pc, known.first)) i++;
				else {
					emit();
					rows.push(known.row);
					i += known.pcs;
				}
				continue;
			}
			const frame = this.#logicalFrame(pc);
			if (frame === undefined) {
				emit(); // runtime.goexit
				i++;
				continue;
			}
			if (!this.#tryAdd(pc, frame)) {
				emit();
				const emitted = this.#locations.get(pc);
				if (emitted !== undefined) {
					rows.push(emitted.row);
					i += emitted.pcs;
					continue;
				}
				this.#tryAdd(pc, frame);
			}
			i++;
		}
		emit();
		return rows;
	}

	#tryAdd(pc: number, frame: LogicalFrame): boolean {
		const last = this.#deck.at(-1)?.frame;
		if (last !== undefined) {
			if (!last.inlined || last.entry === 0 || frame.entry !== last.entry || last.symbol === frame.symbol) return false;
		}
		this.#deck.push({ pc, frame });
		return true;
	}

	/** Makes the pending frames a location. */
	#emit(): number | undefined {
		const [first] = this.#deck;
		if (first === undefined) return undefined;
		const mapping = mappingAt(this.#mappings, first.pc);
		const row = this.#builder.location({
			address: first.frame.pc,
			mapping,
			lines: this.#deck.map(({ frame }) => ({ function: this.#function(frame), line: frame.line })),
		});
		if (mapping !== undefined) {
			const all = this.#deck.every(({ frame }) => frame.symbol !== "" && frame.file !== "" && frame.line !== 0);
			this.symbolized.set(mapping, (this.symbolized.get(mapping) ?? true) && all);
		}
		this.#locations.set(first.pc, { row, pcs: this.#deck.length, first: first.frame });
		this.#deck = [];
		return row;
	}

	#function(frame: LogicalFrame): number {
		let row = this.#functions.get(frame.symbol);
		if (row === undefined) {
			row = this.#builder.function({ name: frame.symbol, filename: frame.file, startLine: frame.startLine });
			this.#functions.set(frame.symbol, row);
		}
		return row;
	}

	/** Undefined for runtime.goexit, where every goroutine begins (proto.go: allFrames). */
	#logicalFrame(pc: number): LogicalFrame | undefined {
		if (this.#frames.has(pc)) return this.#frames.get(pc);
		const frame = this.#lookUp(pc);
		this.#frames.set(pc, frame);
		return frame;
	}

	#lookUp(pc: number): LogicalFrame | undefined {
		const pclntab = tableAt(this.#code, pc);
		const index = pclntab.find(pc);
		const entry = index < 0 ? 0 : pclntab.entry(index);
		// "It is not possible to get pc == entry from runtime.Callers", but from a tampered stack (symtab.go: Frames.Next)
		const at = pc > entry ? pc - 1 : pc;
		const [frame] = this.#framesAt(at);
		if (frame === undefined) {
			return { symbol: "", file: "", line: 0, startLine: 0, inlined: false, entry: 0, pc: pc - 1 };
		}
		if (frame.symbol === "runtime.goexit") return undefined;
		const { symbol, file, line, inlined, startLine = 0 } = frame;
		return { symbol, file, line, startLine, inlined, entry, pc: at };
	}

	/** The last pc of a stack that was cut off may stand for calls whose callers, inlined there, are missing. */
	#expandLast(stack: readonly number[]): readonly number[] {
		const last = stack.at(-1);
		if (last === undefined) return stack;
		// nearly all stacks end at the same few places
		let callers = this.#callers.get(last);
		if (callers === undefined) {
			const frames = this.#framesAt(last - 1);
			callers = frames[0]?.inlined === true ? frames.slice(1, MAX_INLINED).map((frame) => frame.pc + 1) : [];
			this.#callers.set(last, callers);
		}
		return callers.length === 0 ? stack : [...stack, ...callers];
	}

	#framesAt(pc: number) {
		try {
			return tableAt(this.#code, pc).frames(pc);
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			return [];
		}
	}
}
