import type { Profile } from "../../formats/pprof/model.ts";
import { baseName, cleanPath } from "../go-format.ts";
import { SequenceIndex } from "../sequence-index.ts";

export interface NodeTableOptions {
	/** keep functions of the same name in different binaries apart (callgrind and listings) */
	readonly binaries?: boolean;
	/** what a file name is to be shown as */
	readonly trimPath?: (path: string) => string;
}

/** words of a node: what makes two places in the program one node (google/pprof internal/graph, NodeInfo) */
const NAME = 0;
const FILE = 1;
const START_LINE = 2;
const LINE_LOW = 3;
const LINE_HIGH = 4;
const COLUMN = 5;
const ADDRESS_LOW = 6;
const ADDRESS_HIGH = 7;
const BINARY = 8;
const WIDTH = 9;

/**
 * The nodes of a profile: places in the program that are one as far as the profile (after aggregation) tells. Location l
 * has the nodes node[start[l]] to node[start[l + 1] - 1], innermost inlined function first; at least one.
 */
export class NodeTable {
	readonly start: Uint32Array;
	readonly node: Uint32Array;
	/** by location its node where it has one only, as most have: else -1 */
	readonly only: Int32Array;
	/** 1: in some location it is inlined into another function */
	readonly inlined: Uint8Array;
	readonly #profile: Profile;
	readonly #options: NodeTableOptions;
	readonly #index: SequenceIndex;
	readonly #words = new Int32Array(WIDTH);
	readonly #files: string[] = [""];
	readonly #fileIds = new Map<string, number>([["", 0]]);
	readonly #fileOfString = new Map<number, number>();
	/** by node: the first function that gave rise to it, or -1 */
	readonly #functions: number[] = [];
	readonly #names: (string | undefined)[] = [];

	constructor(profile: Profile, options: NodeTableOptions = {}) {
		this.#profile = profile;
		this.#options = options;
		const { locations, lines, functions } = profile;
		const expected = Math.max(16, Math.min(functions.count * 2, 2 ** 20));
		this.#index = new SequenceIndex(expected, expected * WIDTH);
		this.start = new Uint32Array(locations.count + 1);
		this.node = new Uint32Array(lines.count + locations.count);
		this.only = new Int32Array(locations.count);
		this.#fill();
		this.inlined = new Uint8Array(this.#index.count);
		for (let l = 0; l < locations.count; l++) {
			for (let at = this.start[l]!; at < this.start[l + 1]! - 1; at++) this.inlined[this.node[at]!] = 1;
		}
	}

	/** Makes the nodes of all locations. */
	#fill(): void {
		const { locations, lines, functions } = this.#profile;
		const ofFunction = new Int32Array(functions.count).fill(-1);
		let used = 0;
		for (let l = 0; l < locations.count; l++) {
			const first = locations.lineStart[l]!;
			const end = locations.lineStart[l + 1]!;
			if (first === end) this.node[used++] = this.#make(l, -1);
			const hasAddress = locations.address.low[l] !== 0 || locations.address.high[l] !== 0;
			for (let line = first; line < end; line++) {
				const f = lines.function[line]!;
				// At the granularity of functions most lines are nothing but their function.
				const bare = !hasAddress && lines.line.numbers[line] === 0 && lines.column.numbers[line] === 0;
				const whole = bare && this.#options.binaries !== true && functions.name[f] !== 0;
				let node = whole ? ofFunction[f]! : -1;
				if (node < 0) node = this.#make(l, line);
				if (whole) ofFunction[f] = node;
				this.node[used++] = node;
			}
			this.start[l + 1] = used;
			this.only[l] = end - first < 2 ? this.node[used - 1]! : -1;
		}
	}

	get count(): number {
		return this.#index.count;
	}

	#make(location: number, line: number): number {
		const { locations, lines, functions, mappings } = this.#profile;
		const words = this.#words.fill(0);
		words[ADDRESS_LOW] = locations.address.low[location]!;
		words[ADDRESS_HIGH] = locations.address.high[location]!;
		const f = line < 0 ? -1 : lines.function[line]!;
		if (f >= 0) {
			words[NAME] = functions.name[f]!;
			words[FILE] = this.#file(functions.filename[f]!);
			words[LINE_LOW] = lines.line.numbers[line]!;
			words[LINE_HIGH] = Math.floor(lines.line.numbers[line]! / 2 ** 32);
			words[COLUMN] = lines.column.numbers[line]!;
		}
		if (this.#options.binaries === true || words[NAME] === 0) {
			const mapping = locations.mapping[location]!;
			words[BINARY] = mapping < 0 ? 0 : mappings.filename[mapping]!;
			if (f >= 0) words[START_LINE] = functions.startLine.numbers[f]!;
		}
		const node = this.#index.of(words, WIDTH);
		if (node === this.#functions.length) this.#functions.push(f);
		return node;
	}

	#file(string: number): number {
		let id = this.#fileOfString.get(string);
		if (id !== undefined) return id;
		const path = this.#profile.strings.text(string);
		const trimmed = this.#options.trimPath?.(path) ?? path;
		const shown = trimmed === "" ? "" : cleanPath(trimmed);
		id = this.#fileIds.get(shown) ?? this.#files.push(shown) - 1;
		this.#fileIds.set(shown, id);
		this.#fileOfString.set(string, id);
		return id;
	}

	/** A node's function name; "" where it has none or the granularity leaves it out. */
	functionName(node: number): string {
		return this.#profile.strings.text(this.#index.word(node, NAME));
	}

	file(node: number): string {
		return this.#files[this.#index.word(node, FILE)] ?? "";
	}

	line(node: number): number {
		return this.#index.word(node, LINE_HIGH) * 2 ** 32 + (this.#index.word(node, LINE_LOW) >>> 0);
	}

	column(node: number): number {
		return this.#index.word(node, COLUMN);
	}

	/** 0 where the granularity leaves it out or it is unknown */
	address(node: number): bigint {
		const low = this.#index.word(node, ADDRESS_LOW);
		const high = this.#index.word(node, ADDRESS_HIGH);
		// most have none
		return low === 0 && high === 0 ? 0n : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
	}

	/** Address order as a sign where both have an address and it differs, else 0. */
	compareAddresses(a: number, b: number): number {
		const index = this.#index;
		const lowA = index.word(a, ADDRESS_LOW) >>> 0;
		const highA = index.word(a, ADDRESS_HIGH) >>> 0;
		if (lowA === 0 && highA === 0) return 0;
		const lowB = index.word(b, ADDRESS_LOW) >>> 0;
		const highB = index.word(b, ADDRESS_HIGH) >>> 0;
		if (lowB === 0 && highB === 0) return 0;
		return highA - highB || lowA - lowB;
	}

	/** The binary, of nodes without a function name or where binaries are kept apart. */
	binary(node: number): string {
		return this.#profile.strings.text(this.#index.word(node, BINARY));
	}

	startLine(node: number): number {
		return this.#index.word(node, START_LINE);
	}

	/** Row of the first of the profile's functions that became this node, or -1 */
	functionRow(node: number): number {
		return this.#functions[node] ?? -1;
	}

	/** The same for all nodes that differ only in address, line and column; one without address and line is its own function. */
	functionKey(node: number): string {
		const word = (at: number): number => this.#index.word(node, at);
		const column = this.address(node) === 0n && this.line(node) === 0 ? word(COLUMN) : 0;
		return `${word(NAME)} ${word(FILE)} ${word(START_LINE)} ${word(BINARY)} ${column}`;
	}

	/** How reports name it: address, function and place, as far as there are (graph.go, PrintableName). */
	name(node: number): string {
		const known = this.#names[node];
		if (known !== undefined) return known;
		const name = this.nameParts(node, this.functionName(node), this.file(node)).join(" ");
		this.#names[node] = name;
		return name;
	}

	/** The parts of the name, with the function and the file as they are to be shown. */
	nameParts(node: number, functionName: string, file: string): readonly string[] {
		const parts: string[] = [];
		const address = this.address(node);
		if (address !== 0n) parts.push(address.toString(16).padStart(16, "0"));
		if (functionName !== "") parts.push(functionName);
		const line = this.line(node);
		const column = this.column(node);
		if (line !== 0) parts.push(`${file}:${line}${column === 0 ? "" : `:${column}`}`);
		else if (file !== "") parts.push(file);
		else if (functionName === "") {
			const binary = this.binary(node);
			parts.push(binary === "" ? "<unknown>" : `[${baseName(binary)}]`);
		}
		return parts;
	}
}
