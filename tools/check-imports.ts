/**
 * Checks who imports whom. A folder of src/ imports only from itself and from those before it in `layers`; pure layers
 * import no node: module and no surface; the web UI takes types from api/ and any pure layer; packages are declared in
 * package.json; there are no cycles. Tests and testdata/ may use node: and testing/. `--root DIR` checks another tree.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, normalize, posix } from "node:path";
import { parseArgs } from "node:util";

/** In this order; the folders of one row stand side by side and do not know each other. */
const layers: readonly (readonly string[])[] = [
	["bytes", "figures"],
	["series"],
	["formats"],
	["evidence"],
	["goruntime"],
	["profile"],
	["heap"],
	["gc"],
	["ledger"],
	["alerts"],
	["checks"],
	["capture"],
	["store"],
	["collect"],
	["api"],
	["cli", "http", "mcp", "agent", "gateway", "ui"],
];
const pure = new Set("bytes figures series formats evidence goruntime profile heap gc ledger alerts checks".split(" "));

interface Import {
	readonly specifier: string;
	readonly typeOnly: boolean;
	readonly dynamic: boolean;
	readonly line: number;
}

const { values: flags } = parseArgs({
	options: { root: { type: "string", default: join(import.meta.dirname, "..") } },
});
const root = flags.root;
const files = globSync("src/**/*.{ts,tsx}", { cwd: root }).sort();
const known = new Set(files);
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, Record<string, string>>;
const published = new Set(Object.keys(manifest["dependencies"] ?? {}));
const declared = new Set([...published, ...Object.keys(manifest["devDependencies"] ?? {})]);
const problems: string[] = [];
const graph = new Map<string, readonly string[]>();

for (const file of files) {
	const imports = importsOf(readFileSync(join(root, file), "utf8"));
	for (const one of imports) {
		const problem = judge(file, one);
		if (problem !== undefined) problems.push(`${file}:${one.line}: ${problem}`);
	}
	graph.set(
		file,
		imports
			.filter((one) => one.specifier.startsWith(".") && !one.typeOnly && !one.dynamic)
			.map((one) => resolved(file, one.specifier)),
	);
}
problems.push(...cycles());

for (const problem of problems) console.error(problem);
console.log(`imports: ${files.length} files, ${problems.length} problems`);
if (files.length === 0 || problems.length > 0) process.exitCode = 1;

function importsOf(text: string): Import[] {
	const found: Import[] = [];
	// statements begin a line; a brace list may span lines. Comments and strings do not look like this in our format.
	const pattern =
		/^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"|\bimport\("([^"]+)"\)\./gm;
	for (const match of text.matchAll(pattern)) {
		const specifier = match[2] ?? match[3] ?? match[4];
		if (specifier === undefined) continue;
		const inType =
			match[2] === undefined &&
			/\btypeof\s+$|:\s+$|<$|\|\s+$/.test(text.slice(Math.max(0, match.index - 8), match.index));
		found.push({
			specifier,
			typeOnly: match[1] !== undefined || inType,
			dynamic: match[2] === undefined,
			line: text.slice(0, match.index).split("\n").length,
		});
	}
	return found;
}

function judge(file: string, one: Import): string | undefined {
	const test = isTest(file);
	const layer = layerOf(file);
	if (one.specifier.startsWith("node:")) {
		if (test || !(pure.has(layer) || layer === "ui")) return undefined;
		return `${layer}/ is pure: no ${one.specifier}`;
	}
	// the build puts what pages are made with into them: nothing of it is asked for where gomem is installed
	if (!one.specifier.startsWith(".")) return judgePackage(one, test || layer === "ui");
	const target = resolved(file, one.specifier);
	if (!target.startsWith("src/")) {
		return test && /^(testing|tools)\//.test(target) ? undefined : `${target} is outside of src/`;
	}
	if (layer === "ui" && target.endsWith(".css") && existsSync(join(root, target))) return undefined;
	if (!known.has(target) && !target.endsWith(".json")) return `${target} does not exist`;
	if (!test && isTest(target)) return `${target} belongs to the tests`;
	return judgeLayers(layer, layerOf(target), one);
}

function judgePackage(one: Import, development: boolean): string | undefined {
	const name = one.specifier.split("/", one.specifier.startsWith("@") ? 2 : 1).join("/");
	if (development ? declared.has(name) : published.has(name)) return undefined;
	return `${name} is no dependency of package.json`;
}

function judgeLayers(from: string, to: string, one: Import): string | undefined {
	if (from === to) return undefined;
	const [here, there] = [from, to].map((name) => layers.findIndex((row) => row.includes(name)));
	if (here === undefined || there === undefined || here < 0 || there < 0)
		return `${here === -1 ? from : to}/ is in no layer`;
	if (from === "ui") {
		if (pure.has(to) || (to === "api" && one.typeOnly)) return undefined;
		return `ui/ takes only types from api/, and pure layers: not ${to}/`;
	}
	return there < here ? undefined : `${from}/ stands before ${to}/ and may not import from it`;
}

/** Tests, and what makes their data. */
function isTest(file: string): boolean {
	return /\.test\.tsx?$|\/testdata\//.test(file);
}

function layerOf(file: string): string {
	return file.split("/")[1] ?? "";
}

function resolved(file: string, specifier: string): string {
	return normalize(posix.join(posix.dirname(file), specifier));
}

/** Each cycle once, by depth-first search over imports of values. */
function cycles(): string[] {
	const state = new Map<string, "open" | "done">();
	const found: string[] = [];
	const path: string[] = [];
	const visit = (file: string): void => {
		state.set(file, "open");
		path.push(file);
		for (const next of graph.get(file) ?? []) {
			if (state.get(next) === "open") found.push(`cycle: ${[...path.slice(path.indexOf(next)), next].join(" → ")}`);
			else if (!state.has(next)) visit(next);
		}
		path.pop();
		state.set(file, "done");
	};
	for (const file of graph.keys()) if (!state.has(file)) visit(file);
	return found;
}
