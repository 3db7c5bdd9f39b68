/** What was wrong with the bytes of a file, of another process's memory, or of a text. */
export interface ParseErrorDetail {
	/** the format being read: "elf", "pclntab", "smaps", "runtime" … */
	readonly format: string;
	/** absolute offset (file) or address (memory) of the first byte that could not be believed */
	readonly offset?: number;
	/** the field that was being read, in the format's own words */
	readonly field?: string;
	readonly expected?: string;
	readonly actual?: string;
}

/**
 * The only error that a decoder may throw because of its input. Anything else that escapes a decoder is a bug.
 */
export class ParseError extends Error {
	readonly detail: ParseErrorDetail;

	constructor(detail: ParseErrorDetail, options?: ErrorOptions) {
		super(describe(detail), options);
		this.name = "ParseError";
		this.detail = detail;
	}
}

function describe(d: ParseErrorDetail): string {
	let text = d.format;
	if (d.offset !== undefined) text += ` at 0x${d.offset.toString(16)}`;
	if (d.field !== undefined) text += `: ${d.field}`;
	if (d.expected !== undefined) text += `: expected ${d.expected}`;
	if (d.actual !== undefined) text += `${d.expected === undefined ? ":" : ","} found ${d.actual}`;
	return text;
}
