import { styleText } from "node:util";
import type { Result } from "../api/operation.ts";

/** Where text goes: how wide it is and whether it shows colour. */
export interface Terminal {
	/** 100 where it is not a terminal */
	readonly columns: number;
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
	// https://no-color.org: set and not empty. TERM=dumb terminals cannot show it.
	const auto = tty && !env["NO_COLOR"] && env["TERM"] !== "dumb";
	const color = choice === "always" || (choice === "auto" && auto);
	return {
		// a terminal that does not know its size says 0
		columns: tty ? Math.max(40, stream.columns || 100) : 100,
		color,
		style: (style, text) =>
			color && text !== ""
				? styleText([...(typeof style === "string" ? [style] : style)], text, { validateStream: false })
				: text,
	};
}
