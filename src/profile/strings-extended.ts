import type { StringTable } from "../formats/pprof/strings.ts";

/** A profile's strings and some more: steps that name new things leave the table of the profile they start from as it is. */
export class ExtendedStrings implements StringTable {
	readonly #base: StringTable;
	readonly #more: string[] = [];
	readonly #rows = new Map<string, number>();

	constructor(base: StringTable) {
		this.#base = base;
	}

	get count(): number {
		return this.#base.count + this.#more.length;
	}

	text(index: number): string {
		return this.#more[index - this.#base.count] ?? this.#base.text(index);
	}

	bytes(index: number): Uint8Array {
		const more = this.#more[index - this.#base.count];
		return more === undefined ? this.#base.bytes(index) : new TextEncoder().encode(more);
	}

	find(text: string): number | undefined {
		return this.#base.find(text) ?? this.#rows.get(text);
	}

	intern(text: string): number {
		const known = this.find(text);
		if (known !== undefined) return known;
		const row = this.count;
		this.#more.push(text);
		this.#rows.set(text, row);
		return row;
	}
}
