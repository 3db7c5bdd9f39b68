/** A growing column of numbers, cut to its length when it is done. */
export class FloatColumn {
	#values = new Float64Array(1024);
	length = 0;

	push(value: number): void {
		if (this.length === this.#values.length) {
			const larger = new Float64Array(this.length * 2);
			larger.set(this.#values);
			this.#values = larger;
		}
		this.#values[this.length++] = value;
	}

	finish(): Float64Array {
		return this.#values.slice(0, this.length);
	}
}

/** The same for whole numbers of 32 bits. */
export class IntColumn {
	#values = new Int32Array(1024);
	length = 0;

	push(value: number): void {
		if (this.length === this.#values.length) {
			const larger = new Int32Array(this.length * 2);
			larger.set(this.#values);
			this.#values = larger;
		}
		this.#values[this.length++] = value;
	}

	finish(): Int32Array {
		return this.#values.slice(0, this.length);
	}
}
