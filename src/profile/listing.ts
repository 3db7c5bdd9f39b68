import { compareText, padLeft } from "./go-format.ts";
import { nodeValues } from "./graph/accumulate.ts";
import { NodeTable } from "./graph/node-table.ts";
import { trimmedPath } from "./graph/paths.ts";
import { sampleWeights } from "./graph/weights.ts";
import { percentage } from "./measurement.ts";
import { formatValue, type Prepared } from "./prepare.ts";

/** The lines of a source file, or why it cannot be read. */
export type ReadSource = (path: string) => { readonly lines: readonly string[] } | { readonly error: string };

/** Weights are in the unit of the sample type, before `divide_by`. */
interface Weighed {
	readonly flat: number;
	readonly cum: number;
}

export interface ListedLine extends Weighed {
	readonly line: number;
	/** without its line break */
	readonly text: string;
}

/** A function in one of the files that it has samples in. */
export interface ListedFunction extends Weighed {
	readonly function: string;
	/** as the profile has it, without the prefixes to trim; "" where it does not say */
	readonly file: string;
	/** none where the source is not there, for which `problem` says why */
	readonly lines: readonly ListedLine[];
	readonly problem?: string;
}

/** Lines shown before the first and after the last one with samples (google/pprof internal/report/source.go). */
const MARGIN = 5;
/** Generated functions may span a whole file; more is no listing that anyone reads. */
const MAX_LINES = 100_000;

/**
 * The source of the functions that match the pattern, with what each line weighs, by name and then by file (internal/report/
 * source.go, printSource). Of a profile prepared as `list`.
 */
export function listing(prepared: Prepared, read: ReadSource): readonly ListedFunction[] | { readonly error: string } {
	const { options, profile, pattern } = prepared;
	const table = new NodeTable(profile, {
		binaries: true,
		trimPath: (path) => trimmedPath(path, options.trim_path, options.source_path),
	});
	const weights = nodeValues(profile.samples, table, sampleWeights(prepared.value, prepared.divisor));
	const flat = weights.flat.numbers;
	const cum = weights.cum.numbers;
	const byName = new Map<string, Map<string, Member[]>>();
	for (let node = 0; node < table.count; node++) {
		const own: Weighed = { flat: flat[node]!, cum: cum[node]! }; // a weight for each node
		const name = table.functionName(node);
		if (!isShown(own, options.drop_negative) || pattern?.matches(name) === false) continue;
		const files = byName.get(name) ?? new Map<string, Member[]>();
		const file = table.file(node);
		files.set(file, [...(files.get(file) ?? []), { ...own, line: table.line(node), start: table.startLine(node) }]);
		byName.set(name, files);
	}
	if (byName.size === 0) return { error: `no matches found for regexp: ${pattern?.pattern ?? ""}` };
	return inOrder(byName).flatMap(([name, files]) =>
		inOrder(files)
			// a file that is not known is told only where there is no other
			.filter(([file]) => file !== "" || files.size === 1)
			.map(([file, members]) => listed(name, file, members, read)),
	);
}

interface Member extends Weighed {
	readonly line: number;
	/** first line of the function; 0 where unknown */
	readonly start: number;
}

/** graph.go, selectNodesForGraph */
function isShown({ flat, cum }: Weighed, dropNegative: boolean): boolean {
	if (flat === 0 && cum === 0) return false;
	return !(dropNegative && (flat < 0 || (flat === 0 && cum < 0)));
}

function inOrder<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
	return [...map].sort(([a], [b]) => compareText(a, b));
}

function sumOf(members: readonly Weighed[]): Weighed {
	let flat = 0;
	let cum = 0;
	for (const member of members) {
		flat += member.flat;
		cum += member.cum;
	}
	return { flat, cum };
}

function listed(name: string, file: string, members: readonly Member[], read: ReadSource): ListedFunction {
	const head = { function: name, file, ...sumOf(members) };
	if (file === "") return { ...head, lines: [], problem: "the profile does not say where it is" };
	const source = read(file);
	if ("error" in source) return { ...head, lines: [], problem: source.error };
	const byLine = new Map<number, Member[]>();
	for (const member of members) byLine.set(member.line, [...(byLine.get(member.line) ?? []), member]);
	const { start, end } = rangeOf(members);
	const lines: ListedLine[] = [];
	for (let line = start; line <= end && lines.length < MAX_LINES; line++) {
		const text = source.lines[line - 1];
		if (text === undefined) break;
		lines.push({ line, text, ...sumOf(byLine.get(line) ?? []) });
	}
	return { ...head, lines };
}

/** From the function's first line, or some lines before the first with samples, to some after the last. */
function rangeOf(members: readonly Member[]): { readonly start: number; readonly end: number } {
	let start = Number.POSITIVE_INFINITY;
	let end = 0;
	for (const member of members) {
		start = Math.min(start, member.start === 0 ? member.line - MARGIN : member.start);
		end = Math.max(end, member.line + MARGIN);
	}
	return { start: Math.max(1, start), end };
}

/** pprof's `list`, of what `listing` found. */
export function* listReport(prepared: Prepared, functions: readonly ListedFunction[]): Generator<string> {
	const text = (value: number): string => formatValue(prepared, value, prepared.options.unit);
	const orDot = (value: number): string => padLeft(value === 0 ? "." : text(value), 10);
	yield `Total: ${text(prepared.total)}\n`;
	for (const { function: name, file, flat, cum, lines, problem } of functions) {
		if (file === "") {
			yield `No source information for ${name}\n`;
			continue;
		}
		yield `ROUTINE ======================== ${name} in ${file}\n`;
		yield `${padLeft(text(flat), 10)} ${padLeft(text(cum), 10)} (flat, cum) ${percentage(cum, prepared.total)} of Total\n`;
		if (problem !== undefined) yield ` Error: ${problem}\n`;
		for (const line of lines) {
			yield `${orDot(line.flat)} ${orDot(line.cum)} ${padLeft(String(line.line), 6)}:${line.text}\n`;
		}
	}
}
