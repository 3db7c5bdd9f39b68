/**
 * Columns of 64-bit figures. profile.proto has int64 (values, lines, numbers of labels) and uint64 (ids, addresses), and both
 * are used to the last bit: addresses of the kernel are above 2^63, ids may be hashes, bytes × nanoseconds pass 2^53.
 */

/**
 * Signed 64-bit figures: as numbers, which nearly all are, and besides that exactly where at least one is not.
 * A reader that may not lose bits asks for `exact` first.
 */
export interface Int64Column {
	/** the nearest double; exact in each row while `exact` is undefined */
	readonly numbers: Float64Array;
	/** every row to the last bit, where at least one is beyond ±(2^53 - 1) */
	readonly exact: BigInt64Array | undefined;
}

/** Unsigned 64-bit figures by halves: ids and addresses. They are compared and hashed more than they are counted with. */
export interface Uint64Column {
	readonly low: Uint32Array;
	readonly high: Uint32Array;
}

/** A row of an Int64Column to the last bit. */
export function int64At(column: Int64Column, row: number): bigint {
	return column.exact?.[row] ?? BigInt(column.numbers[row] ?? 0);
}

/** A row of a Uint64Column to the last bit. */
export function uint64At(column: Uint64Column, row: number): bigint {
	return (BigInt(column.high[row] ?? 0) << 32n) | BigInt(column.low[row] ?? 0);
}

/** A row of a Uint64Column as a number: exact below 2^53, which user-space addresses are, else the nearest double. */
export function uint64Number(column: Uint64Column, row: number): number {
	return (column.high[row] ?? 0) * 2 ** 32 + (column.low[row] ?? 0);
}

/** A row of a Uint64Column in hexadecimal, without `0x`. */
export function uint64Hex(column: Uint64Column, row: number): string {
	const high = column.high[row] ?? 0;
	const low = (column.low[row] ?? 0).toString(16);
	return high === 0 ? low : high.toString(16) + low.padStart(8, "0");
}

/** A row of an Int64Column in decimal, to the last bit. */
export function int64Text(column: Int64Column, row: number): string {
	const exact = column.exact?.[row];
	return exact !== undefined ? exact.toString() : String(column.numbers[row] ?? 0);
}

/** A row of a Uint64Column in decimal, to the last bit. */
export function uint64Text(column: Uint64Column, row: number): string {
	const high = column.high[row] ?? 0;
	return high < 2 ** 21 ? String(high * 2 ** 32 + (column.low[row] ?? 0)) : uint64At(column, row).toString();
}

/** The column of numbers, with their exact form where that is needed. */
export function int64Column(values: readonly (number | bigint)[]): Int64Column {
	const growing = new GrowingInt64();
	for (const value of values) growing.push(value);
	return growing.finish();
}

/** A Uint32Array that grows. */
export class GrowingUint32 {
	array: Uint32Array;
	length = 0;

	constructor(capacity = 16) {
		this.array = new Uint32Array(Math.max(capacity, 1));
	}

	push(value: number): void {
		if (this.length === this.array.length) this.array = grown(this.array, Uint32Array);
		this.array[this.length++] = value;
	}

	/** a copy of the length that is used */
	finish(): Uint32Array {
		return this.array.slice(0, this.length);
	}
}

/** An Int64Column that grows. */
export class GrowingInt64 {
	#numbers: Float64Array;
	#exact: BigInt64Array | undefined;
	length = 0;

	constructor(capacity = 16) {
		this.#numbers = new Float64Array(Math.max(capacity, 1));
	}

	/** A number must be whole and within ±(2^53 - 1); a bigint is taken as a signed 64-bit figure. */
	push(value: number | bigint): void {
		if (this.length === this.#numbers.length) {
			this.#numbers = grown(this.#numbers, Float64Array);
			if (this.#exact !== undefined) this.#exact = grown(this.#exact, BigInt64Array);
		}
		const number = Number(value);
		this.#numbers[this.length] = number;
		if (this.#exact === undefined && !Number.isSafeInteger(number)) {
			this.#exact = exactCopy(this.#numbers, this.length);
		}
		if (this.#exact !== undefined) this.#exact[this.length] = BigInt(value);
		this.length++;
	}

	finish(): Int64Column {
		return { numbers: this.#numbers.slice(0, this.length), exact: this.#exact?.slice(0, this.length) };
	}
}

/** A Uint64Column that grows. */
export class GrowingUint64 {
	#low: Uint32Array;
	#high: Uint32Array;
	length = 0;

	constructor(capacity = 16) {
		this.#low = new Uint32Array(Math.max(capacity, 1));
		this.#high = new Uint32Array(Math.max(capacity, 1));
	}

	/** A number must be whole and in 0..2^53 - 1; a bigint is taken modulo 2^64. */
	push(value: number | bigint): void {
		if (typeof value === "number") this.pushHalves(value, Math.floor(value / 2 ** 32));
		else this.pushHalves(Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
	}

	/** Halves are taken modulo 2^32. */
	pushHalves(low: number, high: number): void {
		if (this.length === this.#low.length) {
			this.#low = grown(this.#low, Uint32Array);
			this.#high = grown(this.#high, Uint32Array);
		}
		this.#low[this.length] = low;
		this.#high[this.length++] = high;
	}

	finish(): Uint64Column {
		return { low: this.#low.slice(0, this.length), high: this.#high.slice(0, this.length) };
	}
}

/** An Int64Column that is filled by halves, row by row in their order, and grows. Rows that are never set are 0. */
export class Int64Rows {
	#numbers: Float64Array;
	/** rows beyond ±(2^53 - 1), and what stands there */
	readonly #large: [row: GrowingUint32, value: GrowingUint64] = [new GrowingUint32(1), new GrowingUint64(1)];

	constructor(capacity = 64) {
		this.#numbers = new Float64Array(capacity);
	}

	/** `high` and `low` are the halves of a two's complement figure. A row is set once. */
	set(row: number, low: number, high: number): void {
		if (row >= this.#numbers.length) this.#numbers = grown(this.#numbers, Float64Array);
		if (high === 0) {
			this.#numbers[row] = low;
			return;
		}
		const number = (high | 0) * 2 ** 32 + low;
		this.#numbers[row] = number;
		if (Number.isSafeInteger(number)) return;
		this.#large[0].push(row);
		this.#large[1].pushHalves(low, high);
	}

	/** The first `count` rows. */
	finish(count: number): Int64Column {
		const numbers = this.#numbers.subarray(0, count);
		const [rows, values] = [this.#large[0].finish(), this.#large[1].finish()];
		if (rows.length === 0) return { numbers, exact: undefined };
		const exact = exactCopy(numbers, count);
		for (const [i, row] of rows.entries()) exact[row] = uint64At(values, i);
		return { numbers, exact };
	}
}

/** The exact form of a column whose first `count` rows are exact numbers. */
export function exactCopy(numbers: Float64Array, count: number): BigInt64Array {
	const exact = new BigInt64Array(numbers.length);
	for (let i = 0; i < count; i++) exact[i] = BigInt(numbers[i] ?? 0);
	return exact;
}

function grown<T extends { readonly length: number; set(from: T): void }>(
	array: T,
	make: { new (length: number): T },
): T {
	const larger = new make(Math.max(array.length * 2, 16));
	larger.set(array);
	return larger;
}
