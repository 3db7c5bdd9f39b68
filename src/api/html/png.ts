import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { GomemError } from "../errors.ts";

/** What pictures are made with: files of the package, or of its dependencies in the work tree (tools/build.ts copies them). */
export const pictureFiles = {
	"resvg.wasm": "@resvg/resvg-wasm/index_bg.wasm",
	"font.ttf": "dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf",
} as const;

/** Pixels to a side; a picture of 16,384 × 16,384 takes 1 GiB while it is made. */
const MOST_PIXELS = 12_000;

let ready: Promise<Uint8Array> | undefined;

export interface PngOptions {
	/** default 1.5: letters of 12 points are then read without zooming on most screens */
	readonly zoom?: number;
}

/** A picture in svg as png, on white. Throws GomemError where it is no svg. */
export async function svgToPng(svg: string, { zoom = 1.5 }: PngOptions = {}): Promise<Uint8Array> {
	const { Resvg, initWasm } = await import("@resvg/resvg-wasm");
	ready ??= pictureFile("resvg.wasm").then(async (wasm) => {
		await initWasm(Uint8Array.from(wasm));
		return await pictureFile("font.ttf");
	});
	const font = await ready;
	const settings = {
		background: "#ffffff",
		font: {
			fontBuffers: [Uint8Array.from(font)],
			defaultFontFamily: "DejaVu Sans Condensed",
			sansSerifFamily: "DejaVu Sans Condensed",
			serifFamily: "DejaVu Sans Condensed",
			monospaceFamily: "DejaVu Sans Condensed",
		},
	};
	try {
		const whole = new Resvg(svg, settings);
		const fits = Math.min(zoom, MOST_PIXELS / Math.max(whole.width, whole.height, 1));
		const picture = new Resvg(svg, { ...settings, fitTo: { mode: "zoom", value: fits } });
		return picture.render().asPng();
	} catch (error) {
		throw new GomemError({
			code: "picture-refused",
			message: "the picture cannot be made",
			hint: "write it as svg, which needs no drawing",
			cause: error,
		});
	}
}

async function pictureFile(name: keyof typeof pictureFiles): Promise<Uint8Array> {
	const here = import.meta.url;
	const path = here.endsWith(".ts")
		? createRequire(here).resolve(pictureFiles[name])
		: fileURLToPath(new URL(`./ui/${name}`, here));
	return await readFile(path);
}
