import { readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { trimmedPath } from "../profile/graph/paths.ts";
import { errnoOf } from "./linux/system-error.ts";

/** A generated file of Go may be some megabytes. */
const MAX_SOURCE_BYTES = 64 << 20;
const WORDS: Readonly<Record<string, string>> = {
	ENOENT: "no such file or directory",
	EACCES: "permission denied",
	ENOTDIR: "not a directory",
	EISDIR: "is a directory",
};

export interface SourcePlaces {
	/** colon-separated; "" is the working directory */
	readonly sourcePath: string;
	/** colon-separated prefixes to take off */
	readonly trimPath: string;
	/** folders with Go's own sources, `$GOROOT/src`; default: those that are found here */
	readonly goroots?: readonly string[];
	/** module caches; default: those of the environment */
	readonly moduleCaches?: readonly string[];
}

/**
 * Reads source files as `go tool pprof` finds them (google/pprof internal/report/source.go, openSourceFile: a path that is
 * still absolute after trimming must be there; others are looked for in the folders of the search path and their parents) and
 * besides, for programs built elsewhere or with -trimpath, Go's own sources in GOROOT and modules in the module cache.
 */
export class SourceFiles {
	readonly #places: SourcePlaces;
	readonly #files = new Map<string, { readonly lines: readonly string[] } | { readonly error: string }>();
	#folders: { readonly goroots: readonly string[]; readonly caches: readonly string[] } | undefined;

	constructor(places: SourcePlaces) {
		this.#places = places;
	}

	read(path: string): { readonly lines: readonly string[] } | { readonly error: string } {
		let file = this.#files.get(path);
		if (file === undefined) {
			file = this.#open(path);
			this.#files.set(path, file);
		}
		return file;
	}

	#open(given: string): { readonly lines: readonly string[] } | { readonly error: string } {
		const searchPath = this.#places.sourcePath === "" ? process.cwd() : this.#places.sourcePath;
		const path = trimmedPath(given, this.#places.trimPath, searchPath);
		const first = isAbsolute(path) ? linesIn(path) : searched(path, searchPath);
		if (!("error" in first)) return first;
		for (const other of this.#elsewhere(given)) {
			const found = linesIn(other);
			if (!("error" in found)) return found;
		}
		return first;
	}

	/** Where the same file of the same release may be on this machine. */
	#elsewhere(path: string): readonly string[] {
		this.#folders ??= {
			goroots: this.#places.goroots ?? goSources(),
			caches: this.#places.moduleCaches ?? moduleCaches(),
		};
		const { goroots, caches } = this.#folders;
		const found: string[] = [];
		// module@version/file, wherever the cache was
		const inModule = /(?:^|\/pkg\/mod\/)((?:[^/@]+\/)*[^/@]+@v[^/]+\/.+)$/.exec(path)?.[1];
		if (inModule !== undefined) found.push(...caches.map((cache) => join(cache, inModule)));
		// $GOROOT/src/runtime/proc.go of another GOROOT, or runtime/proc.go
		const ofGo = /\/src\/((?:[^/]+\/)+[^/]+\.(?:go|s|h))$/.exec(path)?.[1] ?? (isAbsolute(path) ? undefined : path);
		if (ofGo !== undefined && inModule === undefined) found.push(...goroots.map((root) => join(root, ofGo)));
		return found;
	}
}

function searched(
	path: string,
	searchPath: string,
): { readonly lines: readonly string[] } | { readonly error: string } {
	for (const folder of searchPath.split(":")) {
		for (let at = folder; ; at = dirname(at)) {
			const found = linesIn(join(at, path));
			if (!("error" in found)) return found;
			if (dirname(at) === at) break;
		}
	}
	return { error: `could not find file ${path} on path ${searchPath}` };
}

/** A file's lines without their ends (bufio.ScanLines takes \r off as well); in Go's words why it cannot be read. */
function linesIn(path: string): { readonly lines: readonly string[] } | { readonly error: string } {
	try {
		const { size } = statSync(path);
		if (size > MAX_SOURCE_BYTES) return { error: `${path} is larger than a source file is` };
		const lines = readFileSync(path, "utf8").split("\n");
		if (lines.at(-1) === "") lines.pop();
		return { lines: lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line)) };
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return { error: `open ${path}: ${WORDS[errno] ?? errno}` };
	}
}

/** Folders with Go's own sources: $GOROOT, where distributions install Go, and toolchains in the module cache. */
function goSources(): string[] {
	const roots = [process.env["GOROOT"], "/usr/local/go", "/usr/lib/go", "/usr/lib/golang", ...toolchains()];
	return roots
		.filter((root) => root !== undefined && root !== "")
		.map((root) => join(root as string, "src"))
		.filter(isFolder);
}

/** Newest first: which release a profile is of is not in it. */
function toolchains(): string[] {
	return moduleCaches()
		.map((cache) => join(cache, "golang.org"))
		.filter(isFolder)
		.flatMap((folder) =>
			readdirSync(folder)
				.filter((name) => name.startsWith("toolchain@"))
				.sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
				.map((name) => join(folder, name)),
		);
}

function moduleCaches(): string[] {
	const given = process.env["GOMODCACHE"];
	const paths = (process.env["GOPATH"] ?? join(homedir(), "go")).split(":").map((path) => join(path, "pkg/mod"));
	return [...(given === undefined ? [] : [given]), ...paths].filter(isFolder);
}

function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
