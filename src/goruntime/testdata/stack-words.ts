import type { ByteSource } from "../../bytes/byte-source.ts";

/** A stack for tests: words at 8-byte places from `low` on; those beyond cannot be read. */
export class StackWords implements ByteSource {
	readonly bytes: Uint8Array;
	readonly #view: DataView;
	readonly #low: number;

	constructor(low: number, count: number) {
		this.#low = low;
		this.bytes = new Uint8Array(count * 8);
		this.#view = new DataView(this.bytes.buffer);
	}

	readInto(offset: number, into: Uint8Array): number {
		const from = offset - this.#low;
		if (from < 0 || from >= this.bytes.length) return 0;
		const part = this.bytes.subarray(from, from + into.length);
		into.set(part);
		return part.length;
	}

	set(address: number, value: number): void {
		this.#view.setBigUint64(address - this.#low, BigInt(Math.trunc(value)), true);
	}
}
