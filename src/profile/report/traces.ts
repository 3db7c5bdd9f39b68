import { compareText, padLeft } from "../go-format.ts";
import { NodeTable } from "../graph/node-table.ts";
import { meanOf } from "../graph/weights.ts";
import { label } from "../measurement.ts";
import { formatValue, type Prepared } from "../prepare.ts";
import { profileLabels } from "./labels.ts";

const RULE = "-----------+-------------------------------------------------------\n";

/** pprof's `traces`: each sample with its labels and its stack (internal/report, printTraces). */
export function* tracesReport(prepared: Prepared): Generator<string> {
	const { profile, value, divisor } = prepared;
	const { unit } = prepared.options;
	const table = new NodeTable(profile);
	const { locationStart, location, count } = profile.samples;
	yield `${profileLabels(prepared, unit).join("\n")}\n`;
	for (let s = 0; s < count; s++) {
		if (locationStart[s] === locationStart[s + 1]) continue;
		let text = RULE + sampleLabels(prepared, s);
		const figure = meanOf(value.numbers[s]!, divisor?.numbers[s]);
		let margin = formatValue(prepared, figure, unit);
		for (let at = locationStart[s]!; at < locationStart[s + 1]!; at++) {
			const first = table.start[location[at]!]!;
			const last = table.start[location[at]! + 1]! - 1;
			for (let i = first; i <= last; i++) {
				text += `${padLeft(margin, 10)}   ${table.name(table.node[i]!)}${i === last ? "" : " (inline)"}\n`;
				margin = "";
			}
		}
		yield text;
	}
	yield RULE;
}

/** The labels of a sample, a key per line, texts before numbers. */
function sampleLabels(prepared: Prepared, sample: number): string {
	const { strings, samples } = prepared.profile;
	const { labelStart, labels } = samples;
	if (labelStart[sample] === labelStart[sample + 1]) return "";
	const texts = new Map<string, string[]>();
	const numbers = new Map<string, string[]>();
	for (let row = labelStart[sample]!; row < labelStart[sample + 1]!; row++) {
		const key = strings.text(labels.key[row]!);
		const text = labels.text[row]!;
		const unit = prepared.units.get(labels.key[row]!) ?? "";
		const of = text >= 0 ? texts : numbers;
		const shown = text >= 0 ? strings.text(text) : label(labels.number.numbers[row]!, unit);
		of.set(key, [...(of.get(key) ?? []), shown]);
	}
	const lines = (of: ReadonlyMap<string, readonly string[]>): string =>
		[...of]
			.map(([key, values]) => `${padLeft(key, 10)}:  ${values.join(" ")}\n`)
			.sort(compareText)
			.join("");
	return lines(texts) + lines(numbers);
}
