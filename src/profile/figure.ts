import type { Int64Column } from "../formats/pprof/columns.ts";
import { divided, type Prepared } from "./prepare.ts";

/** A whole figure of a result: a number, or a decimal string where a number could not hold it exactly. */
export type Figure = number | string;

/**
 * A node's weight as a figure in the base of the sample type's unit, after `mean` and `divide_by`. It is exact where neither
 * is asked for.
 */
export function nodeFigure(prepared: Prepared, column: Int64Column, row: number, mean: number): Figure {
	const exact = column.exact?.[row];
	if (exact !== undefined && prepared.divisor === undefined && prepared.options.divide_by === 1) {
		return BigInt.asIntN(54, exact) === exact ? Number(exact) : exact.toString();
	}
	return figure(divided(prepared, mean));
}

/** A sum after `divide_by`; exact where its exact form is given and nothing is divided. */
export function sumFigure(prepared: Prepared, sum: number, exact: bigint | undefined): Figure {
	if (exact === undefined || prepared.divisor !== undefined || prepared.options.divide_by !== 1) {
		return figure(divided(prepared, sum));
	}
	return BigInt.asIntN(54, exact) === exact ? Number(exact) : exact.toString();
}

export function figure(value: number): Figure {
	return Number.isSafeInteger(value) ? value : Number.isFinite(value) ? BigInt(value).toString() : String(value);
}
