import { decodeUtf8 } from "../bytes/cursor.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { type GoroutineStacks, STACK_SWITCHED, type StackFrame, type StackTable } from "./stacks-model.ts";

const GOROUTINES = "gomem.goroutines/1";
const SYMBOLS = "gomem.symbols/1";

/** As many as gomem reads from a process (goruntime/goroutines.ts), and as many pcs of distinct stacks as it keeps. */
const MAX_GOROUTINES = 1 << 26;
const MAX_STACK_SITES = 1 << 24;
const MAX_ADDRESS = 2 ** 52;
const MAX_TEXTS = 256;

/** The part "goroutines" of a bundle: JSON. Stacks are lists of places in the code; no word of a stack is in it. */
export function encodeGoroutines(s: GoroutineStacks): Uint8Array {
	const { stacks } = s;
	return encode({
		format: GOROUTINES,
		nanotime: s.nanotime,
		torn: s.torn,
		states: s.states,
		waitReasons: s.waitReasons,
		goid: [...s.goid],
		status: [...s.status],
		waitReason: [...s.waitReason],
		waitSince: [...s.waitSince],
		parent: [...s.parent],
		createdAt: [...s.createdAt],
		start: [...s.start],
		stackLow: [...s.stackLow],
		stackHigh: [...s.stackHigh],
		sp: [...s.sp],
		residentUsed: [...s.residentUsed],
		residentSlack: [...s.residentSlack],
		stack: [...s.stack],
		sites: [...s.sites],
		stacks: { offsets: [...stacks.offsets], sites: [...stacks.sites], end: [...stacks.end] },
	});
}

/** The part "symbols": the frames at exactly the places that the stacks pass through. */
export function encodeSymbols(s: GoroutineStacks): Uint8Array {
	const texts = new Map<string, number>();
	const intern = (text: string): number => {
		const known = texts.get(text);
		if (known !== undefined) return known;
		texts.set(text, texts.size);
		return texts.size - 1;
	};
	// a frame is four numbers: function, file, line, 1 for inlined + 2 for wrapper
	const frames = s.symbols.map((site) =>
		site.flatMap((f) => [intern(f.function), intern(f.file), f.line, (f.inlined ? 1 : 0) + (f.wrapper ? 2 : 0)]),
	);
	// what profiles want besides, which came later: 1 + the symbol (0: the function's name), and the line of the func keyword
	const more = s.symbols.map((site) =>
		site.flatMap((f) => [f.symbol === undefined ? 0 : 1 + intern(f.symbol), f.startLine ?? 0]),
	);
	return encode({ format: SYMBOLS, texts: [...texts.keys()], sites: [...s.sites], frames, more });
}

function encode(document: object): Uint8Array {
	return new TextEncoder().encode(JSON.stringify(document));
}

/**
 * Reads the two parts back; without (the matching) symbols every place is nameless. Throws ParseError where a part is not
 * what it should be: every index is checked here, so that what comes out can be used without a look.
 */
export function decodeStacks(goroutines: Uint8Array, symbols: Uint8Array | undefined): GoroutineStacks {
	const doc = new Fields(goroutines, GOROUTINES);
	const states = doc.texts("states", MAX_TEXTS);
	const waitReasons = doc.texts("waitReasons", MAX_TEXTS);
	const sites = Float64Array.from(doc.numbers("sites", MAX_STACK_SITES, 0, MAX_ADDRESS));
	const stacks = stackTable(doc, sites.length);
	const goid = Float64Array.from(doc.numbers("goid", MAX_GOROUTINES, 0, Number.MAX_SAFE_INTEGER));
	const count = goid.length;
	const column = (name: string, low: number, high: number) => doc.numbers(name, count, low, high, count);
	const address = (name: string) => Float64Array.from(column(name, 0, MAX_ADDRESS));
	return {
		nanotime: doc.number("nanotime"),
		torn: doc.number("torn"),
		count,
		states,
		waitReasons,
		goid,
		status: Uint8Array.from(column("status", 0, 255)),
		waitReason: Uint8Array.from(column("waitReason", 0, 255)),
		waitSince: Float64Array.from(column("waitSince", 0, Number.MAX_VALUE)),
		parent: Float64Array.from(column("parent", 0, Number.MAX_VALUE)),
		createdAt: Int32Array.from(column("createdAt", -1, sites.length - 1)),
		start: Int32Array.from(column("start", -1, sites.length - 1)),
		stackLow: address("stackLow"),
		stackHigh: address("stackHigh"),
		sp: address("sp"),
		residentUsed: address("residentUsed"),
		residentSlack: address("residentSlack"),
		stack: Int32Array.from(column("stack", -1, stacks.count - 1)),
		stacks,
		sites,
		symbols: symbols === undefined ? namelessAt(sites) : framesAt(sites, symbols),
	};
}

function namelessAt(sites: Float64Array): StackFrame[][] {
	return Array.from(sites, () => []);
}

function stackTable(doc: Fields, siteCount: number): StackTable {
	const table = doc.object("stacks");
	const offsets = Uint32Array.from(table.numbers("offsets", MAX_STACK_SITES, 0, MAX_STACK_SITES));
	const sites = Uint32Array.from(table.numbers("sites", MAX_STACK_SITES, 0, siteCount - 1));
	const count = offsets.length - 1;
	const rising = offsets.every((at, i) => i === 0 || at >= (offsets[i - 1] ?? 0));
	if (!rising || offsets[0] !== 0 || offsets[count] !== sites.length) {
		throw table.error("offsets", "rising from 0 to the number of sites", "others");
	}
	return { count, offsets, sites, end: Uint8Array.from(table.numbers("end", count, 0, STACK_SWITCHED, count)) };
}

/** The frames of each site. The symbols' sites need not be the same: a place that they do not know has none. */
function framesAt(wanted: Float64Array, part: Uint8Array): StackFrame[][] {
	const doc = new Fields(part, SYMBOLS);
	const texts = doc.texts("texts", MAX_STACK_SITES);
	const sites = doc.numbers("sites", MAX_STACK_SITES, 0, MAX_ADDRESS);
	const lists = doc.list("frames", sites.length, sites.length);
	const more = doc.has("more") ? doc.list("more", sites.length, sites.length) : [];
	const bySite = new Map<number, StackFrame[]>();
	lists.forEach((list, i) => {
		const site = sites[i];
		if (site !== undefined) bySite.set(site, withMore(doc, framesOf(doc, list, texts), more[i], texts));
	});
	return Array.from(wanted, (site) => bySite.get(site) ?? []);
}

function framesOf(doc: Fields, list: unknown, texts: readonly string[]): StackFrame[] {
	const bad = () => doc.error("frames", "four numbers a frame", "others");
	if (!Array.isArray(list) || list.length % 4 !== 0) throw bad();
	const numbers: readonly unknown[] = list;
	const frames: StackFrame[] = [];
	for (let i = 0; i < numbers.length; i += 4) {
		const four = numbers.slice(i, i + 4);
		if (!four.every((value) => Number.isSafeInteger(value) && Number(value) >= 0)) throw bad();
		const [name = 0, file = 0, line = 0, flags = 0] = four.map(Number);
		const functionName = texts[name];
		const fileName = texts[file];
		if (functionName === undefined || fileName === undefined) throw bad();
		frames.push({
			function: functionName,
			file: fileName,
			line,
			inlined: (flags & 1) !== 0,
			wrapper: (flags & 2) !== 0,
		});
	}
	return frames;
}

function withMore(doc: Fields, frames: StackFrame[], list: unknown, texts: readonly string[]): StackFrame[] {
	if (list === undefined) return frames;
	const bad = () => doc.error("more", "two numbers a frame", "others");
	if (!Array.isArray(list) || list.length !== frames.length * 2) throw bad();
	const numbers: readonly unknown[] = list;
	return frames.map((frame, i) => {
		const [name, startLine] = [numbers[i * 2], numbers[i * 2 + 1]].map(Number);
		if (!isCount(name) || !isCount(startLine)) throw bad();
		const symbol = name === 0 ? undefined : texts[name - 1];
		if (name !== 0 && symbol === undefined) throw bad();
		return { ...frame, ...(symbol === undefined ? {} : { symbol }), ...(startLine === 0 ? {} : { startLine }) };
	});
}

function isCount(value: number | undefined): value is number {
	return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** An object of parsed JSON whose fields are checked when they are taken. */
class Fields {
	readonly #object: Readonly<Record<string, unknown>>;
	readonly #format: string;

	/** `source` is the part's bytes, or an object inside it. */
	constructor(source: Uint8Array | object, format: string) {
		this.#format = format;
		const value = source instanceof Uint8Array ? this.#parse(source) : source;
		if (typeof value !== "object" || value === null || Array.isArray(value))
			throw this.error("document", "an object", "something else");
		this.#object = value as Readonly<Record<string, unknown>>;
		if (source instanceof Uint8Array && this.#object["format"] !== format) {
			throw this.error("format", format, JSON.stringify(this.#object["format"] ?? "nothing").slice(0, 80));
		}
	}

	#parse(bytes: Uint8Array): unknown {
		try {
			return JSON.parse(decodeUtf8(bytes));
		} catch (error) {
			// of JSON.parse; a text too long for a string is a RangeError
			if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
			throw this.error("document", "JSON", error.message.slice(0, 80));
		}
	}

	number(name: string): number {
		const value = this.#object[name];
		if (typeof value !== "number" || !(value >= 0)) throw this.error(name, "a number", typeof value);
		return value;
	}

	has(name: string): boolean {
		return this.#object[name] !== undefined;
	}

	object(name: string): Fields {
		return new Fields((this.#object[name] ?? {}) as object, this.#format);
	}

	list(name: string, limit: number, exactly?: number): readonly unknown[] {
		const value = this.#object[name];
		if (!Array.isArray(value)) throw this.error(name, "a list", typeof value);
		if (value.length > limit || (exactly !== undefined && value.length !== exactly)) {
			throw this.error(
				name,
				exactly === undefined ? `at most ${limit} elements` : `${exactly} elements`,
				String(value.length),
			);
		}
		return value;
	}

	/** Whole numbers within [low, high]. */
	numbers(name: string, limit: number, low: number, high: number, exactly?: number): readonly number[] {
		const list = this.list(name, limit, exactly);
		for (const value of list) {
			if (!(Number.isInteger(value) && Number(value) >= low && Number(value) <= high)) {
				throw this.error(name, `whole numbers from ${low} to ${high}`, String(JSON.stringify(value)).slice(0, 40));
			}
		}
		return list as readonly number[];
	}

	texts(name: string, limit: number): readonly string[] {
		const list = this.list(name, limit);
		if (!list.every((value) => typeof value === "string")) throw this.error(name, "texts", "others");
		return list as readonly string[];
	}

	error(field: string, expected: string, actual: string): ParseError {
		return new ParseError({ format: this.#format, field, expected, actual });
	}
}
