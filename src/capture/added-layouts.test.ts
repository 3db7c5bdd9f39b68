import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { embedded } from "../../tools/layouts/embed.ts";
import { chooseLayouts, type LayoutRecord, recordOfLayout } from "../goruntime/layouts/layouts.ts";
import { addedLayoutsFolder, readAddedLayouts, writeAddedLayout } from "./added-layouts.ts";
import { toolchainOf } from "./toolchain-probe.ts";

const scratch = mkdtempSync(join(tmpdir(), "gomem-added-"));
const folder = join(scratch, "gomem", "layouts");
after(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => rmSync(folder, { recursive: true, force: true }));

async function record(goVersion: string): Promise<LayoutRecord> {
	const choice = await chooseLayouts("go1.26.8", "amd64");
	const found = "layout" in choice ? recordOfLayout(choice.layout) : undefined;
	assert.ok(found);
	return { ...found, goVersion, from: "a test" };
}

describe("layouts that the user added", () => {
	test("are kept for their owner only, whatever the umask, and come back", async () => {
		const umask = process.umask(0);
		try {
			const path = writeAddedLayout(await record("go1.98rc1"), folder);
			assert.equal(path, join(folder, "go1.98rc1-amd64.json"));
			assert.equal(statSync(path).mode & 0o777, 0o600);
			assert.equal(statSync(folder).mode & 0o777, 0o700);
		} finally {
			process.umask(umask);
		}
		const { layouts, problems } = readAddedLayouts(folder);
		assert.deepEqual([layouts.map((one) => one.record), problems], [[await record("go1.98rc1")], []]);
	});

	test("replace one of the same version; another has a file of its own", async () => {
		writeAddedLayout(await record("go1.98rc1"), folder);
		writeAddedLayout({ ...(await record("go1.98rc1")), from: "again" }, folder);
		// what stands in a version is no path
		writeAddedLayout(await record("devel go1.98-0fb8/../x Tue Nov 3 (Red Hat)"), folder);
		assert.deepEqual(readdirSync(folder), [
			"devel_go1.98-0fb8_.._x_Tue_Nov_3_Red_Hat_-amd64.json",
			"go1.98rc1-amd64.json",
		]);
		assert.equal(readAddedLayouts(folder).layouts[1]?.record.from, "again");
	});

	test("none, a folder that is a file, files that are no layouts", () => {
		assert.deepEqual(readAddedLayouts(folder), { folder, layouts: [], problems: [] });
		mkdirSync(folder, { recursive: true });
		writeFileSync(join(folder, "a.json"), "[]");
		writeFileSync(join(folder, "b.json"), "{");
		writeFileSync(join(folder, "c.json"), new Uint8Array((4 << 20) + 1));
		writeFileSync(join(folder, "d.txt"), "{");
		symlinkSync("nowhere", join(folder, "e.json"));
		mkdirSync(join(folder, "f.json"));
		const { layouts, problems } = readAddedLayouts(folder);
		assert.equal(layouts.length, 0);
		assert.deepEqual(
			problems.map((one) => /\/(\w)\.json/.exec(one.unavailable)?.[1]),
			["a", "b", "c", "f"],
		);
		assert.deepEqual(readAddedLayouts(join(folder, "a.json")).layouts, []);
	});

	test("lie in the user's configuration folder", () => {
		assert.equal(addedLayoutsFolder({ XDG_CONFIG_HOME: "/x" }), "/x/gomem/layouts");
		assert.match(addedLayoutsFolder({}), /\/\.config\/gomem\/layouts$/);
	});
});

test("what a toolchain may be called", () => {
	for (const name of ["go1.28rc1", "1.28rc1", "go1.27", "go1.26.8", "1.26.8-acme2"])
		assert.equal(toolchainOf(name)?.kind, "named", name);
	for (const name of ["gcc", "go2.0", "go1.26.8;id", "../go", "", "latest", "-o", "go1.26.8 x"])
		assert.equal(toolchainOf(name), undefined, name);
	const bin = join(scratch, "goroot", "bin");
	mkdirSync(bin, { recursive: true });
	writeFileSync(join(bin, "go"), "");
	chmodSync(join(bin, "go"), 0o755);
	assert.deepEqual(toolchainOf(join(scratch, "goroot")), { kind: "folder", goroot: join(scratch, "goroot") });
});

test("what was embedded of tools/layouts is in date", async () => {
	const { readFileSync } = await import("node:fs");
	for (const [name, text] of embedded()) {
		const path = join(import.meta.dirname, "..", name);
		assert.equal(readFileSync(path, "utf8"), text, `src/${name}: run node tools/layouts/embed.ts`);
	}
});
