import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { GomemError } from "./errors.ts";
import { type Annotations, parseBytes, parseDuration } from "./operation-values.ts";

/** The keywords of JSON Schema that gomem's own schemas use, read without TypeBox's types in the way. */
export interface SchemaView extends Annotations {
	readonly type?: string;
	readonly description?: string;
	readonly default?: unknown;
	readonly enum?: readonly unknown[];
	readonly const?: unknown;
	readonly anyOf?: readonly SchemaView[];
	readonly items?: SchemaView;
	readonly properties?: Readonly<Record<string, SchemaView>>;
	readonly required?: readonly string[];
	readonly pattern?: string;
	readonly minimum?: number;
	readonly maximum?: number;
	readonly minLength?: number;
}

export function viewOf(schema: TSchema): SchemaView {
	return schema as SchemaView;
}

export function propertiesOf(schema: TSchema): readonly (readonly [string, SchemaView])[] {
	return Object.entries(viewOf(schema).properties ?? {});
}

/** The values to choose from, for an enum or a union of literals. */
export function choicesOf(schema: SchemaView): readonly string[] | undefined {
	if (schema.enum !== undefined) return schema.enum.map(String);
	const literals = schema.anyOf?.map((one) => one.const);
	return literals?.every((one) => one !== undefined) ? literals.map(String) : undefined;
}

/** What the words around a value are called: a flag in the CLI, a query parameter in HTTP, a key in gomem.toml. */
export type Naming = (property: string) => string;

/**
 * Turns raw values (strings from a command line, JSON from a client) into what a handler receives: text becomes numbers,
 * booleans and one-element lists where the schema wants them, defaults are filled in, everything is checked, durations
 * become milliseconds and sizes bytes. Throws GomemError with `code` and the name of the first value that is wrong.
 */
export function convert(
	schema: TSchema,
	raw: Readonly<Record<string, unknown>>,
	code: string,
	naming: Naming,
): unknown {
	const values: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(raw)) {
		if (value === undefined) continue;
		const property = viewOf(schema).properties?.[name];
		values[name] = property === undefined ? value : coerce(property, value);
	}
	const filled = Value.Default(schema, values) as Record<string, unknown>;
	if (!Value.Check(schema, filled)) throw explain(schema, filled, code, naming);
	for (const [name, property] of propertiesOf(schema)) {
		if (filled[name] !== undefined) filled[name] = inUnits(property, filled[name], code, naming(name));
	}
	return filled;
}

function coerce(schema: SchemaView, value: unknown): unknown {
	if (schema.type === "array" && schema.items !== undefined) {
		const items = schema.items;
		return Array.isArray(value) ? value.map((one) => coerce(items, one)) : [coerce(items, value)];
	}
	if (typeof value !== "string") return value;
	if ((schema.type === "integer" || schema.type === "number") && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value)) {
		return Number(value);
	}
	if (schema.type === "boolean" && (value === "true" || value === "1")) return true;
	if (schema.type === "boolean" && (value === "false" || value === "0")) return false;
	return value;
}

function inUnits(schema: SchemaView, value: unknown, code: string, name: string): unknown {
	if (typeof value !== "string" || schema.type !== "string") return value;
	if (schema.unit === "duration") return parseDuration(value);
	if (schema.unit !== "bytes") return value;
	const bytes = parseBytes(value);
	if (bytes === undefined) throw new GomemError({ code, message: `${name}: ${value} is more than any machine has` });
	return bytes;
}

function explain(schema: TSchema, values: Readonly<Record<string, unknown>>, code: string, naming: Naming): GomemError {
	for (const name of viewOf(schema).required ?? []) {
		if (values[name] === undefined) {
			const about = viewOf(schema).properties?.[name]?.description;
			return new GomemError({
				code,
				message: `${naming(name)} is missing`,
				...(about !== undefined && { why: about }),
			});
		}
	}
	for (const [name, value] of Object.entries(values)) {
		const property = viewOf(schema).properties?.[name];
		if (property === undefined) return new GomemError({ code, message: `${naming(name)} is not known here` });
		if (Value.Check(property as TSchema, value)) continue;
		return new GomemError({
			code,
			message: `${naming(name)} cannot be ${property.secret === true ? "what it is" : JSON.stringify(value)}`,
			why: `expected ${expectation(property)}`,
		});
	}
	const first = Value.Errors(schema, values)[0];
	return new GomemError({
		code,
		message: `the input does not fit: ${first?.instancePath ?? ""} ${first?.message ?? ""}`,
	});
}

/** What a value has to look like, in words: "one of auto, always, never", "a duration such as 500ms, 5s, 1m or 2h". */
export function expectation(schema: SchemaView): string {
	const choices = choicesOf(schema);
	if (choices !== undefined) return `one of ${choices.join(", ")}`;
	if (schema.type === "string" && schema.unit === "duration") return "a duration such as 500ms, 5s, 1m or 2h";
	if (schema.type === "string" && schema.unit === "bytes") return "a size such as 4096, 64MiB or 1.5GiB";
	if (schema.type === "array" && schema.items !== undefined) return `a list, each ${expectation(schema.items)}`;
	if (schema.type === "boolean") return "true or false";
	if (schema.type === "string") return (schema.minLength ?? 0) > 0 ? "some text" : "text";
	const number = schema.type === "integer" ? "a whole number" : "a number";
	if (schema.minimum !== undefined && schema.maximum !== undefined) {
		return `${number} from ${schema.minimum} to ${schema.maximum}`;
	}
	if (schema.minimum !== undefined) return `${number}, ${schema.minimum} or more`;
	return schema.maximum === undefined ? number : `${number}, ${schema.maximum} or less`;
}
