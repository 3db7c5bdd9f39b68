import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ParseError } from "../bytes/parse-error.ts";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { type LayoutRecord, parseLayoutRecord } from "../goruntime/layouts/layout-record.ts";
import { errnoOf } from "./linux/system-error.ts";

/** A layout has some 60 kB. */
const MAX_FILE_BYTES = 4 << 20;
const MAX_FILES = 1000;

/** The layouts that the user added, and the files among them that cannot be used. */
export interface AddedLayouts {
	readonly folder: string;
	readonly layouts: readonly { readonly path: string; readonly record: LayoutRecord }[];
	readonly problems: readonly (Unavailable & { readonly part: string })[];
}

/** $XDG_CONFIG_HOME/gomem/layouts, beside gomem.toml; ~/.config where that is unset. */
export function addedLayoutsFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
	return join(env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "gomem", "layouts");
}

/** Reads what `gomem layouts add` wrote. Most users have none: then it is one look for a folder. */
export function readAddedLayouts(folder: string = addedLayoutsFolder()): AddedLayouts {
	const layouts: { path: string; record: LayoutRecord }[] = [];
	const problems: (Unavailable & { part: string })[] = [];
	for (const name of filesIn(folder)) {
		const path = join(folder, name);
		const record = readOne(path);
		if (record === undefined) continue;
		if (typeof record !== "string") layouts.push({ path, record });
		else {
			const wouldHelp = "`gomem layouts add` again, or remove the file";
			problems.push({ part: "layouts", unavailable: `the added layout ${path} cannot be read: ${record}`, wouldHelp });
		}
	}
	return { folder, layouts, problems };
}

function filesIn(folder: string): string[] {
	try {
		const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
		return names.sort().slice(0, MAX_FILES);
	} catch (error) {
		// no folder, or one that may not be seen, as under sudo -u
		if (errnoOf(error) === undefined) throw error;
		return [];
	}
}

/** The record, or why not; undefined where the file is gone meanwhile. */
function readOne(path: string): LayoutRecord | string | undefined {
	try {
		const { size } = statSync(path);
		if (size > MAX_FILE_BYTES) return `${size} bytes are no layout`;
		return parseLayoutRecord(JSON.parse(readFileSync(path, "utf8")));
	} catch (error) {
		if (error instanceof ParseError) return error.message;
		if (error instanceof SyntaxError) return "it is not JSON";
		const code = errnoOf(error);
		if (code === undefined) throw error;
		return code === "ENOENT" ? undefined : code;
	}
}

/** Writes a layout where every later run finds it, readable by its owner only; replaces one of the same version. */
export function writeAddedLayout(record: LayoutRecord, folder: string = addedLayoutsFolder()): string {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const version = record.goVersion.replaceAll(/[^A-Za-z0-9._-]+/g, "_").slice(0, 100);
	const path = join(folder, `${version}-${record.arch}.json`);
	const partial = `${path}.partial-${process.pid}`;
	try {
		writeFileSync(partial, `${layoutText(record)}\n`, { mode: 0o600, flag: "wx" });
		chmodSync(partial, 0o600); // whatever the umask
		renameSync(partial, path);
	} catch (error) {
		rmSync(partial, { force: true });
		throw error;
	}
	return path;
}

/** JSON with a struct a line: readable in an editor and in a diff. */
function layoutText(record: LayoutRecord): string {
	const lines = (section: Readonly<Record<string, unknown>>) =>
		Object.entries(section).map(([name, value]) => `\t\t${JSON.stringify(name)}: ${JSON.stringify(value)}`);
	const { structs, globals, constants, tables, ...head } = record;
	const parts = [
		...Object.entries(head).map(([name, value]) => `\t${JSON.stringify(name)}: ${JSON.stringify(value)}`),
		...Object.entries({ structs, globals, constants, tables }).map(
			([name, section]) => `\t${JSON.stringify(name)}: {\n${lines(section).join(",\n")}\n\t}`,
		),
	];
	return `{\n${parts.join(",\n")}\n}`;
}
