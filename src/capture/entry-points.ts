import { fileURLToPath } from "node:url";

/**
 * Files that run as a process or a worker of their own, by name: where the source is, relative to this file. The build
 * (tools/build.ts) makes one bundle entry of each, `dist/<name>.js`, beside the chunk that this module ends up in.
 */
export const entrySources = {
	"pause-guard": "./linux/pause-guard.ts",
	"trial-target": "./linux/host-trial-target.ts",
} as const satisfies Readonly<Record<string, string>>;

export type EntryPoint = keyof typeof entrySources;

/** The path of the file to spawn with `process.execPath`, or to start as a worker: .ts in the work tree, .js in dist. */
export function entryPoint(name: EntryPoint): string {
	const here = import.meta.url;
	return fileURLToPath(new URL(here.endsWith(".ts") ? entrySources[name] : `./${name}.js`, here));
}
