/** RFC 3339, also with a space for the T, a comma for the point, and without a zone */
const RFC3339 = /\b(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:\s?(Z|[-+]\d\d:?\d\d)(?![\d:]))?/;
/** Go's package log: 2006/01/02 15:04:05.000000, local time unless LUTC */
const GO_LOG = /(?<!\d)(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?/;
/** zap's and zerolog's numbers: seconds with a fraction, or ms, us, ns since 1970 */
const EPOCH = /["']?\b(?:ts|time|timestamp|t)["']?\s{0,2}[:=]\s{0,2}["']?(\d{10,19})(\.\d{1,9})?(?![\d.])/;
/** Time stamps stand in front as a rule; JSON may have them last. */
const MAX_LOOKED_AT = 4096;

/**
 * The time stamp of a log line in ms since 1970. A time without a zone is taken for UTC: differences stay right, but for
 * the hour when clocks change. Undefined where there is none.
 */
export function logTime(line: string): number | undefined {
	const text = line.slice(0, MAX_LOOKED_AT);
	const match = RFC3339.exec(text) ?? GO_LOG.exec(text);
	if (match !== null) return civilTime(match);
	const [, digits, fraction = ""] = EPOCH.exec(text) ?? [];
	if (digits === undefined) return undefined;
	if (digits.length <= 11) return Number(digits + fraction) * 1000;
	// 13 digits are ms until the year 2286, 16 us, 19 ns
	return Number(digits) / 1000 ** Math.round((digits.length - 13) / 3);
}

function civilTime(match: RegExpExecArray): number | undefined {
	const [, year, month, day, hour, minute, second, fraction = "", zone = "Z"] = match;
	const time = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
	const offset = /^([-+])(\d\d):?(\d\d)$/.exec(zone);
	const minutes = offset === null ? 0 : (Number(offset[2]) * 60 + Number(offset[3])) * (offset[1] === "-" ? -1 : 1);
	const valid =
		Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= 31 && Number(hour) <= 24;
	return valid && Number.isFinite(time) ? time + Number(`0.${fraction || 0}`) * 1000 - minutes * 60_000 : undefined;
}
