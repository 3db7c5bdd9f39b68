import { ParseError } from "../../bytes/parse-error.ts";
import { decimal, quoted } from "./fields.ts";

/** A resource limit in the unit named; undefined is unlimited. */
export interface ResourceLimit {
	readonly soft: number | undefined;
	readonly hard: number | undefined;
	/** bytes, seconds, files, processes, signals, locks, us; "" for priorities */
	readonly unit: string;
}

/**
 * /proc/PID/limits by the kernel's names (lnames in fs/proc/base.c): "Max address space", "Max data size", "Max open files",
 * "Max locked memory", "Max core file size" … Throws ParseError.
 */
export function parseLimits(text: string): ReadonlyMap<string, ResourceLimit> {
	const limits = new Map<string, ResourceLimit>();
	for (const line of text.split("\n", 64).slice(1)) {
		if (line === "") continue;
		// "%-25s %-20s %-20s %-10s": names hold single spaces
		const match = /^(\S(?: ?\S){0,40}) +(unlimited|[0-9]{1,20}) +(unlimited|[0-9]{1,20})(?: +(\S{1,20}))? *$/.exec(
			line,
		);
		if (match === null) {
			throw new ParseError({ format: "limits", expected: "a name, two limits and a unit", actual: quoted(line) });
		}
		const [, name = "", soft, hard, unit = ""] = match;
		limits.set(name, { soft: limit(soft, name), hard: limit(hard, name), unit });
	}
	return limits;
}

function limit(value: string | undefined, name: string): number | undefined {
	return value === "unlimited" ? undefined : decimal(value, name, "limits");
}
