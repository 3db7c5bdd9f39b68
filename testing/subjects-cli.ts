import { parseArgs } from "node:util";
import {
	type BuildMode,
	buildModes,
	buildSubject,
	defaultGo,
	goVersions,
	needsCgo,
	SubjectUnavailable,
	subjectNames,
} from "./subjects.ts";

const usage = `usage: npm run subjects -- [list | build] [NAME…] [--go 1.25.9,1.26.8 | all] [--mode plain,pie | all]

  list     the subjects (the default)
  build    builds them and prints where they are; for ${defaultGo} in its usual mode unless told otherwise

  modes    ${buildModes.join(" ")}
  go       any release; "all" is ${goVersions.join(" ")}
`;

async function main(): Promise<number> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { go: { type: "string" }, mode: { type: "string" }, help: { type: "boolean", short: "h" } },
	});
	const [verb = "list", ...names] = positionals;
	if (values.help || !["list", "build"].includes(verb)) {
		process.stdout.write(usage);
		return values.help ? 0 : 2;
	}
	const chosen = names.length > 0 ? names : subjectNames();
	if (verb === "list") {
		for (const name of chosen) process.stdout.write(`${name}${needsCgo(name) ? "  (cgo)" : ""}\n`);
		return 0;
	}
	return build(chosen, values.go, values.mode);
}

async function build(names: readonly string[], go = defaultGo, mode: string | undefined): Promise<number> {
	let failures = 0;
	for (const version of go === "all" ? goVersions : go.split(",")) {
		for (const name of names) {
			for (const one of modesOf(name, mode)) {
				const began = performance.now();
				try {
					const path = await buildSubject(name, { go: version, ...(one === undefined ? {} : { mode: one }) });
					process.stdout.write(`${path}  ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
				} catch (error) {
					if (!(error instanceof Error)) throw error;
					if (!(error instanceof SubjectUnavailable)) failures++;
					process.stderr.write(`${name} go${version} ${one ?? ""}: ${error.message}\n`);
				}
			}
		}
	}
	return failures > 0 ? 2 : 0;
}

/** "all" leaves out what a subject cannot be; undefined is the subject's own default. */
function modesOf(name: string, mode: string | undefined): readonly (BuildMode | undefined)[] {
	if (mode === undefined) return [undefined];
	if (mode === "all") return buildModes.filter((one) => !needsCgo(name) || one.startsWith("cgo"));
	return mode.split(",").map((one) => {
		const known = buildModes.find((candidate) => candidate === one);
		if (known === undefined) throw new Error(`no mode ${one}; there are ${buildModes.join(", ")}`);
		return known;
	});
}

try {
	process.exitCode = await main();
} catch (error) {
	process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
	process.exitCode = 2;
}
