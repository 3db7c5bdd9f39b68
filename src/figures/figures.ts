/** How figures are written: binary units as Go writes them, a space before the unit, one or two decimals. */

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
export type BinaryUnit = (typeof BINARY)[number];

export interface BytesFormat {
	/** always this unit, so that a column compares by eye */
	readonly unit?: BinaryUnit;
	/** default: none for B, two from GiB on, else one */
	readonly decimals?: number;
	/** a + before what is not negative */
	readonly sign?: boolean;
	/** right-aligned to so many columns; 10 fits every size */
	readonly width?: number;
}

/** `512 B`, `61.7 MiB`, `1.42 GiB`. */
export function bytes(value: number, format: BytesFormat = {}): string {
	const size = Math.abs(value);
	let index = format.unit === undefined ? 0 : BINARY.indexOf(format.unit);
	if (format.unit === undefined) {
		// 1023.97 KiB would be written as 1024.0 KiB: that is 1.0 MiB
		while (index < BINARY.length - 1 && size / 1024 ** index >= (index === 0 ? 1023.5 : 1023.95)) index++;
	}
	const decimals = format.decimals ?? (index === 0 ? 0 : index >= 3 ? 2 : 1);
	const digits = (size / 1024 ** index).toFixed(decimals);
	const sign = value < 0 && Number(digits) !== 0 ? "-" : format.sign === true ? "+" : "";
	return `${sign}${index === 0 ? grouped(digits) : digits} ${BINARY[index]}`.padStart(format.width ?? 0);
}

/** `+212 MiB/h`, from bytes per hour: whole units from 10 on, one decimal below. */
export function rate(bytesPerHour: number): string {
	const small = scaled(Math.abs(bytesPerHour)) < 10;
	return `${bytes(bytesPerHour, { sign: true, decimals: small ? 1 : 0 })}/h`;
}

function scaled(size: number): number {
	let left = size;
	while (left >= 1024) left /= 1024;
	return left;
}

const MINUTE = 60e3;
const HOUR = 3600e3;
const DAY = 86400e3;

/** `340 ms`, `4.2 s`, `12 s`, `2 min 50 s`, `2 h 50 min`, `3 d 4 h`, from milliseconds. */
export function duration(milliseconds: number): string {
	const sign = milliseconds < 0 ? "-" : "";
	const ms = Math.abs(milliseconds);
	if (ms < 1) return ms === 0 ? "0 s" : `${sign}${ms.toFixed(2)} ms`;
	if (Math.round(ms) < 1000) return `${sign}${Math.round(ms)} ms`;
	if (ms < 9950) return `${sign}${(ms / 1000).toFixed(1).replace(/\.0$/, "")} s`;
	if (Math.round(ms / 1000) < 60) return `${sign}${Math.round(ms / 1000)} s`;
	if (Math.round(ms / 1000) < 3600) return sign + two(ms, MINUTE, "min", 1000, "s");
	if (Math.round(ms / MINUTE) < 24 * 60) return sign + two(ms, HOUR, "h", MINUTE, "min");
	return sign + two(ms, DAY, "d", HOUR, "h");
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
	const smalls = Math.round(ms / small);
	const per = large / small;
	const rest = smalls % per;
	return `${grouped(String(Math.floor(smalls / per)))} ${largeName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`;
}

/** `1,204`. */
export function count(value: number): string {
	return value < 0 ? `-${grouped(String(-value))}` : grouped(String(value));
}

function grouped(digits: string): string {
	const dot = digits.indexOf(".");
	const whole = dot < 0 ? digits : digits.slice(0, dot);
	if (whole.length < 4 || whole.includes("e")) return digits;
	return whole.replace(/\B(?=(\d{3})+$)/g, ",") + digits.slice(whole.length);
}

/** `35 %` from 0.35; `<1 %` for what is there and rounds to nothing. */
export function percent(share: number, decimals = 0): string {
	const digits = (share * 100).toFixed(decimals);
	if (Math.abs(share) >= 0.01 || Number(digits) !== 0) return `${digits} %`;
	if (share > 0) return `<${decimals === 0 ? "1" : (10 ** -decimals).toFixed(decimals)} %`;
	return `${digits.replace("-", "")} %`;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** A bar of block glyphs, `share` of `width` columns long; whatever is there at all shows at least an eighth. */
export function bar(share: number, width: number): string {
	if (!(share > 0)) return "";
	const eighths = Math.max(1, Math.round(Math.min(share, 1) * width * 8));
	return "█".repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? "");
}

const LEVELS = "▁▂▃▄▅▆▇█";

/** One glyph per value, from the smallest to the largest; a gap for what is not a number. At most `width`: the last ones. */
export function sparkline(values: readonly number[], width = values.length): string {
	const shown = values.slice(Math.max(0, values.length - width));
	const known = shown.filter(Number.isFinite);
	const low = Math.min(...known);
	const span = Math.max(...known) - low;
	const glyph = (value: number) => {
		if (!Number.isFinite(value)) return " ";
		return LEVELS[span === 0 ? 0 : Math.min(7, Math.floor(((value - low) / span) * 8))] ?? " ";
	};
	return shown.map(glyph).join("");
}
