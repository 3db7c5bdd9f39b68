import { ParseError } from "../bytes/parse-error.ts";
import { FUNC_FLAG_SP_WRITE, FUNC_FLAG_TOP_FRAME } from "../formats/pclntab/func-record.ts";
import type { Pclntab } from "../formats/pclntab/pclntab.ts";
import { type ProgramCode, tableAt } from "./symbols.ts";

/** What a walk must know of a place besides its delta. */
export const SITE_TOP = 1;
export const SITE_SP_WRITE = 2;
/** code that the runtime put between two instructions: the frame above was interrupted, it made no call */
export const SITE_INJECTED = 4;
/** the function has no table of stack pointer deltas */
export const SITE_NO_TABLE = 8;

/** log2 of the hash table's first size */
const FIRST_SIZE = 10;
/** No program is known with more call sites on its stacks than some thousand; torn memory must not fill ours. */
const MAX_SITES = 1 << 20;
const MAX_OFFSET = 2 ** 31 - 1;

/**
 * The places in the code that stacks pass through, each looked up once: a hash table from pc to a number, and columns by
 * that number. One probe per frame is all that a frame of a walk costs here.
 */
export class StackSites {
	readonly #code: ProgramCode;
	readonly #text: number;
	/** where code can be, and what of 31 bits of offsets it takes; the executable's first */
	readonly #ranges: readonly { readonly start: number; readonly end: number; readonly base: number }[];
	readonly #injected: ReadonlySet<number>;
	readonly #cgocallback: number | undefined;
	#slots = new Int32Array(1 << FIRST_SIZE).fill(-1);
	#keys = new Uint32Array(1 << (FIRST_SIZE - 1));
	#pcs = new Float64Array(1 << (FIRST_SIZE - 1));
	/** by site: bytes from the stack pointer to the return address, and SITE_… */
	deltas = new Int32Array(1 << (FIRST_SIZE - 1));
	flags = new Uint8Array(1 << (FIRST_SIZE - 1));
	count = 0;

	constructor(code: ProgramCode) {
		this.#code = code;
		this.#text = code.pclntab.text;
		this.#ranges = rangesOf(code);
		const { funcIDs } = code.layout.constants;
		const ids = ["sigpanic", "asyncPreempt", "debugCallV2", "debugCallV1"].map((name) => funcIDs[name]);
		this.#injected = new Set(ids.filter((id) => id !== undefined));
		this.#cgocallback = funcIDs["cgocallback"];
	}

	/** Addresses to look up, by site. */
	get pcs(): Float64Array {
		return this.#pcs.slice(0, this.count);
	}

	/**
	 * The number of a place, or -1 where no function is there.
	 *
	 * @param pc where a frame stands: a return address, or (`trap`) the instruction that was interrupted
	 */
	at(pc: number, trap: boolean): number {
		const offset = this.#offset(pc);
		if (!(offset >= 0 && offset < MAX_OFFSET)) return -1;
		const key = offset * 2 + (trap ? 1 : 0);
		const mask = this.#slots.length - 1;
		for (let i = (Math.imul(key, 0x9e3779b1) >>> 12) & mask; ; i = (i + 1) & mask) {
			const site = this.#slots[i]!; // i is masked
			if (site < 0) return this.#add(pc, trap, key, i);
			if (this.#keys[site] === key) return site;
		}
	}

	/** A number below 2^31 for each place in the code of all modules; -1 for others. */
	#offset(pc: number): number {
		if (this.#ranges.length === 1) return pc - this.#text;
		for (const { start, end, base } of this.#ranges) if (pc >= start && pc < end) return pc - start + base;
		return -1;
	}

	/** Looks a new place up and puts it into slot `i`, which is free. */
	#add(pc: number, trap: boolean, key: number, i: number): number {
		const pclntab = tableAt(this.#code, pc);
		const index = pclntab.find(pc);
		if (index < 0 || this.count >= MAX_SITES) return -1;
		if (this.count === this.#keys.length) {
			this.#grow();
			return this.at(pc, trap);
		}
		const site = this.count++;
		this.#slots[i] = site;
		this.#keys[site] = key;
		// symPC (traceback.go): a return address may be the first byte of the next statement, or of the next function
		this.#pcs[site] = trap || pc === pclntab.entry(index) ? pc : pc - 1;
		this.#look(site, pclntab, index, pc);
		return site;
	}

	#look(site: number, pclntab: Pclntab, index: number, pc: number): void {
		try {
			const record = pclntab.func(index);
			let flag = record.flag;
			// cgocallback takes care that both stacks can be unwound while it switches (traceback.go: resolveInternal)
			if (record.funcID === this.#cgocallback) flag &= ~FUNC_FLAG_SP_WRITE;
			this.deltas[site] = pclntab.spDelta(pc);
			this.flags[site] =
				((flag & FUNC_FLAG_TOP_FRAME) !== 0 ? SITE_TOP : 0) |
				((flag & FUNC_FLAG_SP_WRITE) !== 0 ? SITE_SP_WRITE : 0) |
				(this.#injected.has(record.funcID) ? SITE_INJECTED : 0) |
				(record.pcsp === 0 ? SITE_NO_TABLE : 0);
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			this.deltas[site] = -1;
		}
	}

	#grow(): void {
		const size = this.#keys.length * 2;
		this.#keys = grown(this.#keys, new Uint32Array(size));
		this.#pcs = grown(this.#pcs, new Float64Array(size));
		this.deltas = grown(this.deltas, new Int32Array(size));
		this.flags = grown(this.flags, new Uint8Array(size));
		const slots = new Int32Array(size * 2).fill(-1);
		const mask = slots.length - 1;
		for (let site = 0; site < this.count; site++) {
			let i = (Math.imul(this.#keys[site] ?? 0, 0x9e3779b1) >>> 12) & mask;
			while (slots[i] !== -1) i = (i + 1) & mask;
			slots[i] = site;
		}
		this.#slots = slots;
	}
}

function rangesOf({ pclntab, module, further = [] }: ProgramCode) {
	let base = 0;
	const tables = [{ pclntab, module }, ...further];
	return tables.map(({ pclntab: table, module: of }) => {
		const range = { start: table.text, end: Math.max(of.etext, table.textEnd), base };
		base += range.end - range.start;
		return range;
	});
}

export function grown<T extends Uint8Array | Int32Array | Uint32Array | Float64Array>(from: T, into: T): T {
	into.set(from);
	return into;
}
