import { percent } from "../../figures/figures.ts";
import { changeText, dividedBy, valueText } from "../../figures/value.ts";
import type { Profile } from "../../formats/pprof/model.ts";
import { changeColour, packageColour, packageOf, shortName } from "../../profile/flame-colours.ts";
import { treeParents, treeSums } from "../../profile/flame-sums.ts";
import type { FlameTree } from "../../profile/flame-tree.ts";
import type { Made } from "./flame-html.ts";
import { escapeHtml } from "./html-report.ts";
import { type PictureOptions, profilePage } from "./profile-page.ts";

export interface FlameSvgOptions extends PictureOptions {
	/** pixels; default 1200 */
	readonly width?: number;
	/** the root below, flames going up; default false: an icicle graph */
	readonly flame?: boolean;
}

const ROW = 17;
const MARGIN = 10;
/** pixels of a letter of 11px, about; the text is cut to fit */
const LETTER = 6.3;
const HEAD = 42;

/**
 * The flame graph of a loaded profile in one sample type (`sample_index`) as an svg file that needs nothing else: the figures of
 * a frame are its title, which browsers show under the pointer. Frames thinner than half a pixel are left out.
 */
export function flameSvg(loaded: Profile, request: FlameSvgOptions = {}): Made<string> | { readonly error: string } {
	const { width = 1200, flame = false } = request;
	const made = profilePage(loaded, { least: 0.5 / width, most: 20_000, ...request });
	if ("error" in made) return made;
	const { page, prepared } = made;
	const drawing = lay(page.tree, width - 2 * MARGIN, page.difference);
	const rows = drawing.deepest + 2;
	const height = HEAD + rows * ROW + MARGIN;
	const top = (depth: number) => HEAD + (flame ? rows - 1 - depth : depth) * ROW;
	const value = page.tree.values[page.tree.sampleIndex];
	const heading = `${page.title} · ${value?.type ?? ""} ${drawing.whole}`;
	const parts = [
		`<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Verdana,'DejaVu Sans',sans-serif" font-size="11">\n`,
		`<rect width="100%" height="100%" fill="#fff"/>\n`,
		`<text x="${MARGIN}" y="18" font-size="14" font-weight="bold">${escapeHtml(heading)}</text>\n`,
		`<text x="${MARGIN}" y="34" fill="#5a6472">${escapeHtml(page.notes.join(" · "))}</text>\n`,
	];
	for (const frame of drawing.frames) parts.push(frameText(frame, top(frame.depth)));
	parts.push("</svg>\n");
	return { bytes: parts.join(""), warnings: prepared.warnings };
}

interface Frame {
	readonly depth: number;
	readonly left: number;
	readonly width: number;
	readonly fill: string;
	readonly label: string;
	readonly title: string;
}

function frameText({ left, width, fill, label, title }: Frame, top: number): string {
	const letters = Math.floor((width - 6) / LETTER);
	const text = label.length <= letters ? label : letters > 3 ? `${label.slice(0, letters - 1)}…` : "";
	const x = (MARGIN + left).toFixed(1);
	const box = `<rect x="${x}" y="${top}" width="${Math.max(width - 0.5, 0.2).toFixed(1)}" height="${ROW - 1}" fill="${fill}"/>`;
	const letterBox =
		text === "" ? "" : `<text x="${(MARGIN + left + 3).toFixed(1)}" y="${top + 12}">${escapeHtml(text)}</text>`;
	return `<g><title>${escapeHtml(title)}</title>${box}${letterBox}</g>\n`;
}

function lay(
	tree: FlameTree,
	pixels: number,
	difference: boolean,
): { readonly frames: readonly Frame[]; readonly deepest: number; readonly whole: string } {
	const value = tree.values[tree.sampleIndex];
	if (value === undefined) return { frames: [], deepest: 0, whole: "" };
	const own = value.self.map((self, node) => self + value.rest[node]!); // as many as nodes
	const totals = treeSums(tree.depth, own);
	const widths = value.size === undefined ? totals : treeSums(tree.depth, value.size);
	const parents = treeParents(tree.depth);
	const scale = widths[0]! > 0 ? pixels / widths[0]! : 0;
	const asText = difference || value.size !== undefined ? changeText : valueText;
	const text = (total: number): string => asText(dividedBy(total, tree.divideBy), value.unit);
	const next = new Float64Array(tree.depth.length);
	const frames: Frame[] = [];
	let deepest = 0;
	for (let node = 0; node < tree.depth.length; node++) {
		const left = node === 0 ? 0 : next[parents[node]!]!;
		next[node] = left;
		if (node > 0) next[parents[node]!]! += widths[node]!;
		const width = widths[node]! * scale;
		if (width < 0.5) continue;
		const place = tree.place[node]!;
		const name = node === 0 ? "all" : tree.places.name[place]!;
		deepest = Math.max(deepest, tree.depth[node]!);
		const share = value.size === undefined && totals[0]! > 0 ? `, ${percent(totals[node]! / totals[0]!, 1)}` : "";
		const more = tree.more[node]! > 0 ? `\n(${tree.more[node]} more below, too small to draw)` : "";
		frames.push({
			depth: tree.depth[node]!,
			left: left * scale,
			width,
			fill: difference
				? changeColour(totals[node]!, widths[node]!, false)
				: node === 0
					? "#e3e6ea"
					: packageColour(packageOf(name), false),
			label: shortName(name),
			title: `${name}\n${text(totals[node]!)}${share}${more}`,
		});
	}
	return { frames, deepest, whole: text(totals[0]!) };
}
