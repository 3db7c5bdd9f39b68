import { changeColour, packageColour, packageOf, shortName } from "../../profile/flame-colours.ts";
import type { FlameTree } from "../../profile/flame-tree.ts";
import type { Picture } from "./picture.ts";
import type { Found } from "./search.ts";

export const ROW = 19;
/** pixels from which on a frame has room for letters */
const LEAST_TEXT = 26;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

/** What is to be seen, in pixels of the page. */
export interface Scene {
	readonly picture: Picture;
	readonly zoom: number;
	readonly flame: boolean;
	readonly difference: boolean;
	readonly found: Found | undefined;
	/** place whose frames are outlined: the row of the table that the pointer is on */
	readonly marked: number | undefined;
	readonly hovered: number | undefined;
	/** the frame that the keyboard is on */
	readonly focused: number | undefined;
	readonly dark: boolean;
	readonly width: number;
	readonly height: number;
	/** of the rows, from the top */
	readonly scroll: number;
}

/** Rows of a picture: from the root to the deepest, and one for what was left out below that. */
export function rowCount(picture: Picture): number {
	return picture.deepest + 2;
}

/** Pixels for all rows. */
export function sceneHeight(picture: Picture): number {
	return rowCount(picture) * ROW;
}

/** The top of a row by its depth, before scrolling. */
export function rowTop(scene: Scene, depth: number): number {
	const rows = Math.max(rowCount(scene.picture), Math.floor(scene.height / ROW));
	return (scene.flame ? rows - 1 - depth : depth) * ROW;
}

/** The depth of the row at a height in the canvas. */
export function depthAt(scene: Scene, y: number): number {
	const row = Math.floor((y + scene.scroll) / ROW);
	const rows = Math.max(rowCount(scene.picture), Math.floor(scene.height / ROW));
	return scene.flame ? rows - 1 - row : row;
}

/** Pixels of a unit of the picture, under the zoom. */
export function scaleOf({ picture, zoom, width }: Scene): number {
	const whole = picture.width[zoom]!;
	return whole > 0 ? width / whole : 0;
}

/** The value of the picture at a place across the canvas. */
export function valueAt(scene: Scene, x: number): number {
	const scale = scaleOf(scene);
	return scale > 0 ? scene.picture.left[scene.zoom]! + x / scale : 0;
}

/** Paints scenes of one tree; keeps what does not change from one to the next. */
export class Painter {
	readonly #tree: FlameTree;
	readonly #context: CanvasRenderingContext2D;
	readonly #labels: readonly string[];
	/** by place the pixels of its label, 0 before it is measured */
	readonly #labelWidths: Float32Array;
	readonly #fills: Record<"light" | "dark", readonly string[]>;
	#letter = 0;
	#hatch: Record<"light" | "dark", CanvasPattern | null> | undefined;

	constructor(tree: FlameTree, context: CanvasRenderingContext2D) {
		this.#tree = tree;
		this.#context = context;
		this.#labels = tree.places.name.map(labelOf(tree));
		this.#labelWidths = new Float32Array(tree.places.count);
		const packages = tree.places.name.map(packageOf);
		this.#fills = {
			light: packages.map((name) => packageColour(name, false)),
			dark: packages.map((name) => packageColour(name, true)),
		};
	}

	paint(scene: Scene): void {
		const context = this.#context;
		const ratio = globalThis.devicePixelRatio || 1;
		context.setTransform(ratio, 0, 0, ratio, 0, 0);
		context.clearRect(0, 0, scene.width, scene.height);
		context.font = FONT;
		context.textBaseline = "middle";
		this.#letter ||= context.measureText("n").width;
		this.#paintPath(scene);
		const { picture, zoom } = scene;
		const scale = scaleOf(scene);
		const from = picture.left[zoom]!;
		for (let node = zoom; node < picture.end[zoom]!; ) {
			const width = picture.width[node]! * scale;
			const left = (picture.left[node]! - from) * scale;
			if (width < 0.5) {
				this.#paintSliver(scene, node, left, width);
				node = picture.end[node]!;
				continue;
			}
			this.#paintFrame(scene, node, left, width, false);
			if (this.#tree.more[node]! > 0) this.#paintRest(scene, node, (picture.restLeft[node]! - from) * scale, scale);
			node++;
		}
		this.#outline(scene, scene.hovered, 1);
		this.#outline(scene, scene.focused, 2);
	}

	/** The callers of the frame that is zoomed on fill the width. */
	#paintPath(scene: Scene): void {
		const { parent } = scene.picture;
		for (let up = parent[scene.zoom]!; up >= 0; up = parent[up]!) this.#paintFrame(scene, up, 0, scene.width, true);
	}

	/** Undefined where the row is out of sight. */
	#top(scene: Scene, depth: number): number | undefined {
		const top = rowTop(scene, depth) - scene.scroll;
		return top > scene.height || top + ROW < 0 ? undefined : top;
	}

	#paintSliver(scene: Scene, node: number, left: number, width: number): void {
		const top = this.#top(scene, this.#tree.depth[node]!);
		if (top === undefined || width < 0.02) return;
		this.#context.fillStyle = this.#fill(scene, node);
		this.#context.fillRect(left, top, Math.max(width, 0.25), ROW - 1);
	}

	#paintFrame(scene: Scene, node: number, left: number, width: number, path: boolean): void {
		const top = this.#top(scene, this.#tree.depth[node]!);
		if (top === undefined) return;
		const context = this.#context;
		const place = this.#tree.place[node]!;
		const matches = scene.found === undefined || scene.found.places[place] === 1;
		context.globalAlpha = path ? 0.55 : matches ? 1 : 0.3;
		context.fillStyle = scene.found !== undefined && matches ? matchColour(scene.dark) : this.#fill(scene, node);
		// a pixel of the background between frames, where there is room for it
		const gap = width > 3 ? 1 : 0;
		context.fillRect(left, top, width - gap, ROW - 1);
		context.globalAlpha = path ? 0.8 : matches ? 1 : 0.6;
		if (scene.marked === place && !path) {
			context.strokeStyle = scene.dark ? "#fff" : "#000";
			context.lineWidth = 1;
			context.strokeRect(left + 0.5, top + 0.5, Math.max(width - gap - 1, 1), ROW - 2);
		}
		if (width >= LEAST_TEXT) this.#paintLabel(scene, node, left, top, width - gap, path);
		context.globalAlpha = 1;
	}

	#fill(scene: Scene, node: number): string {
		const { picture, difference, dark } = scene;
		if (node === 0) return dark ? "hsl(220 6% 26%)" : "hsl(220 12% 91%)";
		if (difference) return changeColour(picture.total[node]!, picture.width[node]!, dark);
		return this.#fills[dark ? "dark" : "light"][this.#tree.place[node]!]!;
	}

	#paintLabel(scene: Scene, node: number, left: number, top: number, width: number, path: boolean): void {
		const context = this.#context;
		const place = this.#tree.place[node]!;
		const label = this.#labels[place]!;
		this.#labelWidths[place] ||= context.measureText(label).width;
		const room = Math.min(left + width, scene.width) - Math.max(left, 0) - 8;
		const text = fitted(label, this.#labelWidths[place]!, room, this.#letter);
		if (text === "") return;
		const onMatch = scene.found?.places[place] === 1;
		context.fillStyle = onMatch ? "#1a1200" : scene.dark ? "#eceef1" : "#1b1f24";
		if (this.#tree.inlined[node] === 1 && !path) context.font = `italic ${FONT}`;
		context.fillText(text, Math.max(left, 0) + 4, top + ROW / 2);
		if (this.#tree.inlined[node] === 1 && !path) context.font = FONT;
	}

	/** What was left out below a node: hatched, with how many callees that are. */
	#paintRest(scene: Scene, node: number, left: number, scale: number): void {
		const top = this.#top(scene, this.#tree.depth[node]! + 1);
		const width = Math.abs(scene.picture.restWidth[node]!) * scale;
		if (top === undefined || width < 0.25) return;
		const context = this.#context;
		if (width < 4) {
			context.fillStyle = scene.dark ? "#454b55" : "#ccd1d8";
			context.fillRect(left, top, width, ROW - 1);
			return;
		}
		this.#hatch ??= { light: hatch(context, "#b9bfc8"), dark: hatch(context, "#59606b") };
		context.fillStyle = this.#hatch[scene.dark ? "dark" : "light"] ?? "#888";
		context.fillRect(left, top, width, ROW - 1);
		if (width < 60) return;
		const text = `(${this.#tree.more[node]!.toLocaleString("en")} more)`;
		const letters = context.measureText(text).width;
		if (letters + 8 > width) return;
		context.fillStyle = scene.dark ? "#1b1e23" : "#fff";
		context.fillRect(left + 2, top + 2, letters + 6, ROW - 5);
		context.fillStyle = scene.dark ? "#b6bcc6" : "#4b535e";
		context.fillText(text, left + 5, top + ROW / 2);
	}

	#outline(scene: Scene, node: number | undefined, lineWidth: number): void {
		if (node === undefined) return;
		const { picture, zoom } = scene;
		const top = this.#top(scene, this.#tree.depth[node]!);
		if (top === undefined) return;
		const inPath = node < zoom && picture.end[node]! >= picture.end[zoom]!;
		const scale = scaleOf(scene);
		const left = inPath ? 0 : (picture.left[node]! - picture.left[zoom]!) * scale;
		const width = inPath ? scene.width : picture.width[node]! * scale;
		if (left > scene.width || left + width < 0) return;
		const inset = lineWidth / 2;
		this.#context.strokeStyle = lineWidth > 1 ? (scene.dark ? "#7db4ff" : "#0b57d0") : scene.dark ? "#fff" : "#000";
		this.#context.lineWidth = lineWidth;
		this.#context.strokeRect(left + inset, top + inset, Math.max(width - 2 * inset, 2), ROW - 1 - 2 * inset);
	}
}

function labelOf({ places }: FlameTree): (name: string, place: number) => string {
	return (name, place) => {
		if (place === 0) return "all";
		const line = places.line[place]!;
		return line > 0 ? `${shortName(name)}:${line}` : shortName(name);
	};
}

/** As much of a label as there is room for; "" for less than two letters. */
function fitted(label: string, width: number, room: number, letter: number): string {
	if (width <= room) return label;
	const letters = Math.floor((room - letter) * (label.length / width));
	return letters < 2 ? "" : `${label.slice(0, letters)}…`;
}

function matchColour(dark: boolean): string {
	return dark ? "hsl(43 88% 56%)" : "hsl(43 95% 62%)";
}

function hatch(context: CanvasRenderingContext2D, colour: string): CanvasPattern | null {
	const tile = document.createElement("canvas");
	tile.width = tile.height = 6;
	const to = tile.getContext("2d");
	if (to === null) return null;
	to.strokeStyle = colour;
	to.lineWidth = 1;
	to.beginPath();
	to.moveTo(-1, 7);
	to.lineTo(7, -1);
	to.stroke();
	return context.createPattern(tile, "repeat");
}
