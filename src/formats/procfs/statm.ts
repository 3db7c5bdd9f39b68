import { ParseError } from "../../bytes/parse-error.ts";
import { decimal } from "./fields.ts";

/** /proc/PID/statm, all in pages. Cheap to read, and inexact as VmRSS is (drifted 6.5 MB from smaps on a busy process). */
export interface Statm {
	readonly size: number;
	readonly resident: number;
	/** resident pages of files and shared memory (RssFile + RssShmem) */
	readonly shared: number;
	readonly text: number;
	readonly data: number;
}

/** Throws ParseError. */
export function parseStatm(text: string): Statm {
	const [size, resident, shared, code, , data] = text.trim().split(" ", 16);
	if (data === undefined) throw new ParseError({ format: "statm", expected: "seven numbers" });
	return {
		size: decimal(size, "size", "statm"),
		resident: decimal(resident, "resident", "statm"),
		shared: decimal(shared, "shared", "statm"),
		text: decimal(code, "text", "statm"),
		data: decimal(data, "data", "statm"),
	};
}
