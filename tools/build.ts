/**
 * Builds what is published into dist/: main.js, one file per entry of src/capture/entry-points.ts, chunks that load when
 * they are needed (operations, runtime layouts), the declarations of the operations (dist/types), the pages of html reports and
 * what pictures are drawn with (dist/ui), and the manual (gomem.1).
 * Everything that the code imports is bundled, so that the installed package starts quickly and needs no other one.
 */
import { execFile } from "node:child_process";
import {
	cpSync,
	existsSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type CodeSplittingGroup, rolldown } from "rolldown";
import { pictureFiles } from "../src/api/html/png.ts";
import { entrySources } from "../src/capture/entry-points.ts";
import { manualText } from "../src/cli/man-command.ts";
import { buildUi } from "./build-ui.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
/** built here and swapped in whole, so that a gomem that starts meanwhile finds the old bundle or the new one */
const fresh = join(root, `.cache/dist-${process.pid}`);
const started = new Date();

/**
 * What is always needed together is one file: each file that is loaded takes a third of a millisecond before anything runs.
 * Not in them is what --help does without, and what few commands need.
 */
const chunkGroups: readonly CodeSplittingGroup[] = [
	{
		name: "start",
		test: /src\/(?:cli\/(?:output|own-commands|words)|api\/(?:(?:registry|version)\.gen|operation-words))\.ts$/,
		includeDependenciesRecursively: false,
	},
	{
		name: "base",
		test: /src\/(?:(?:bytes|figures|series|formats\/memstats)\/|formats\/elf\/magic|evidence\/bundle\/unavailable|capture\/(?:first-bytes|standard-input|linux\/system-error))/,
		includeDependenciesRecursively: false,
	},
	{ name: "command", test: /src\/cli\/(?:execute|profile-words)\.ts$/ },
	{
		name: "profile",
		test: /src\/(?:profile|formats\/pprof|capture\/(?:profile-file|profile-target|inflate\.|http-address|profile-types)|api\/profile-(?:top|tree|peek|input|options|report|shape|source|take|zone)\.ts|cli\/render\/profile-(?:top|tree|peek|figures|spelling|file))/,
		includeDependenciesRecursively: false,
	},
	// what looks at processes, and has nothing to do with profiles
	{
		name: "process",
		test: /src\/(?:capture|evidence|goruntime|ledger|formats|api)\/(?!.*(?:profil|memprof|inflate\.|record\.ts))/,
		minShareCount: 5,
		includeDependenciesRecursively: false,
	},
];

const files = await bundle();
await declare();
await pages();
writeFileSync(join(fresh, "package.json"), '{ "type": "commonjs" }\n');
writeFileSync(join(fresh, "gomem.1"), await manualText(process.env["SOURCE_DATE_EPOCH"]));
// the stamp is as old as the start: a source that changed meanwhile is newer
writeFileSync(join(fresh, ".stamp"), `${started.toISOString()}\n`);
utimesSync(join(fresh, ".stamp"), started, started);
const old = `${fresh}.old`;
if (existsSync(dist)) renameSync(dist, old);
renameSync(fresh, dist);
rmSync(old, { recursive: true, force: true });
report(files);

async function bundle(): Promise<readonly string[]> {
	const input: Record<string, string> = { main: join(root, "src/cli/main.ts") };
	for (const [name, path] of Object.entries(entrySources)) {
		const file = resolve(root, "src/capture", path);
		if (statSync(file, { throwIfNoEntry: false }) === undefined) {
			if (process.env["CI"]) throw new Error(`the entry point ${name} has no source ${file}`);
			console.warn(`no source of the entry point ${name}: left out`);
		} else input[name] = file;
	}
	const build = await rolldown({
		input,
		platform: "node",
		preserveEntrySignatures: "allow-extension",
		cwd: root,
		onLog(level, log, handler) {
			// a file that some import at once and others when they need it is in the chunk of the former
			if (log.code === "INEFFECTIVE_DYNAMIC_IMPORT") return;
			if (level === "warn") throw new Error(log.message);
			handler(level, log);
		},
	});
	const { output } = await build.write({
		dir: fresh,
		format: "cjs",
		entryFileNames: "[name].js",
		// beside the entries: entryPoint() looks next to the chunk that it is in
		chunkFileNames: "[name]-[hash].js",
		minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
		comments: { legal: true, annotation: false, jsdoc: false },
		codeSplitting: { groups: [...chunkGroups] },
	});
	await build.close();
	return output.map((file) => file.fileName);
}

/** src/api/html reads them from beside the chunk that it is in. */
async function pages(): Promise<void> {
	const directory = join(fresh, "ui");
	const sizes = await buildUi(directory);
	const resolver = createRequire(import.meta.url);
	for (const [name, file] of Object.entries(pictureFiles)) cpSync(resolver.resolve(file), join(directory, name));
	console.log(`pages: ${[...sizes].map(([name, size]) => `${name} ${size}`).join(", ")} bytes`);
}

async function declare(): Promise<void> {
	const node = process.execPath;
	await promisify(execFile)(
		node,
		[
			join(root, "node_modules/typescript/bin/tsc"),
			"-p",
			join(root, "tsconfig.build.json"),
			"--outDir",
			join(fresh, "types"),
		],
		{
			cwd: root,
		},
	).catch((error: { stdout?: string }) => {
		const message = `tsc -p tsconfig.build.json failed:\n${error.stdout}`;
		if (process.env["CI"]) throw new Error(message);
		console.warn(message);
	});
}

function report(files: readonly string[]): void {
	const main = readFileSync(join(dist, "main.js")).length;
	const all = readdirSync(dist, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith(".js"))
		.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
	console.log(`dist: ${files.length} files, main.js ${main} bytes, JavaScript in all ${all} bytes`);
}
