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
 *
 * Go 1.19 and 1.20 are copied out of the module cache first, since some of their releases refuse to build in it. The file of
 * another architecture than amd64 says only what it has otherwise than amd64's (delta.ts).
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { GoVersion } from "../../src/goruntime/layouts/go-version.ts";
import { compareGoVersions, parseGoVersion } from "../../src/goruntime/layouts/go-version.ts";
import { fileName, readLayoutFile, registryText, writeLayoutFile } from "./files.ts";
import type { NamedDump } from "./merge.ts";
import { canonical, keyOf, mergeDumps, nameDump } from "./merge.ts";
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
	/** GOEXPERIMENT variants to build, by minor, or by minor and architecture ("1.25-arm64"); "" is the default */
	readonly experiments: Readonly<Record<string, readonly string[]>>;
}

function variantsOf(tools: Tools, known: Known): readonly string[] {
	return tools.experiments[`${known.minor}-${known.arch}`] ?? tools.experiments[known.minor] ?? [""];
}

async function main(): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), "layouts-"));
	try {
		const experiments = JSON.parse(await readFile(join(HERE, "experiments.json"), "utf8")) as Tools["experiments"];
		const exact = (flags.inert ?? flags.go)?.split(",");
		const minors =
			exact?.map(minorOf) ?? flags.minor?.split(",") ?? Object.keys(experiments).filter((key) => !key.includes("-"));
		const newest = exact === undefined ? await newestPatch(minors) : (exact.toSorted(byRelease).at(-1) as string);
		const tools = { dump: await buildDump(newest, folder), naming: await readNaming(), experiments };
		for (const arch of flags.arch.split(",")) {
			for (const minor of new Set(minors)) {
				const known = await readKnown(minor, arch);
				const releases = exact?.filter((release) => minorOf(release) === minor);
				if (flags.inert !== undefined) await findInert(tools, known, releases?.at(-1) as string);
				else if (releases === undefined) await coverMinor(tools, known);
				else for (const release of releases) await readRelease(tools, known, release);
				if (flags.inert !== undefined) await writeKnown(known);
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
	for (const experiments of variantsOf(tools, known)) {
		const build = { release, arch: known.arch, experiments };
		const started = Date.now();
		const dump = nameDump(await readBuild(tools.dump, build), tools.naming);
		known.dumps.set(keyOf(build), { build, dump });
		console.log(`${known.arch} ${keyOf(build)}  ${((Date.now() - started) / 1000).toFixed(1)} s`);
	}
	await writeKnown(known); // a long run that is cut off keeps what it has
}

/** Reads the first and last patch release of a minor and, where two neighbours differ, halves what lies between. */
async function coverMinor(tools: Tools, known: Known): Promise<void> {
	const patches = await patchesOf(known.minor);
	const first = patches[0];
	const last = patches.at(-1);
	if (first === undefined || last === undefined) throw new Error(`no toolchain of Go ${known.minor} is listed`);
	const fingerprint = (patch: number) =>
		canonical(
			variantsOf(tools, known).map((experiments) => {
				const build = { release: `${known.minor}.${patch}`, arch: known.arch, experiments };
				return known.dumps.get(keyOf(build))?.dump;
			}),
		);
	const read = (patch: number) => readRelease(tools, known, `${known.minor}.${patch}`);
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
	const listed = new Set(variantsOf(tools, known).flatMap((text) => text.split(",")));
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

async function readKnown(minor: string, arch: string): Promise<Known> {
	const known: Known = { minor, arch, dumps: new Map(), inert: [] };
	const file = await readLayoutFile(flags.out, fileName(minor, arch));
	if (file === undefined) return known;
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
	const size = await writeLayoutFile(flags.out, file);
	console.log(`${fileName(known.minor, known.arch)}: ${list.length} builds, ${size} bytes`);
}

async function writeRegistry(): Promise<void> {
	if (flags.out === join(OUT, "data")) await writeFile(join(OUT, "data.gen.ts"), await registryText(flags.out));
}

await main();
