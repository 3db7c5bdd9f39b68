import { int64Text, uint64Hex, uint64Text } from "./columns.ts";
import { type Profile, symbolized } from "./model.ts";

export interface TextOptions {
	/** the offset from UTC, in minutes, and the short name of the time zone at a time (ms since 1970); default: UTC */
	readonly zone?: (milliseconds: number) => { readonly offsetMinutes: number; readonly name: string };
}

/**
 * A profile as text, byte for byte as Profile.String of github.com/google/pprof/profile writes it; `go tool pprof -raw`
 * prints that, after it has merged and pruned. A part is some whole lines: the text of a large profile is too long for one string.
 */
export function* profileTextParts(profile: Profile, options: TextOptions = {}): Generator<string> {
	yield headerText(profile, options);
	const label = new LabelText(profile);
	const ids = Array.from({ length: profile.locations.count }, (_, row) => `${uint64Text(profile.locations.id, row)} `);
	yield* inParts(profile.samples.count, (sample) => sampleText(profile, sample, ids, label));
	yield "Locations\n";
	yield* inParts(profile.locations.count, (location) => locationText(profile, location));
	yield "Mappings\n";
	yield* inParts(profile.mappings.count, (mapping) => mappingText(profile, mapping));
}

/** The parts of profileTextParts in one string. */
export function profileText(profile: Profile, options: TextOptions = {}): string {
	return [...profileTextParts(profile, options)].join("");
}

const ROWS_PER_PART = 4096;

function* inParts(count: number, text: (row: number) => string): Generator<string> {
	for (let start = 0; start < count; start += ROWS_PER_PART) {
		let part = "";
		for (let row = start; row < Math.min(count, start + ROWS_PER_PART); row++) part += text(row);
		yield part;
	}
}

function headerText(profile: Profile, options: TextOptions): string {
	const lines = profile.comments.map((comment) => `Comment: ${comment}`);
	if (profile.docUrl !== "") lines.push(`Doc: ${profile.docUrl}`);
	lines.push(`PeriodType: ${profile.periodType.type} ${profile.periodType.unit}`, `Period: ${profile.period}`);
	if (profile.timeNanos !== 0n) lines.push(`Time: ${timeText(profile.timeNanos, options)}`);
	// Sprintf("%.4v") of a time.Duration cuts its text to four characters
	if (profile.durationNanos !== 0n) lines.push(`Duration: ${durationText(profile.durationNanos).slice(0, 4)}`);
	const types = profile.sampleTypes.map(({ type, unit }) => {
		return `${type}/${unit}${type === profile.defaultSampleType ? "[dflt]" : ""} `;
	});
	lines.push("Samples:", trimSpace(types.join("")));
	return `${lines.join("\n")}\n`;
}

/** strings.TrimSpace: what unicode.IsSpace holds for space, which String.prototype.trim exceeds by U+FEFF */
function trimSpace(text: string): string {
	return text.replace(/^[\t-\r \u0085\p{Z}]+|[\t-\r \u0085\p{Z}]+$/gu, "");
}

function sampleText(profile: Profile, sample: number, ids: readonly string[], label: LabelText): string {
	const { samples } = profile;
	let text = "";
	for (const column of samples.values) text += ` ${int64Text(column, sample).padStart(10)}`;
	text += ": ";
	const end = samples.locationStart[sample + 1] ?? 0;
	for (let i = samples.locationStart[sample] ?? 0; i < end; i++) text += ids[samples.location[i] ?? 0];
	return `${text}\n${label.lines(sample)}`;
}

/** The labels of a sample: a line for those with text, a line for those with a number, keys in byte order. */
class LabelText {
	readonly #profile: Profile;

	constructor(profile: Profile) {
		this.#profile = profile;
	}

	lines(sample: number): string {
		const { labelStart } = this.#profile.samples;
		const [from, to] = [labelStart[sample] ?? 0, labelStart[sample + 1] ?? 0];
		if (from === to) return "";
		return this.#line(from, to, false) + this.#line(from, to, true);
	}

	#line(from: number, to: number, numbers: boolean): string {
		const { labels } = this.#profile.samples;
		const { strings } = this.#profile;
		const rows = new Map<number, number[]>();
		for (let row = from; row < to; row++) {
			if ((labels.text[row] ?? 0) < 0 !== numbers) continue;
			const key = labels.key[row] ?? 0;
			const list = rows.get(key);
			if (list === undefined) rows.set(key, [row]);
			else list.push(row);
		}
		if (rows.size === 0) return "";
		const parts = Array.from(rows, ([key, list]) => {
			const values = numbers ? this.#numbers(list) : list.map((row) => strings.text(labels.text[row] ?? 0));
			return `${strings.text(key)}:[${values.join(" ")}]`;
		});
		return `                ${parts.sort(inByteOrder).join(" ")}\n`;
	}

	/** If one number of a key has a unit, all are printed with theirs. */
	#numbers(rows: readonly number[]): string[] {
		const { labels } = this.#profile.samples;
		const units = rows.some((row) => labels.unit[row] !== 0);
		return rows.map((row) => {
			const number = int64Text(labels.number, row);
			return units ? `${number} ${this.#profile.strings.text(labels.unit[row] ?? 0)}` : number;
		});
	}
}

function locationText(profile: Profile, location: number): string {
	const { strings, locations, lines, functions, mappings } = profile;
	let text = `${uint64Text(locations.id, location).padStart(6)}: 0x${uint64Hex(locations.address, location)} `;
	const mapping = locations.mapping[location] ?? -1;
	if (mapping >= 0) text += `M=${uint64Text(mappings.id, mapping)} `;
	if (locations.folded[location] === 1) text += "[F] ";
	const [from, to] = [locations.lineStart[location] ?? 0, locations.lineStart[location + 1] ?? 0];
	for (let row = from; row < to; row++) {
		const f = lines.function[row] ?? 0;
		const name = functions.name[f] ?? 0;
		const systemName = functions.systemName[f] ?? 0;
		if (row > from) text += "\n             ";
		text += `${strings.text(name)} ${strings.text(functions.filename[f] ?? 0)}`;
		text += `:${int64Text(lines.line, row)}:${int64Text(lines.column, row)} s=${int64Text(functions.startLine, f)}`;
		if (systemName !== name) text += `(${strings.text(systemName)})`;
	}
	return `${text}\n`;
}

const BITS = [
	[symbolized.functions, "[FN]"],
	[symbolized.filenames, "[FL]"],
	[symbolized.lineNumbers, "[LN]"],
	[symbolized.inlineFrames, "[IN]"],
] as const;

function mappingText({ mappings, strings }: Profile, row: number): string {
	const range = [mappings.start, mappings.limit, mappings.offset].map((column) => `0x${uint64Hex(column, row)}`);
	const bits = BITS.map(([bit, text]) => (((mappings.symbolized[row] ?? 0) & bit) === 0 ? "" : text));
	const filename = strings.text(mappings.filename[row] ?? 0);
	const buildId = strings.text(mappings.buildId[row] ?? 0);
	return `${uint64Text(mappings.id, row)}: ${range.join("/")} ${filename} ${buildId} ${bits.join("")}\n`;
}

/** Go compares strings by their UTF-8 bytes, which is by code points. */
export function inByteOrder(a: string, b: string): number {
	if (a === b) return 0;
	const length = Math.min(a.length, b.length);
	for (let i = 0; i < length; i++) {
		const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
		// surrogates stand for code points above all others of 16 bits
		if (x !== y) return (x >= 0xd800 && x < 0xe000 ? x + 0x10000 : x) - (y >= 0xd800 && y < 0xe000 ? y + 0x10000 : y);
	}
	return a.length - b.length;
}

/** time.Time.String: `2006-01-02 15:04:05.999999999 -0700 MST` */
function timeText(nanos: bigint, { zone }: TextOptions): string {
	const seconds = nanos / 1_000_000_000n - (nanos % 1_000_000_000n < 0n ? 1n : 0n);
	const fraction = nanos - seconds * 1_000_000_000n;
	const milliseconds = Number(seconds) * 1000;
	const { offsetMinutes, name } = zone?.(milliseconds) ?? { offsetMinutes: 0, name: "UTC" };
	const date = new Date(milliseconds + offsetMinutes * 60_000).toISOString().slice(0, 19).replace("T", " ");
	const digits = fraction === 0n ? "" : `.${String(fraction).padStart(9, "0").replace(/0+$/, "")}`;
	const minutes = Math.abs(offsetMinutes);
	const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
	return `${date}${digits} ${offsetMinutes < 0 ? "-" : "+"}${two(minutes / 60)}${two(minutes % 60)} ${name}`;
}

/** time.Duration.String: `1h2m3.5s`, `1.5ms` */
function durationText(nanos: bigint): string {
	const sign = nanos < 0n ? "-" : "";
	const size = nanos < 0n ? -nanos : nanos;
	const parts = (unit: bigint, name: string) => `${sign}${decimal(size, unit)}${name}`;
	if (size < 1_000n) return parts(1n, "ns");
	if (size < 1_000_000n) return parts(1_000n, "µs");
	if (size < 1_000_000_000n) return parts(1_000_000n, "ms");
	const minutes = size / 60_000_000_000n;
	const seconds = `${decimal(size % 60_000_000_000n, 1_000_000_000n)}s`;
	if (minutes === 0n) return sign + seconds;
	return minutes < 60n ? `${sign}${minutes}m${seconds}` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function decimal(value: bigint, unit: bigint): string {
	const rest = value % unit;
	if (rest === 0n) return String(value / unit);
	const digits = String(rest).padStart(String(unit).length - 1, "0");
	return `${value / unit}.${digits.replace(/0+$/, "")}`;
}
