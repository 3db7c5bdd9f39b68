import { decodeUtf8 } from "../bytes/cursor.ts";
import { ParseError } from "../bytes/parse-error.ts";

/** Lists in a part are as long as a process's threads, mappings or build settings at most. */
const MAX_LIST = 1 << 22;

/** The JSON object of a bundle's part, its fields checked when they are taken. Everything wrong is a ParseError. */
export class PartFields {
	readonly #part: string;
	readonly #object: Readonly<Record<string, unknown>>;

	constructor(part: string, value: unknown) {
		this.#part = part;
		if (typeof value !== "object" || value === null || Array.isArray(value))
			throw this.#error("document", "an object", value);
		this.#object = value as Readonly<Record<string, unknown>>;
	}

	static parse(part: string, bytes: Uint8Array): PartFields {
		let value: unknown;
		try {
			value = JSON.parse(decodeUtf8(bytes));
		} catch (cause) {
			throw new ParseError({ format: "gomem bundle", field: part, expected: "JSON" }, { cause });
		}
		return new PartFields(part, value);
	}

	has(name: string): boolean {
		return this.#object[name] !== undefined;
	}

	text(name: string): string {
		const value = this.#object[name];
		if (typeof value !== "string") throw this.#error(name, "a text", value);
		return value;
	}

	boolean(name: string): boolean {
		const value = this.#object[name];
		if (typeof value !== "boolean") throw this.#error(name, "true or false", value);
		return value;
	}

	/** A number that is not negative; a whole one below 2^53 unless `fraction`. */
	number(name: string, fraction = false): number {
		const value = this.#object[name];
		const good =
			typeof value === "number" && value >= 0 && (fraction ? Number.isFinite(value) : Number.isSafeInteger(value));
		if (!good) throw this.#error(name, fraction ? "a number" : "a whole number", value);
		return value;
	}

	/** The load bias is below zero for a position-independent executable that is linked high. */
	integer(name: string): number {
		const value = this.#object[name];
		if (typeof value !== "number" || !Number.isSafeInteger(value)) throw this.#error(name, "a whole number", value);
		return value;
	}

	choice<const T extends string>(name: string, choices: readonly T[]): T {
		const value = this.text(name);
		const found = choices.find((choice) => choice === value);
		if (found === undefined) throw this.#error(name, choices.join(" or "), value);
		return found;
	}

	fields(name: string): PartFields {
		return new PartFields(`${this.#part} ${name}`, this.#object[name]);
	}

	/** The object as it is, for a reader of its own. */
	raw(name: string): Readonly<Record<string, unknown>> {
		return this.fields(name).#object;
	}

	objects(name: string): PartFields[] {
		return this.#list(name).map((value) => new PartFields(`${this.#part} ${name}`, value));
	}

	numbers(name: string): number[] {
		const list = this.#list(name);
		for (const value of list)
			if (!Number.isSafeInteger(value) || Number(value) < 0) throw this.#error(name, "whole numbers", value);
		return list as number[];
	}

	texts(): Record<string, string> {
		const entries = Object.entries(this.#object);
		for (const [name, value] of entries) if (typeof value !== "string") throw this.#error(name, "a text", value);
		return Object.fromEntries(entries) as Record<string, string>;
	}

	numbersByName(): Record<string, number> {
		return Object.fromEntries(Object.keys(this.#object).map((name) => [name, this.number(name)]));
	}

	#list(name: string): readonly unknown[] {
		const value = this.#object[name];
		if (!Array.isArray(value) || value.length > MAX_LIST)
			throw this.#error(name, `a list of at most ${MAX_LIST}`, value);
		return value;
	}

	#error(field: string, expected: string, value: unknown): ParseError {
		const actual = String(JSON.stringify(value) ?? "nothing").slice(0, 60);
		return new ParseError({ format: "gomem bundle", field: `${this.#part}: ${field}`, expected, actual });
	}
}
