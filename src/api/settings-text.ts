import { parse, TomlError } from "smol-toml";
import { GomemError } from "./errors.ts";

export type Table = Readonly<Record<string, unknown>>;

/** The tables of a gomem.toml. Throws GomemError `settings-invalid`, which names file and line. */
export function parseSettingsText(text: string, file: string): ReadonlyMap<string, Table> {
	const sections = new Map<string, Table>();
	for (const [name, value] of Object.entries(parseToml(text, file))) {
		if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Date) {
			throw new GomemError({
				code: "settings-invalid",
				message: `${place(text, file, [name])}: "${name}" stands outside of a section`,
				hint: "put it under a [section]; gomem settings lists the sections and their keys",
			});
		}
		sections.set(name, value as Table);
	}
	return sections;
}

function parseToml(text: string, file: string): Table {
	try {
		return parse(text);
	} catch (error) {
		if (!(error instanceof TomlError)) throw error;
		throw new GomemError({
			code: "settings-invalid",
			message: `${file}:${error.line}: not TOML`,
			why: error.message.split("\n", 1)[0]?.replace(/^Invalid TOML document: /, "") ?? "",
			hint: "correct that line, or name another file with --config",
			cause: error,
		});
	}
}

/**
 * "file:line" of a key, or the file alone where the line cannot be told (TOML allows spellings that this search does not
 * know; the parser keeps no positions).
 */
export function place(text: string, file: string, path: readonly string[]): string {
	let table: readonly string[] = [];
	for (const [index, line] of text.split("\n").entries()) {
		const header = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?/.exec(line);
		if (header?.[1] !== undefined) table = words(header[1]);
		const key = header === null ? /^\s*([^=#]+?)\s*=/.exec(line)?.[1] : "";
		if (key === undefined) continue;
		const here = key === "" ? table : [...table, ...words(key)];
		if (path.every((word, i) => here[i] === word)) return `${file}:${index + 1}`;
	}
	return file;
}

function words(dotted: string): readonly string[] {
	return dotted.split(".").map((word) => word.trim().replace(/^(["'])(.*)\1$/, "$2"));
}
