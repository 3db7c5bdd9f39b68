import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Type } from "typebox";
import { Bytes, Duration } from "./operation-values.ts";
import { loadSettings } from "./settings-load.ts";
import { defineSettings } from "./settings-section.ts";

const folder = mkdtempSync(join(tmpdir(), "gomem-settings-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const alerts = defineSettings({
	name: "alerts",
	summary: "when to alert",
	schema: Type.Object({
		every: Duration({ description: "pace", default: "5s" }),
		minSize: Type.Optional(Bytes({ description: "least size" })),
		count: Type.Integer({ description: "how many", default: 3, minimum: 1 }),
		token: Type.Optional(Type.String({ description: "a secret", secret: true })),
		names: Type.Array(Type.String(), { description: "names", default: [] }),
	}),
});

let files = 0;
function load(text: string | undefined, env: Record<string, string> = {}) {
	const config = join(folder, `${files++}.toml`);
	if (text !== undefined) writeFileSync(config, text);
	const named = text === undefined ? {} : { config };
	return loadSettings({ ...named, env, cwd: folder, home: undefined, sections: async () => [alerts] });
}

test("defaults, without reading any section", async () => {
	const settings = await loadSettings({
		env: {},
		cwd: folder,
		home: undefined,
		sections: () => assert.fail("sections are loaded for nothing"),
	});
	assert.deepEqual(settings.get(alerts), { every: 5000, count: 3, names: [] });
});

test("environment over file over default, with units", async () => {
	const text = '# a comment\n[alerts]\nevery = "1m" # often\ncount = 7\nminSize = "64MiB"\nnames = ["a", "b"]\n';
	const settings = await load(text, { GOMEM_ALERTS_COUNT: "9", GOMEM_ALERTS_TOKEN: "x", GOMEM_OTHER_THING: "1" });
	assert.deepEqual(settings.get(alerts), {
		every: 60_000,
		minSize: 64 * 2 ** 20,
		count: 9,
		token: "x",
		names: ["a", "b"],
	});
	const list = Object.fromEntries((await settings.list()).map((one) => [one.key, one]));
	assert.equal(list["alerts.count"]?.from, "GOMEM_ALERTS_COUNT");
	assert.match(list["alerts.every"]?.from ?? "", /\.toml:3$/);
	assert.equal(list["alerts.token"]?.value, "(set)");
	assert.equal(settings.given("alerts.count"), "9");
});

test("an unknown key names file and line", async () => {
	const rejected = (text: string, message: RegExp, code = "settings-unknown-key") =>
		assert.rejects(load(text), { code, message });
	await rejected("[alerts]\ncount = 1\n\nevry = 3\n", /\.toml:4: "evry" is no key of \[alerts\]/);
	await rejected("\n[alert]\ncount = 1\n", /\.toml:2: there is no section \[alert\]/);
	await rejected("alerts.cuont = 1\n", /\.toml:1: "cuont"/);
	await rejected("count = 1\n", /\.toml:1: "count" stands outside of a section/, "settings-invalid");
	await rejected("[alerts]\ncount = \n", /\.toml:2: not TOML/, "settings-invalid");
	await rejected("[alerts]\n\ncount = 0\n", /\.toml:3: alerts.count cannot be 0/, "settings-invalid");
	await rejected('[alerts]\nevery = "5"\n', /\.toml:2: alerts.every cannot be "5"/, "settings-invalid");
	await assert.rejects(load(undefined, { GOMEM_ALERTS_CUONT: "1" }), /GOMEM_ALERTS_CUONT/);
});

test("the first file there is read; a named one must be there", async () => {
	const home = join(folder, "home");
	mkdirSync(join(home, ".config/gomem"), { recursive: true });
	writeFileSync(join(home, ".config/gomem/gomem.toml"), "[alerts]\ncount = 2\n");
	const sources = { env: {}, cwd: folder, home, sections: async () => [alerts] };
	assert.equal((await loadSettings(sources)).get(alerts).count, 2);
	writeFileSync(join(folder, "gomem.toml"), "[alerts]\ncount = 4\n");
	assert.equal((await loadSettings(sources)).get(alerts).count, 4);
	rmSync(join(folder, "gomem.toml"));
	await assert.rejects(loadSettings({ ...sources, env: { GOMEM_CONFIG: join(folder, "none.toml") } }), {
		code: "settings-unreadable",
	});
});
