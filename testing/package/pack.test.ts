import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { entrySources } from "../../src/capture/entry-points.ts";
import { ci } from "../stages/stage.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "gomem-pack-"));
const installed = join(folder, "node_modules/gomem");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
after(() => rmSync(folder, { recursive: true, force: true }));

before(async () => {
	await npm(root, "pack", "--pack-destination", folder);
	writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
	await npm(folder, "install", "--prefer-offline", `./gomem-${version}.tgz`);
});

async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
	const env = { ...process.env, PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter) };
	await promisify(execFile)("npm", [...args, "--no-audit", "--no-fund"], { cwd, env });
}

/** The installed command, started by its #! line with this node first on PATH. */
function gomem(node: string, ...args: readonly string[]) {
	const env = { PATH: [dirname(node), "/usr/bin", "/bin"].join(delimiter), HOME: folder };
	return spawnSync(join(folder, "node_modules/.bin/gomem"), args, { cwd: folder, env, encoding: "utf8" });
}

test("the package holds what runs, and nothing else", () => {
	const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
	const expected =
		/^(package\.json|LICENSE|README\.md|bin|bin\/gomem\.cjs|docs|docs\/schemas(\/[\w-]+\.json)?|dist|dist\/package\.json|dist\/[\w.-]+\.js|dist\/gomem\.1|dist\/ui|dist\/ui\/(flame|report)\.(css|js)|dist\/ui\/(font\.ttf|resvg\.wasm)|dist\/types(\/.*\.d\.ts|\/[\w/-]+)?)$/;
	assert.deepEqual(
		files.filter((name) => !expected.test(name)),
		[],
	);
	assert.ok(files.includes("LICENSE"));
	for (const name of Object.keys(entrySources)) assert.ok(files.includes(join("dist", `${name}.js`)), name);
});

test("installed in an empty folder, it runs", () => {
	assert.equal(gomem(process.execPath, "--version").stdout, `gomem ${version}\n`);
	assert.match(gomem(process.execPath, "--help").stdout, /^Usage: gomem COMMAND/m);
	const settings = gomem(process.execPath, "settings", "--json");
	assert.equal(JSON.parse(settings.stdout).schema, "gomem.settings/1", settings.stderr);
	const schema = gomem(process.execPath, "schema", "settings");
	assert.equal(JSON.parse(schema.stdout).$id, "gomem.settings/1");
});

test("the bundle needs no other package", () => {
	rmSync(join(folder, "bundle"), { recursive: true, force: true });
	mkdirSync(join(folder, "bundle"));
	execFileSync("cp", ["-r", join(installed, "dist"), join(folder, "bundle/dist")]);
	writeFileSync(join(folder, "bundle/package.json"), '{ "type": "module" }\n');
	const out = execFileSync(process.execPath, [join(folder, "bundle/dist/main.js"), "settings", "--json"], {
		// away from node_modules of any folder above
		cwd: "/",
		encoding: "utf8",
	});
	assert.equal(JSON.parse(out).schema, "gomem.settings/1");
	for (const name of readdirSync(join(folder, "bundle/dist")).filter((file) => file.endsWith(".js"))) {
		const text = readFileSync(join(folder, "bundle/dist", name), "utf8");
		const foreign = [...text.matchAll(/\b(?:require|import)\("([^."][^"]*)"\)/g)]
			.map((match) => match[1] ?? "")
			.filter((specifier) => !isBuiltin(specifier));
		assert.deepEqual(foreign, [], name);
	}
});

test("compiled code is kept for the next start; damaged code is made anew, and where none can be kept nothing is said", () => {
	const dist = join(installed, "dist");
	rmSync(join(dist, ".cache"), { recursive: true, force: true });
	const told = gomem(process.execPath, "settings").stdout;
	const kept = () => readdirSync(join(dist, ".cache"), { recursive: true, encoding: "utf8" });
	const files = kept().filter((name) => name.endsWith(".js"));
	assert.ok(files.length > 1, files.join(" "));
	assert.ok(files.every((name) => name.includes(`${process.version}-${process.arch}/settings/`)));
	const contents = () => files.map((name) => readFileSync(join(dist, ".cache", name)));
	const whole = contents();
	assert.equal(gomem(process.execPath, "settings").stdout, told);
	assert.deepEqual(contents(), whole, "what is there is used, not made again");

	for (const [i, name] of files.entries()) {
		const bytes = Buffer.from(whole[i] ?? []);
		if (i % 2 === 0) bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x5a;
		writeFileSync(join(dist, ".cache", name), i % 2 === 0 ? bytes : bytes.subarray(0, 1000));
	}
	const damaged = contents();
	assert.equal(gomem(process.execPath, "settings").stdout, told);
	for (const [i, bytes] of contents().entries()) assert.notDeepEqual(bytes, damaged[i]);
	assert.deepEqual(
		kept().filter((name) => /\.js\.\d+$/.test(name)),
		[],
		"nothing half-written is left",
	);

	rmSync(join(dist, ".cache"), { recursive: true });
	writeFileSync(join(dist, ".cache"), "");
	const { stdout, stderr, status } = gomem(process.execPath, "settings");
	assert.deepEqual([stdout, stderr, status], [told, "", 0]);
	rmSync(join(dist, ".cache"));
});

test("an older Node.js is told in one line", (t) => {
	const old = nodeOnPath();
	if (old === undefined || old.major >= 24) return t.skip("no Node.js below 24 on PATH");
	const { status, stderr, stdout } = gomem(old.path, "why", "1");
	assert.equal(status, 2);
	assert.equal(stdout, "");
	assert.match(stderr, /^gomem needs Node\.js 24 or newer, and this is v\d+\.\d+\.\d+ \(.*\)\n$/);
});

test("it runs on Node.js 24", async (t) => {
	const cache = join(process.env["GOMEM_CACHE"] ?? join(homedir(), ".cache/gomem"), "node-24");
	const node = join(cache, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
	if (!existsSync(node)) {
		const packageName = `node-${process.platform}-${process.arch}@24`;
		if (!ci) return t.skip(`Node.js 24 is not there; npm install --prefix ${cache} ${packageName}`);
		mkdirSync(cache, { recursive: true });
		await npm(cache, "install", "--prefix", cache, packageName);
	}
	assert.equal(gomem(node, "--version").stdout, `gomem ${version}\n`);
	const settings = gomem(node, "settings", "--json");
	assert.equal(JSON.parse(settings.stdout).schema, "gomem.settings/1", settings.stderr);
	assert.equal(settings.stderr, "");
});

function nodeOnPath(): { path: string; major: number } | undefined {
	for (const part of (process.env["PATH"] ?? "").split(delimiter)) {
		const path = join(part, "node");
		if (part.includes("node_modules") || !existsSync(path)) continue;
		const found = execFileSync(path, ["--version"], { encoding: "utf8" });
		return { path, major: Number(/^v(\d+)/.exec(found)?.[1]) };
	}
	return undefined;
}
