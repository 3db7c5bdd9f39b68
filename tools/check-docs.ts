/**
 * Checks that the paths of this repository which the documents cite exist: every `code span` that looks like a path, and
 * every relative link. `<name>` and `*` stand for any name. `--root DIR` checks another tree.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
	options: { root: { type: "string", default: join(import.meta.dirname, "..") } },
});
const documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].filter((name) =>
	existsSync(join(flags.root, name)),
);
const tops = globSync("*", { cwd: flags.root }).concat([".ci"]);

let cited = 0;
let missing = 0;
for (const name of documents) {
	for (const [index, line] of readFileSync(join(flags.root, name), "utf8").split("\n").entries()) {
		for (const path of pathsIn(line)) {
			cited++;
			const pattern = path.replace(/<[^>]+>/g, "*");
			const there = pattern.includes("*")
				? globSync(pattern, { cwd: flags.root }).length > 0
				: existsSync(join(flags.root, path));
			if (there) continue;
			missing++;
			console.error(`${name}:${index + 1}: ${path} does not exist`);
		}
	}
}
console.log(`documents: ${documents.length}, paths cited: ${cited}, missing: ${missing}`);
if (documents.length === 0 || missing > 0) process.exitCode = 1;

/** Paths with a folder of the repository at their head, and relative links. dist/ is made by a build, so it may be absent. */
function pathsIn(line: string): string[] {
	const spans = [...line.matchAll(/`([^`\s]+)`/g)].map((match) => match[1] ?? "");
	const links = [...line.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
	const looksLikePath = (text: string) =>
		/^[\w.-]+\/[\w./<>*-]*$/.test(text) && tops.includes(text.split("/")[0] ?? "") && !text.startsWith("dist/");
	return [...spans.filter(looksLikePath), ...links];
}
