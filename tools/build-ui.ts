/**
 * Builds the pages of src/ui: each src/ui/NAME.tsx is a kit, a script and a style sheet that src/api/html puts into one html file.
 * `node tools/build-ui.ts DIRECTORY` makes DIRECTORY/NAME.js and NAME.css; the directory appears when all is there.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build, type Rollup } from "vite";

const root = join(import.meta.dirname, "..");

/** Throws where a page does not build. Bytes by file name. */
export async function buildUi(directory: string): Promise<ReadonlyMap<string, number>> {
	const sizes = new Map<string, number>();
	const partial = `${directory}.partial-${process.pid}`;
	mkdirSync(partial, { recursive: true });
	try {
		for (const kit of kits()) {
			for (const [name, content] of await buildKit(kit)) {
				writeFileSync(join(partial, name), content);
				sizes.set(name, Buffer.byteLength(content));
			}
		}
		putInPlace(partial, directory);
	} finally {
		rmSync(partial, { recursive: true, force: true });
	}
	return sizes;
}

function kits(): readonly string[] {
	return readdirSync(join(root, "src/ui"))
		.filter((name) => name.endsWith(".tsx"))
		.map((name) => name.slice(0, -".tsx".length));
}

async function buildKit(kit: string): Promise<readonly (readonly [name: string, content: string])[]> {
	const result = await build({
		configFile: false,
		root: join(root, "src/ui"),
		logLevel: "warn",
		// no package to choose the JSX of: TypeScript checks it by src/ui/tsconfig.json, this is what makes it run
		oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
		define: { "process.env.NODE_ENV": '"production"' },
		build: {
			write: false,
			target: ["chrome123", "firefox120", "safari17.5"],
			lib: {
				entry: join(root, `src/ui/${kit}.tsx`),
				formats: ["iife"],
				name: "gomem",
				fileName: kit,
				cssFileName: kit,
			},
		},
	});
	const outputs = (Array.isArray(result) ? result : [result]) as readonly Rollup.RollupOutput[];
	const parts: [string, string][] = [];
	for (const part of outputs.flatMap(({ output }) => output)) {
		const text = part.type === "chunk" ? part.code : String(part.source);
		const kind = part.fileName.endsWith(".css") ? "css" : "js";
		parts.push([`${kit}.${kind}`, text]);
	}
	if (parts.length !== 2)
		throw new Error(`${kit}: a script and a style sheet expected, not ${parts.map(([name]) => name)}`);
	return parts;
}

/** Another process may have made the same meanwhile: then that one is as good. */
function putInPlace(partial: string, directory: string): void {
	mkdirSync(dirname(directory), { recursive: true });
	try {
		renameSync(partial, directory);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
	}
}

if (import.meta.main) {
	const directory = process.argv[2];
	if (directory === undefined) throw new Error("usage: node tools/build-ui.ts DIRECTORY");
	for (const [name, bytes] of await buildUi(resolve(directory))) console.log(`${name} ${bytes} bytes`);
}
