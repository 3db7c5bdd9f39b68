import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TObject } from "typebox";
import { GomemError } from "./errors.ts";
import { convert, propertiesOf, viewOf } from "./schema.ts";
import type { SettingsOf, SettingsSection } from "./settings-section.ts";
import { parseSettingsText, place, type Table } from "./settings-text.ts";

export interface SettingsSources {
	/** --config: must exist */
	readonly config?: string;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly cwd: string;
	readonly home: string | undefined;
	/** loads every declared section; called at most once */
	readonly sections: () => Promise<readonly SettingsSection[]>;
}

export interface EffectiveSetting {
	/** "section.key" */
	readonly key: string;
	readonly value: unknown;
	readonly origin: "default" | "file" | "environment";
	/** "gomem.toml:3" or "GOMEM_OUTPUT_COLOR"; absent for a default */
	readonly from?: string;
	readonly description: string;
}

/** The effective settings: environment over file over default. A flag stands above them all, where an input names a setting. */
export interface Settings {
	/** the file that was read */
	readonly file: string | undefined;
	/** the files that were looked for, in order */
	readonly searched: readonly string[];
	get<S extends SettingsSection>(section: S): SettingsOf<S>;
	/** what the file or the environment says about "section.key"; undefined where neither does */
	given(key: string): unknown;
	list(): Promise<readonly EffectiveSetting[]>;
}

interface Given {
	readonly value: unknown;
	readonly origin: "file" | "environment";
	readonly from: string;
}

/** Variables that look like GOMEM_<SECTION>_<KEY> and are none. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(["GOMEM_CONFIG", "GOMEM_CACHE"]);

/** Reads and checks the settings. Throws GomemError `settings-unreadable`, `settings-invalid` or `settings-unknown-key`. */
export async function loadSettings(sources: SettingsSources): Promise<Settings> {
	const { path, text, searched } = findFile(sources);
	const variables = Object.keys(sources.env).filter((name) => /^GOMEM_[A-Z]/.test(name) && !NOT_SETTINGS.has(name));
	const given = new Map<string, Given>();
	if (text !== undefined || variables.length > 0) {
		const sections = await sources.sections();
		if (path !== undefined && text !== undefined) readFile(text, path, sections, given);
		readEnvironment(variables, sources.env, sections, given);
		for (const section of sections) check(section, given);
	}
	return {
		file: path,
		searched,
		get: <S extends SettingsSection>(section: S) => values(section, given) as SettingsOf<S>,
		given: (key) => given.get(key)?.value,
		list: async () => (await sources.sections()).flatMap((section) => effective(section, given)),
	};
}

/** Whether the file can be seen at all: under sudo -u, $HOME may be the folder of someone else. */
function isVisible(path: string): boolean {
	try {
		statSync(path);
		return true;
	} catch {
		return false;
	}
}

function findFile(s: SettingsSources): { path?: string; text?: string; searched: readonly string[] } {
	const named = s.config ?? (s.env["GOMEM_CONFIG"] || undefined);
	const base = s.env["XDG_CONFIG_HOME"] || (s.home === undefined ? undefined : join(s.home, ".config"));
	const searched =
		named === undefined
			? [join(s.cwd, "gomem.toml"), ...(base === undefined ? [] : [join(base, "gomem", "gomem.toml")])]
			: [named];
	for (const path of searched) {
		try {
			return { path, text: readFileSync(path, "utf8"), searched };
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (named === undefined && (code === "ENOENT" || code === "ENOTDIR" || !isVisible(path))) continue;
			throw new GomemError({
				code: "settings-unreadable",
				message: `the settings file ${path} cannot be read`,
				hint: named === undefined ? "make it readable, or remove it" : "check --config and GOMEM_CONFIG",
				cause: error,
			});
		}
	}
	return { searched };
}

function readFile(text: string, path: string, sections: readonly SettingsSection[], given: Map<string, Given>): void {
	for (const [name, table] of parseSettingsText(text, path)) {
		const section = sections.find((one) => one.name === name);
		if (section === undefined) {
			const known = sections.map((one) => one.name).join(", ");
			throw unknownKey(`${place(text, path, [name])}: there is no section [${name}]`, `the sections are ${known}`);
		}
		takeTable(section, table, text, path, given);
	}
}

function takeTable(
	section: SettingsSection,
	table: Table,
	text: string,
	path: string,
	given: Map<string, Given>,
): void {
	for (const [key, value] of Object.entries(table)) {
		const from = place(text, path, [section.name, key]);
		if (viewOf(section.schema).properties?.[key] === undefined) throw unknownIn(section, key, from);
		given.set(`${section.name}.${key}`, { value, origin: "file", from });
	}
}

function readEnvironment(
	variables: readonly string[],
	env: SettingsSources["env"],
	sections: readonly SettingsSection[],
	given: Map<string, Given>,
): void {
	for (const variable of variables) {
		const section = sections.find((one) => variable.startsWith(`${variableName(one.name)}_`));
		// a variable of something else that calls itself gomem: not for us to judge
		if (section === undefined) continue;
		const key = propertiesOf(section.schema).find(([name]) => variableName(section.name, name) === variable)?.[0];
		if (key === undefined) throw unknownIn(section, variable, "the environment");
		given.set(`${section.name}.${key}`, { value: env[variable], origin: "environment", from: variable });
	}
}

function variableName(...words: readonly string[]): string {
	return ["gomem", ...words].join("_").replaceAll("-", "_").toUpperCase();
}

function values(section: SettingsSection, given: ReadonlyMap<string, Given>): unknown {
	const raw = propertiesOf(section.schema).map(([key]) => [key, given.get(`${section.name}.${key}`)?.value] as const);
	return convert(section.schema, Object.fromEntries(raw), "settings-invalid", (key) => {
		const from = given.get(`${section.name}.${key}`)?.from;
		return from === undefined ? `${section.name}.${key}` : `${from}: ${section.name}.${key}`;
	});
}

function check(section: SettingsSection, given: ReadonlyMap<string, Given>): void {
	if (propertiesOf(section.schema).some(([key]) => given.has(`${section.name}.${key}`))) values(section, given);
}

function effective(section: SettingsSection<TObject>, given: ReadonlyMap<string, Given>): EffectiveSetting[] {
	return propertiesOf(section.schema).map(([name, schema]) => {
		const key = `${section.name}.${name}`;
		const { value, origin, from } = given.get(key) ?? { value: schema.default, origin: "default" as const };
		return {
			key,
			value: schema.secret === true && value !== undefined ? "(set)" : value,
			origin,
			...(from !== undefined && { from }),
			description: schema.description ?? "",
		};
	});
}

function unknownIn(section: SettingsSection, key: string, from: string): GomemError {
	const known = propertiesOf(section.schema).map(([name]) => name);
	return unknownKey(`${from}: "${key}" is no key of [${section.name}]`, `its keys are ${known.join(", ")}`);
}

function unknownKey(message: string, hint: string): GomemError {
	return new GomemError({ code: "settings-unknown-key", message, hint: `${hint} (gomem settings shows them all)` });
}
