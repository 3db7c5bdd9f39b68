import { stripVTControlCharacters } from "node:util";

export interface Column {
	readonly head: string;
	/** figures stand at the right */
	readonly right?: boolean;
	/** what does not fit is cut as clipPath does */
	readonly paths?: boolean;
}

/**
 * Rows under a head, columns aligned with two spaces between. Where they do not fit in `width`, the widest column that is
 * not numeric gives way, its cells cut with an ellipsis. Cells may hold colour.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width = 100): string {
	const heads = columns.map((column) => column.head);
	const bare = heads.every((head) => head === "");
	const lines = bare ? rows : [heads, ...rows];
	const widths = columns.map((_, i) => lines.reduce((most, row) => Math.max(most, visible(row[i] ?? "")), 0));
	fit(columns, widths, width);
	return lines
		.map((row) =>
			columns
				.map((column, i) => {
					const cut = column.paths === true ? clipPath : clip;
					return align(cut(row[i] ?? "", widths[i] ?? 0), widths[i] ?? 0, column.right === true);
				})
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}

function fit(columns: readonly Column[], widths: number[], width: number): void {
	let over = widths.reduce((sum, one) => sum + one, 0) + 2 * (widths.length - 1) - width;
	while (over > 0) {
		let widest = -1;
		for (const [i, one] of widths.entries()) {
			if (columns[i]?.right !== true && one > 8 && (widest < 0 || one > (widths[widest] ?? 0))) widest = i;
		}
		if (widest < 0) return;
		const cut = Math.min(over, Math.max(1, (widths[widest] ?? 0) - secondWidest(columns, widths, widest)));
		widths[widest] = (widths[widest] ?? 0) - cut;
		over -= cut;
	}
}

function secondWidest(columns: readonly Column[], widths: readonly number[], widest: number): number {
	return widths.reduce((most, one, i) => (i !== widest && columns[i]?.right !== true ? Math.max(most, one) : most), 8);
}

/** Columns of a terminal that the text takes, colour not counted. */
export function visible(text: string): number {
	return plain(text).length;
}

/** Without what drives a terminal: each sequence begins with an escape, of which most texts have none. */
function plain(text: string): string {
	return text.includes("\x1b") || text.includes("\x9b") ? stripVTControlCharacters(text) : text;
}

/** The text, or as much of it as fits, with an ellipsis at its end. */
export function clip(text: string, width: number): string {
	if (visible(text) <= width) return text;
	return `${plain(text).slice(0, Math.max(0, width - 1))}…`;
}

/** As clip; of a path its end is kept, from a slash on where one is near: that is what tells files apart. */
export function clipPath(text: string, width: number): string {
	const path = plain(text);
	if (path.length <= width || !path.startsWith("/")) return clip(text, width);
	const tail = path.slice(path.length - Math.max(0, width - 1));
	const slash = tail.indexOf("/");
	return `…${slash > 0 && slash < tail.length / 2 ? tail.slice(slash) : tail}`;
}

export function align(text: string, width: number, right: boolean): string {
	const space = " ".repeat(Math.max(0, width - visible(text)));
	return right ? space + text : text + space;
}
