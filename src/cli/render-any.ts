import type { TSchema } from "typebox";
import type { Result } from "../api/operation.ts";
import { propertiesOf, type SchemaView, viewOf } from "../api/schema.ts";
import { bytes, count, duration, percent, rate } from "../figures/figures.ts";
import { align, clip, table, visible } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Any result document as text, for operations without a renderer of their own: scalars as `name  value`, arrays of flat
 * objects as tables, objects in objects indented. Units come from the schema.
 */
export function renderAny(result: Result, schema: TSchema, terminal: Terminal): string {
	return lines(result, viewOf(schema), terminal, 0)
		.join("\n")
		.replace(/^\n+|\n+$/g, "");
}

function lines(value: Result, schema: SchemaView, terminal: Terminal, indent: number): string[] {
	const entries = Object.entries(value).filter(
		([key, one]) => one !== undefined && !(indent === 0 && key === "schema"),
	);
	const names = entries.filter(([, one]) => isScalar(one)).map(([key]) => visible(words(key)));
	const width = Math.max(0, ...names);
	const space = " ".repeat(indent);
	return entries.flatMap(([key, one]) => {
		const property = schema.properties?.[key] ?? {};
		const name = words(key);
		if (isScalar(one)) {
			const text = cell(one, property);
			return [`${space}${terminal.style("dim", align(name, width, false))}  ${clip(text, 100 - indent - width - 2)}`];
		}
		if (!Array.isArray(one)) {
			return ["", `${space}${terminal.style("bold", name)}`, ...lines(one as Result, property, terminal, indent + 2)];
		}
		return ["", `${space}${terminal.style("bold", name)}`, ...list(one, property.items ?? {}, terminal, indent + 2)];
	});
}

function list(values: readonly unknown[], schema: SchemaView, terminal: Terminal, indent: number): string[] {
	const space = " ".repeat(indent);
	if (values.every(isScalar)) return values.map((one) => clip(space + cell(one, schema), terminal.columns));
	if (!values.every(isFlat)) {
		return values.flatMap((one) => [
			...(isScalar(one) ? [space + cell(one, schema)] : lines(one as Result, schema, terminal, indent)),
			"",
		]);
	}
	const rows = values as readonly Result[];
	const declared = propertiesOf(schema as TSchema).map(([key]) => key);
	const keys = [...new Set([...declared, ...rows.flatMap((row) => Object.keys(row))])].filter((key) =>
		rows.some((row) => row[key] !== undefined),
	);
	const columns = keys.map((key) => ({
		head: words(key),
		right: rows.every((row) => row[key] === undefined || typeof row[key] === "number"),
	}));
	const cells = rows.map((row) => keys.map((key) => cell(row[key], schema.properties?.[key] ?? {})));
	return table(columns, cells, terminal.columns - indent)
		.split("\n")
		.map((line, i) => space + (i === 0 ? terminal.style("dim", line) : line));
}

function cell(value: unknown, schema: SchemaView): string {
	if (value === undefined || value === null) return "";
	if (Array.isArray(value) && value.length === 0) return "none";
	if (typeof value === "boolean") return value ? "yes" : "no";
	if (typeof value !== "number") return typeof value === "string" ? value.replaceAll("\n", " ") : JSON.stringify(value);
	switch (schema.unit) {
		case "bytes":
			return bytes(value);
		case "bytes-per-hour":
			return rate(value);
		case "duration":
			return duration(value);
		case "percent":
			return percent(value, 1);
		case "count":
			return count(value);
		default:
			return String(value);
	}
}

/** A value of one line; an empty list is one. */
function isScalar(value: unknown): boolean {
	return typeof value !== "object" || value === null || (Array.isArray(value) && value.length === 0);
}

function isFlat(value: unknown): boolean {
	return !isScalar(value) && !Array.isArray(value) && Object.values(value as object).every(isScalar);
}

/** heapInuse → heap inuse */
function words(key: string): string {
	return key.replace(/([a-z0-9])([A-Z])/g, (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`);
}
