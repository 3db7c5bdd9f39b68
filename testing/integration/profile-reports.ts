import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { readProfile } from "../../src/formats/pprof/read.ts";
import { loadProfiles } from "../../src/profile/combine/load.ts";
import { optionName, type ProfileOptions, parseOption } from "../../src/profile/options.ts";
import type { ReportFormat } from "../../src/profile/prepare.ts";
import { type Report, report } from "../../src/profile/report.ts";

const run = promisify(execFile);

/** The report that a pprof command prints with these flags of a profile; its errors are errors. The zone of times is UTC. */
export async function pprofReport(
	command: string,
	flags: readonly string[],
	files: readonly string[],
): Promise<string> {
	const { stdout } = await run(command, [...flags, "-symbolize=local", ...files], {
		env: { ...process.env, TZ: "UTC", PPROF_BINARY_PATH: "/nonexistent", PPROF_TMPDIR: "/nonexistent" },
		maxBuffer: 2 ** 28,
	});
	return stdout;
}

/** The same flags and files through our own reports. */
export async function ourReport(flags: readonly string[], files: readonly string[]): Promise<string> {
	let format: ReportFormat = "text";
	let pattern: string | undefined;
	let options: Partial<ProfileOptions> = {};
	const bases: Profile[] = [];
	let diffBase = false;
	for (const flag of flags) {
		const equals = flag.indexOf("=");
		const name = optionName(equals < 0 ? flag : flag.slice(0, equals));
		const value = equals < 0 ? undefined : flag.slice(equals + 1);
		if (name === "base" || name === "diff_base") {
			bases.push(await readFileProfile(value ?? ""));
			diffBase = name === "diff_base";
		} else if (isFormat(name)) {
			format = name === "top" ? "text" : name;
			pattern = value;
		} else {
			const option = parseOption(name, value);
			if ("error" in option) throw new Error(option.error);
			options = { ...options, ...option.options };
		}
	}
	const sources = await Promise.all(files.map(readFileProfile));
	const loaded = loadProfiles(sources, { bases, diffBase, normalize: options.normalize ?? false });
	if ("error" in loaded) throw new Error(loaded.error);
	const made = report(loaded.profile, { format, options, ...(pattern === undefined ? {} : { pattern }) });
	if ("error" in made) throw new Error(made.error);
	return reportText(made);
}

function reportText(made: Report): string {
	if (made.kind !== "text") throw new Error("the report is a profile");
	return [...made.text].join("");
}

function isFormat(name: string): name is ReportFormat | "top" {
	return /^(top|text|tree|peek|traces|tags|dot|callgrind|raw|comments)$/.test(name);
}

export async function readFileProfile(path: string): Promise<Profile> {
	const inflate = (bytes: Uint8Array, _: string, limit: number): Uint8Array =>
		gunzipSync(bytes, { maxOutputLength: limit });
	return readProfile(await readFile(path), { inflate, symbols: false }).profile;
}
