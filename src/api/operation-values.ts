import { type TSchemaOptions, type TUnsafe, Type } from "typebox";
import type { Effect } from "./operation-words.ts";

/**
 * What gomem adds to JSON Schema's own keywords. Every surface may use them; a JSON Schema validator ignores them.
 * `short` a one-letter flag; `placeholder` the word in `--flag <word>`; `positional` given by place, not by flag;
 * `bare` the value when the flag stands alone (`--pause` for `--pause=500ms`); `setting` the "section.key" that stands in
 * where the input is absent; `effect` what giving it a value other than false does; `unit` how a number is shown; `secret`
 * never printed.
 */
export interface Annotations {
	readonly short?: string;
	readonly placeholder?: string;
	readonly positional?: boolean;
	readonly bare?: string;
	readonly setting?: string;
	readonly effect?: Effect;
	readonly unit?: Unit;
	readonly secret?: boolean;
	readonly heading?: string;
}

export type Unit = "bytes" | "duration" | "count" | "percent" | "bytes-per-hour";

type InputOptions = TSchemaOptions & Annotations & { readonly description: string; readonly default?: string };

const DURATION = "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$";
const BYTES = "^[0-9]+(\\.[0-9]+)?(B|[KMGT]i?B?)?$";

/** An input that is a length of time: a string such as 500ms, 5s, 1m, 2h or 1d outside, milliseconds in the handler. */
export function Duration(options: InputOptions): TUnsafe<number> {
	return Type.Unsafe<number>({
		placeholder: "duration",
		...options,
		type: "string",
		pattern: DURATION,
		unit: "duration",
	});
}

/** `--pause[=MAX]`, of every operation that reads a live process. */
export const pauseInput = Type.Optional(
	Duration({
		description: "stop the process while it is read, at most this long; exact numbers",
		bare: "500ms",
		effect: "pauses",
	}),
);

/** An input that is a size: a string such as 4096, 64MiB or 1.5GiB outside (K, M, G, T are binary), bytes in the handler. */
export function Bytes(options: InputOptions): TUnsafe<number> {
	return Type.Unsafe<number>({ placeholder: "size", ...options, type: "string", pattern: BYTES, unit: "bytes" });
}

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 };
const SCALE: Readonly<Record<string, number>> = { "": 1, B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Milliseconds of a string that matches Duration; undefined for any other. */
export function parseDuration(text: string): number | undefined {
	const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
	const scale = MILLISECONDS[found?.[2] ?? ""];
	return found === null || scale === undefined ? undefined : Number(found[1]) * scale;
}

/** Whole bytes of a string that matches Bytes; undefined for any other, and beyond 2^53. */
export function parseBytes(text: string): number | undefined {
	const found = /^(\d+(?:\.\d+)?)(B|[KMGT])?(?:i?B?)$/.exec(text);
	const scale = SCALE[found?.[2] ?? ""];
	if (found === null || scale === undefined || !new RegExp(BYTES).test(text)) return undefined;
	const bytes = Math.round(Number(found[1]) * scale);
	return Number.isSafeInteger(bytes) ? bytes : undefined;
}

type ResultOptions = TSchemaOptions & { readonly description?: string };

/** A result in bytes. A size above 2^53−1 does not occur: Linux user space ends at 2^57. */
export const ByteCount = (options: ResultOptions = {}) => Type.Integer({ ...options, unit: "bytes" satisfies Unit });
/** A result that counts things. */
export const Count = (options: ResultOptions = {}) => Type.Integer({ ...options, unit: "count" satisfies Unit });
/** A result that is a length of time, in milliseconds. */
export const Milliseconds = (options: ResultOptions = {}) =>
	Type.Number({ ...options, unit: "duration" satisfies Unit });
/** A result that is a share of a whole: 0.35 is 35 %. */
export const Share = (options: ResultOptions = {}) => Type.Number({ ...options, unit: "percent" satisfies Unit });
/** A rate of change in bytes per hour. */
export const BytesPerHour = (options: ResultOptions = {}) =>
	Type.Number({ ...options, unit: "bytes-per-hour" satisfies Unit });
/** A moment, in ISO 8601, UTC. */
export const Moment = (options: ResultOptions = {}) => Type.String({ ...options, format: "date-time" });
/** An address or another integer that may pass 2^53: hexadecimal with 0x, as a string. */
export const Address = (options: ResultOptions = {}) => Type.String({ ...options, pattern: "^0x[0-9a-f]+$" });
