/** Writes the published JSON Schemas, docs/schemas/<operation>.json and error.json. `--check` writes nothing and compares. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { operations } from "../src/api/registry.gen.ts";
import { errorSchema, resultSchema } from "../src/api/schema-published.ts";

const folder = join(import.meta.dirname, "../docs/schemas");
const check = process.argv.includes("--check");

const wanted = new Map<string, string>([["error.json", text(errorSchema)]]);
for (const entry of operations) wanted.set(`${entry.id}.json`, text(resultSchema(await entry.load())));

mkdirSync(folder, { recursive: true });
const there = readdirSync(folder).filter((name) => name.endsWith(".json"));
const stale = [
	...[...wanted].filter(([name, json]) => !there.includes(name) || readFileSync(join(folder, name), "utf8") !== json),
	...there.filter((name) => !wanted.has(name)).map((name) => [name, undefined] as const),
];
for (const [name, json] of stale) {
	if (check) console.error(`docs/schemas/${name} is out of date: run npm run schemas`);
	else if (json === undefined) rmSync(join(folder, name));
	else writeFileSync(join(folder, name), json);
}
if (check && stale.length > 0) process.exitCode = 1;
else if (!check) console.log(`docs/schemas: ${wanted.size} schemas, ${stale.length} changed`);

function text(schema: object): string {
	return `${JSON.stringify(schema, null, "\t")}\n`;
}
