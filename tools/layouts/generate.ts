/**
 * Writes src/goruntime/layouts/data/ from Go toolchains, which GOTOOLCHAIN fetches as needed (about 70 MB each).
 *
 *   node tools/layouts/generate.ts                         all minors of experiments.json: both ends of each minor, and
 *                                                          between two ends that differ, by halves, what lies between
 *   node tools/layouts/generate.ts --minor 1.26            the same for these minors
 *   node tools/layouts/generate.ts --go 1.26.8,1.27.3      exactly these releases, added to what the files hold
 *        … --arch amd64,arm64                              default amd64; others are cross-compiled
 *        … --out DIR                                       default src/goruntime/layouts/data
 *   node tools/layouts/generate.ts --inert 1.26.8          which experiments change nothing, recorded in the file
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { GoVersion } from "../../src/goruntime/layouts/go-version.ts";
import { compareGoVersions, parseGoVersion } from "../../src/goruntime/layouts/go-version.ts";
import type { LayoutFile } from "../../src/goruntime/layouts/layout-file.ts";
import type { NamedDump } from "./merge.ts";
import { canonical, formatLayoutFile, keyOf, mergeDumps, nameDump } from "./merge.ts";
import { splitLayoutFile } from "./split.ts";
import type { Build, Naming } from "./toolchains.ts";
import { buildDump, experimentsOf, patchesOf, readBuild, readNaming } from "./toolchains.ts";

const HERE = import.meta.dirname;
const OUT = join(HERE, "../../src/goruntime/layouts");

const { values: flags } = parseArgs({
	options: {
		go: { type: "string" },
		minor: { type: "string" },
		arch: { type: "string", default: "amd64" },
		out: { type: "string", default: join(OUT, "data") },
		inert: { type: "string" },
	},
});

/** The builds of one minor and architecture that are known so far. */
interface Known {
	readonly minor: string;
	readonly arch: string;
	readonly dumps: Map<string, { build: Build; dump: NamedDump }>;
	inert: readonly string[];
}

interface Tools {
	readonly dump: string;
	readonly naming: Naming;
	/** GOEXPERIMENT variants to build, by minor; "" is the default */
	readonly experiments: Readonly<Record<string, readonly string[]>>;
}

async function main(): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), "layouts-"));
	try {
		const experiments = JSON.parse(await readFile(join(HERE, "experiments.json"), "utf8")) as Tools["experiments"];
		const exact = (flags.inert ?? flags.go)?.split(",");
		const minors = exact?.map(minorOf) ?? flags.minor?.split(",") ?? Object.keys(experiments);
		const newest = exact === undefined ? await newestPatch(minors) : (exact.toSorted(byRelease).at(-1) as string);
		const tools = { dump: await buildDump(newest, folder), naming: await readNaming(), experiments };
		for (const arch of flags.arch.split(",")) {
			for (const minor of new Set(minors)) {
				const known = await readKnown(minor, arch);
				const releases = exact?.filter((release) => minorOf(release) === minor);
				if (flags.inert !== undefined) await findInert(tools, known, releases?.at(-1) as string);
				else if (releases !== undefined) for (const release of releases) await readRelease(tools, known, release);
				else await coverMinor(tools, known);
				await writeKnown(known);
			}
		}
		await writeRegistry();
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

const minorOf = (release: string): string => release.split(".").slice(0, 2).join(".");
/** releases here come from the proxy's list or the command line; what is no version stops the tool */
function version(release: string): GoVersion {
	const parsed = parseGoVersion(`go${release}`);
	if (parsed === undefined) throw new Error(`not a Go release: ${release}`);
	return parsed;
}
const byRelease = (a: string, b: string): number => compareGoVersions(version(a), version(b));

async function newestPatch(minors: readonly string[]): Promise<string> {
	const minor = minors.toSorted(byRelease).at(-1) as string;
	return `${minor}.${(await patchesOf(minor)).at(-1)}`;
}

async function readRelease(tools: Tools, known: Known, release: string): Promise<void> {
	for (const experiments of tools.experiments[known.minor] ?? [""]) {
		const build = { release, arch: known.arch, experiments };
		const started = Date.now();
		const dump = nameDump(await readBuild(tools.dump, build), tools.naming);
		known.dumps.set(keyOf(build), { build, dump });
		console.log(`${known.arch} ${keyOf(build)}  ${((Date.now() - started) / 1000).toFixed(1)} s`);
	}
}

/** Reads the first and last patch release of a minor and, where two neighbours differ, halves what lies between. */
async function coverMinor(tools: Tools, known: Known): Promise<void> {
	const patches = await patchesOf(known.minor);
	const first = patches[0];
	const last = patches.at(-1);
	if (first === undefined || last === undefined) throw new Error(`no toolchain of Go ${known.minor} is listed`);
	const fingerprint = (patch: number) =>
		canonical(
			(tools.experiments[known.minor] ?? [""]).map((experiments) => {
				const build = { release: `${known.minor}.${patch}`, arch: known.arch, experiments };
				return known.dumps.get(keyOf(build))?.dump;
			}),
		);
	const read = async (patch: number) => {
		await readRelease(tools, known, `${known.minor}.${patch}`);
		await writeKnown(known); // a long run that is cut off keeps what it has
	};
	const between = async (low: number, high: number): Promise<void> => {
		const inside = patches.filter((patch) => patch > low && patch < high);
		const middle = inside[inside.length >> 1];
		if (middle === undefined || fingerprint(low) === fingerprint(high)) return;
		await read(middle);
		await between(low, middle);
		await between(middle, high);
	};
	await read(first);
	if (last !== first) await read(last);
	await between(first, last);
}

/**
 * Records the experiments that change nothing here: those that the runtime's source does not mention, and those that it
 * mentions but with which the probe comes out the same.
 */
async function findInert(tools: Tools, known: Known, release: string): Promise<void> {
	const build = { release, arch: known.arch, experiments: "" };
	const plain = canonical(nameDump(await readBuild(tools.dump, build), tools.naming));
	const inert: string[] = [];
	const built: string[] = [];
	const listed = new Set((tools.experiments[known.minor] ?? []).flatMap((text) => text.split(",")));
	for (const { toggle, mentioned } of await experimentsOf(build)) {
		if (listed.has(toggle)) continue;
		if (!mentioned) {
			inert.push(toggle);
			continue;
		}
		try {
			const dump = nameDump(await readBuild(tools.dump, { ...build, experiments: toggle }), tools.naming);
			const same = canonical(dump) === plain;
			console.log(`${known.arch} ${release} ${toggle}: ${same ? "inert" : "changes something"}`);
			if (same) built.push(toggle);
		} catch (error) {
			console.log(`${known.arch} ${release} ${toggle}: does not build (${String(error).split("\n")[1] ?? error})`);
		}
	}
	console.log(`${known.arch} ${release} not mentioned by the runtime: ${inert.join(" ")}`);
	known.inert = [...inert, ...built];
}

function fileName(minor: string, arch: string): string {
	return `go${minor}-${arch}.json`;
}

async function readKnown(minor: string, arch: string): Promise<Known> {
	const known: Known = { minor, arch, dumps: new Map(), inert: [] };
	let text: string;
	try {
		text = await readFile(join(flags.out, fileName(minor, arch)), "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return known;
		throw error;
	}
	const file = JSON.parse(text) as LayoutFile;
	for (const { build, dump } of splitLayoutFile(file)) known.dumps.set(keyOf(build), { build, dump });
	known.inert = file.inert;
	return known;
}

async function writeKnown(known: Known): Promise<void> {
	const list = [...known.dumps.values()].sort(
		(a, b) => byRelease(a.build.release, b.build.release) || (a.build.experiments < b.build.experiments ? -1 : 1),
	);
	if (list.length === 0) return;
	const file = mergeDumps(
		list.map(({ build }) => build),
		list.map(({ dump }) => dump),
		known.inert,
	);
	const path = join(flags.out, fileName(known.minor, known.arch));
	const text = formatLayoutFile(file);
	await writeFile(path, text);
	console.log(`${fileName(known.minor, known.arch)}: ${list.length} builds, ${text.length} bytes`);
}

/** One literal import() a file, so that a bundler can split them and only the file that is needed is loaded. */
async function writeRegistry(): Promise<void> {
	if (flags.out !== join(OUT, "data")) return;
	const files = (await readdir(flags.out)).filter((name) => name.endsWith(".json"));
	const keys = files.map((name) => name.replace(/^go(.*)\.json$/, "$1")).sort((a, b) => byKey(a, b));
	const lines = keys.map(
		(key) =>
			`\t"${key}": async () => (await import("./data/go${key}.json", { with: { type: "json" } })).default as unknown as LayoutFile,`,
	);
	const text = `// Generated by tools/layouts/generate.ts; do not edit.
import type { LayoutFile } from "./layout-file.ts";

/** By minor release and architecture, oldest release first. */
export const layoutFiles: Readonly<Record<string, () => Promise<LayoutFile>>> = {
${lines.join("\n")}
};
`;
	await writeFile(join(OUT, "data.gen.ts"), text);
}

function byKey(a: string, b: string): number {
	const [minorA = "", archA = ""] = a.split("-");
	const [minorB = "", archB = ""] = b.split("-");
	return byRelease(minorA, minorB) || (archA < archB ? -1 : 1);
}

await main();
