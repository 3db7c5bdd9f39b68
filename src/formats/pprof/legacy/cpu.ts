import { ParseError } from "../../../bytes/parse-error.ts";
import { LegacyDraft } from "./draft.ts";
import { readJavaLocations } from "./java.ts";
import { beforeReturn, type Exact, exactOf, LEGACY, product, TextLines, textOf } from "./lines.ts";

/** The words of the binary CPU profile: of 4 or 8 bytes, in the order of the machine that wrote it. */
class Words {
	readonly #view: DataView;
	readonly wordBytes: 4 | 8;
	readonly #little: boolean;
	/** position of the next word */
	at = 0;

	constructor(bytes: Uint8Array, wordBytes: 4 | 8, little: boolean) {
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.wordBytes = wordBytes;
		this.#little = little;
	}

	get remaining(): number {
		return this.#view.byteLength - this.at;
	}

	/** The next word, and 0 where there is none. */
	next(): Exact {
		if (this.remaining < this.wordBytes) {
			this.at = this.#view.byteLength;
			return 0;
		}
		const start = this.at;
		this.at += this.wordBytes;
		if (this.wordBytes === 4) return this.#view.getUint32(start, this.#little);
		return exactOf(this.#view.getBigUint64(start, this.#little));
	}
}

const HEADER_WORDS = 5;

/** Tries the forms in pprof's order: `0, 3, 0 (C++) or 1 (Java), the period in microseconds, 0`. */
function headerOf(
	bytes: Uint8Array,
): { readonly words: Words; readonly java: boolean; readonly period: Exact } | undefined {
	for (const [wordBytes, little] of [
		[4, true],
		[4, false],
		[8, true],
		[8, false],
	] as const) {
		if (bytes.length < HEADER_WORDS * wordBytes) continue;
		const words = new Words(bytes, wordBytes, little);
		const [zero, size, kind, period, padding] = Array.from({ length: HEADER_WORDS }, () => words.next());
		if (zero !== 0 || size !== 3 || (kind !== 0 && kind !== 1) || padding !== 0) continue;
		if (period !== undefined && period !== 0) return { words, java: kind === 1, period };
	}
	return undefined;
}

export function isCpu(bytes: Uint8Array): boolean {
	return headerOf(bytes) !== undefined;
}

/** profilez: the CPU profile of gperftools, of Go before 1.9, and of Java. Throws ParseError where it is none. */
export function readCpu(bytes: Uint8Array): { readonly draft: LegacyDraft; readonly java: boolean } {
	const header = headerOf(bytes);
	if (header === undefined) throw new ParseError({ format: LEGACY, expected: "the words 0, 3, 0 or 1, period, 0" });
	const { words, java } = header;
	const period = product(exactOf(BigInt.asIntN(64, BigInt(header.period))), 1000);
	const draft = new LegacyDraft(
		[
			{ type: "samples", unit: "count" },
			{ type: "cpu", unit: "nanoseconds" },
		],
		{ periodType: { type: "cpu", unit: "nanoseconds" }, period: BigInt(period) },
	);
	readSamples(words, draft, { period, returnAddresses: !java });
	const rest = new TextLines(textOf(bytes.subarray(words.at)));
	if (java) {
		readJavaLocations(rest, draft);
		return { draft, java };
	}
	dropSignalFrames(draft);
	draft.readMappings(rest);
	draft.dropDoubledLeaves();
	return { draft, java };
}

/** A sample: how often, how many addresses, the addresses. The last is 0, 1, 0. */
function readSamples(words: Words, draft: LegacyDraft, how: { period: Exact; returnAddresses: boolean }): void {
	while (words.remaining > 0) {
		const start = words.at;
		const whole = words.remaining >= 2 * words.wordBytes;
		const count = words.next();
		const depth = Number(words.next());
		if (!whole || depth > words.remaining / 4) {
			throw new ParseError({ format: LEGACY, offset: start, field: "stack depth", actual: `${depth} words` });
		}
		const addresses = Array.from({ length: depth }, () => words.next());
		if (count === 0 && depth === 1 && addresses[0] === 0) return;
		const signed = exactOf(BigInt.asIntN(64, BigInt(count)));
		draft.sample(
			addresses.map((address, i) => (how.returnAddresses && i > 0 ? beforeReturn(address) : address)),
			[signed, product(signed, how.period)],
		);
	}
}

/**
 * A second frame that nearly all samples share is the signal handler's; up to two are taken off (cpuProfile in
 * legacy_profile.go allows one other for each 32 samples).
 */
function dropSignalFrames(draft: LegacyDraft): void {
	const enough = draft.samples - Math.floor(draft.samples / 32);
	for (let i = 0; i < 2; i++) {
		const counts = new Map<Exact, number>();
		draft.dropSecondFrame((_, second) => {
			counts.set(second, (counts.get(second) ?? 0) + 1);
			return false;
		});
		const [common] = [...counts].find(([, count]) => count >= enough) ?? [];
		if (common !== undefined) draft.dropSecondFrame((_, second) => second === common);
	}
}
