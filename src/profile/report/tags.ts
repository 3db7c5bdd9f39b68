import { compareText, runeCount } from "../go-format.ts";
import { percentage, scaledLabel } from "../measurement.ts";
import { formatValue, type Prepared } from "../prepare.ts";

/** The values of one key of labels and what the samples with each weigh. */
export interface TagTable {
	readonly key: string;
	/** sum over all values: a sample with two values counts twice */
	readonly total: number;
	/** by weight, then by name */
	readonly values: readonly { readonly name: string; readonly weight: number }[];
}

/** What the samples weigh by label; numbers are grouped by how they read in the report's unit. */
export function tagTables(prepared: Prepared): readonly TagTable[] {
	const { strings, samples } = prepared.profile;
	const { labelStart, labels, count } = samples;
	const names = new Map<string, string>();
	const tables = new Map<number, { total: number; readonly values: Map<string, number> }>();
	const nameOf = (label: number): string => {
		const text = labels.text[label]!;
		if (text >= 0) return strings.text(text);
		const unit = prepared.units.get(labels.key[label]!) ?? "";
		const number = labels.number.numbers[label]!;
		const known = names.get(`${number} ${unit}`);
		if (known !== undefined) return known;
		const name = scaledLabel(number, unit, prepared.options.unit);
		names.set(`${number} ${unit}`, name);
		return name;
	};
	for (let s = 0; s < count; s++) {
		const weight = prepared.value.numbers[s]!;
		for (let label = labelStart[s]!; label < labelStart[s + 1]!; label++) {
			let table = tables.get(labels.key[label]!);
			if (table === undefined) {
				table = { total: 0, values: new Map() };
				tables.set(labels.key[label]!, table);
			}
			const name = nameOf(label);
			table.values.set(name, (table.values.get(name) ?? 0) + weight);
			table.total += weight;
		}
	}
	return [...tables]
		.map(([key, { total, values }]) => ({ key: strings.text(key), total, values: sortedValues(values) }))
		.sort((a, b) => compareText(a.key, b.key));
}

function sortedValues(values: ReadonlyMap<string, number>): TagTable["values"] {
	return [...values]
		.map(([name, weight]) => ({ name, weight }))
		.sort((a, b) => {
			if (a.weight !== b.weight) return Math.abs(b.weight) - Math.abs(a.weight);
			return compareText(a.name, b.name);
		});
}

/** pprof's `tags` (internal/report, printTags). */
export function* tagsReport(prepared: Prepared): Generator<string> {
	const { total } = prepared;
	const text = (value: number): string => formatValue(prepared, value, prepared.options.unit);
	const part = (value: number): string => (total > 0 ? ` (${percentage(value, total)})` : "");
	for (const { key, total: sum, values } of tagTables(prepared)) {
		const rows = [`${key}:\t Total ${text(sum)} of ${text(total)}${part(sum)}`];
		for (const { name, weight } of values) rows.push(` \t${text(weight)}${part(weight)}:\t ${name}`);
		yield `${alignedRight(rows.join("\n"))}\n\n`;
	}
}

/**
 * Columns aligned to the right, as Go's text/tabwriter does with AlignRight, padding 1 and spaces: cells end with a tab, and
 * consecutive lines that have a cell in a column share its width; what follows the last tab of a line is no cell.
 */
export function alignedRight(text: string): string {
	const lines = text.split("\n").map((line) => line.split("\t"));
	const padded = lines.map(() => "");
	const align = (from: number, to: number, column: number): void => {
		for (let i = from; i < to; i++) {
			if (lines[i]!.length - 1 <= column) continue;
			let end = i;
			let width = 0;
			for (; end < to && lines[end]!.length - 1 > column; end++) {
				width = Math.max(width, runeCount(lines[end]![column]!) + 1);
			}
			for (let at = i; at < end; at++) {
				const cell = lines[at]![column]!;
				padded[at] += " ".repeat(width - runeCount(cell)) + cell;
			}
			align(i, end, column + 1);
			i = end - 1;
		}
	};
	align(0, lines.length, 0);
	return lines.map((cells, i) => padded[i] + (cells.at(-1) ?? "")).join("\n");
}
