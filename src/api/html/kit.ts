import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { GomemError } from "../errors.ts";

/** The pages that there are: src/ui/NAME.tsx. */
export type KitName = "flame" | "report";

/** A page's script and style sheet, without its data. */
export interface Kit {
	readonly script: string;
	readonly style: string;
}

/** Reads a page of the installed package (dist/ui), or in the work tree one that is built when something in it changed. */
export async function readKit(name: KitName): Promise<Kit> {
	const directory = await kitDirectory();
	try {
		const [script, style] = await Promise.all(
			["js", "css"].map((kind) => readFile(join(directory, `${name}.${kind}`), "utf8")),
		);
		return { script: script ?? "", style: style ?? "" };
	} catch (error) {
		throw new GomemError({
			code: "page-missing",
			message: "the html page that comes with gomem is not where it is installed",
			hint: "install gomem again, or run npm run build in the repository",
			cause: error,
		});
	}
}

async function kitDirectory(): Promise<string> {
	const here = import.meta.url;
	// the bundle has its pages beside the chunk that this module ends up in
	if (!here.endsWith(".ts")) return fileURLToPath(new URL("./ui", here));
	const root = fileURLToPath(new URL("../../..", here));
	const directory = join(root, ".cache/ui", sourcesHash(root));
	if (!existsSync(directory)) await promisify(execFile)(process.execPath, [join(root, "tools/build-ui.ts"), directory]);
	return directory;
}

/** Of all that a page is made of: its own sources, the pure layers that it may import, what builds it. */
function sourcesHash(root: string): string {
	const hash = createHash("sha256");
	const sources = [
		"src/ui/**/*.{ts,tsx,css}",
		"src/bytes/*.ts",
		"src/figures/*.ts",
		"src/profile/flame-*.ts",
		"tools/build-ui.ts",
	];
	for (const file of [...globSync(sources, { cwd: root }).sort(), "package-lock.json"]) {
		if (!file.endsWith(".test.ts"))
			hash
				.update(file)
				.update("\0")
				.update(readFileSync(join(root, file)));
	}
	return hash.digest("hex").slice(0, 16);
}
