import { baseName } from "../go-format.ts";

/**
 * A source path without what comes before the program's own folders: the prefixes of `trimPaths`, or without those, all up
 * to and with the last folder name of one of the `sourcePaths` (google/pprof internal/report/source.go, trimPath). Both
 * are colon-separated.
 */
export function trimmedPath(path: string, trimPaths: string, sourcePaths: string): string {
	if (trimPaths === "") {
		for (const folder of sourcePaths === "" ? [] : sourcePaths.split(":")) {
			const wanted = `/${baseName(folder)}/`;
			const found = path.indexOf(wanted);
			if (found >= 0) return path.slice(found + wanted.length);
		}
	}
	const prefixes = trimPaths === "" ? [] : trimPaths.split(":");
	for (const prefix of [...prefixes, "/proc/self/cwd/./", "/proc/self/cwd/"]) {
		const folder = prefix.endsWith("/") ? prefix : `${prefix}/`;
		if (path.startsWith(folder)) return path.slice(folder.length);
	}
	return path;
}
