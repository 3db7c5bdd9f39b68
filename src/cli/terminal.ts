import { styleText } from "node:util";
import type { Result } from "../api/operation.ts";

/** Where text goes: how wide it is and whether it shows colour. */
export interface Terminal {
	/** what lines are made for; where it is not a terminal, COLUMNS of the environment, or 100 */
	readonly columns: number;
	/**
	 * what a row of a table may take: as `columns`, but without an end where it is not a terminal and COLUMNS is not set.
	 * grep and awk want whole rows, as ps(1) gives them
	 */
	readonly rowColumns: number;
	readonly color: boolean;
	/** the text in a style ("bold", "dim", "red" …), or the text itself without colour */
	style(style: Style | readonly Style[], text: string): string;
}

export type Style = "bold" | "dim" | "underline" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "gray";
export type ColorChoice = "auto" | "always" | "never";

/**
 * Renders one result document of an operation as text without a newline at its end. A file src/cli/render/<operation>.ts
 * exports `function render(result: WhyResult, terminal: Terminal): string`; the generated registry finds it.
 */
export type Render = ((result: Result, terminal: Terminal) => string) & {
	readonly rows?: Rows<Result>;
	/** its text has lines and tabs from strings of the result: it makes the strings visible itself where that is wrong */
	readonly verbatim?: true;
};

/**
 * How readings follow one another where they are not painted over: a renderer with `rows` (a property of its function
 * `render`) prints a row per reading and something at the end, in place of the whole text each time.
 */
export interface Rows<R> {
	/** the text of one reading; `first` is the first reading, undefined for itself: then there is a head above the row */
	row(result: R, first: R | undefined, terminal: Terminal): string;
	/** what follows the last reading; "" for nothing */
	end(last: R, terminal: Terminal): string;
	/** true where rows are wanted on a terminal too */
	always(first: R): boolean;
}

export function terminalFor(
	stream: { readonly isTTY?: boolean; readonly columns?: number },
	choice: ColorChoice,
	env: Readonly<Record<string, string | undefined>>,
): Terminal {
	const tty = stream.isTTY === true;
	// a terminal that does not know its size says 0
	const known = tty ? stream.columns || 100 : columnsIn(env);
	// https://no-color.org: set and not empty. TERM=dumb terminals cannot show it.
	const auto = tty && !env["NO_COLOR"] && env["TERM"] !== "dumb";
	const color = choice === "always" || (choice === "auto" && auto);
	return {
		columns: Math.max(LEAST, known ?? 100),
		rowColumns: known === undefined ? Number.POSITIVE_INFINITY : Math.max(LEAST, known),
		color,
		style: (style, text) =>
			color && text !== ""
				? styleText([...(typeof style === "string" ? [style] : style)], text, { validateStream: false })
				: text,
	};
}

/** Narrower, nothing can be laid out. */
const LEAST = 40;

/** COLUMNS, where it is a number of columns (POSIX, Base Definitions 8.3). */
function columnsIn(env: Readonly<Record<string, string | undefined>>): number | undefined {
	const text = env["COLUMNS"] ?? "";
	return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
}
