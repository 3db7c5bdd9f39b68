/**
 * npm run new -- check NAME | format NAME | operation NAME: writes the one source file and its test, which passes at once, then brings
 * the registries and schemas up to date. A verb of a group has its words joined: tune-predict is `gomem tune predict`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkFiles, contractFile } from "./scaffolds/check.ts";
import { formatFiles } from "./scaffolds/format.ts";
import { operationFiles } from "./scaffolds/operation.ts";

const root = join(import.meta.dirname, "..");
const kinds = { check: checkFiles, format: formatFiles, operation: operationFiles } as const;
const [kind, name, ...more] = process.argv.slice(2);

if (!(kind !== undefined && kind in kinds) || name === undefined || more.length > 0) {
	console.error("Usage: npm run new -- check NAME | format NAME | operation NAME");
	process.exitCode = 2;
} else if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
	console.error(`${name} is no name: small letters, digits and single hyphens, a letter first`);
	process.exitCode = 2;
} else {
	create(kinds[kind as keyof typeof kinds](name));
}

function create(files: Readonly<Record<string, string>>): void {
	const there = Object.keys(files).find((path) => path !== contractFile && existsSync(join(root, path)));
	if (there !== undefined) {
		console.error(`${there} exists already`);
		process.exitCode = 1;
		return;
	}
	for (const [path, text] of Object.entries(files)) {
		if (existsSync(join(root, path))) continue;
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), text);
		console.log(`wrote ${path}`);
	}
	// a long name may need other line breaks than the scaffold has
	const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
	const paths = Object.keys(files);
	execFileSync(process.execPath, [biome, "format", "--write", "--vcs-enabled=false", ...paths], {
		cwd: root,
		stdio: "pipe",
	});
	for (const tool of ["generate-registries.ts", "generate-schemas.ts"]) {
		execFileSync(process.execPath, [join(root, "tools", tool)], { stdio: "inherit" });
	}
	const test = Object.keys(files).find((path) => path.endsWith(".test.ts"));
	console.log(`next: node_modules/.bin/node --test ${test}`);
}
