import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { operation as layouts } from "../../src/api/layouts.ts";
import { operation as add } from "../../src/api/layouts-add.ts";
import { operation as list } from "../../src/api/layouts-list.ts";
import { operation as verify } from "../../src/api/layouts-verify.ts";
import { operation as memstats } from "../../src/api/memstats.ts";
import { operation as why } from "../../src/api/why.ts";
import type { WhyResult } from "../../src/api/why-shape.ts";
import { ParseError } from "../../src/bytes/parse-error.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { seeded } from "../../src/formats/elf/testdata/go-binary.ts";
import { fittingViews } from "../../src/goruntime/attach.ts";
import { layoutOfRecord, parseLayoutRecord } from "../../src/goruntime/layouts/layout-record.ts";
import { recordOfLayout } from "../../src/goruntime/layouts/layouts.ts";
import { readRuntime } from "../../src/goruntime/runtime-state.ts";
import { documentOf } from "../operations.ts";
import { lookResting, lookStill } from "../settled.ts";
import {
	type BuildMode,
	buildSubject,
	defaultGo,
	type RunningSubject,
	skipReason,
	startSubject,
	toolchain,
} from "../subjects.ts";
import { captured, rejectsWith } from "./captures.ts";

const exec = promisify(execFile);
const launcher = join(import.meta.dirname, "../../bin/gomem");
const skip = await skipReason("livemap");
const scratch = mkdtempSync(join(tmpdir(), "gomem-layouts-test-"));
process.env["XDG_CONFIG_HOME"] = scratch;
const folder = join(scratch, "gomem", "layouts");
after(() => rmSync(scratch, { recursive: true, force: true }));
const forget = () => rmSync(folder, { recursive: true, force: true });

/** A program that says of itself to be of a release that does not exist; the runtime in it is that of 1.26.8. */
const UNKNOWN = "go1.98.6";
async function disguised(mode: BuildMode): Promise<string> {
	const bytes = readFileSync(await buildSubject("livemap", { mode })).toString("latin1");
	assert.ok(bytes.includes(`go${defaultGo}`) && UNKNOWN.length === `go${defaultGo}`.length);
	const path = join(scratch, `livemap-${mode}`);
	writeFileSync(path, bytes.replaceAll(`go${defaultGo}`, UNKNOWN), { encoding: "latin1" });
	chmodSync(path, 0o755);
	return path;
}

/** Runs it: the subject's own path becomes an argument, which it passes over. */
async function start(mode: BuildMode): Promise<RunningSubject & { readonly program: string }> {
	const program = await disguised(mode);
	const subject = await startSubject("livemap", { mode, via: [program] });
	return Object.assign(subject, { program });
}

const whyOf = async (target: string) => (await documentOf(why, { target })) as unknown as WhyResult;

describe("a release that gomem does not know", { skip }, () => {
	test("is read by the DWARF of the program, and so is its capture", async () => {
		await using subject = await start("plain");
		assert.equal(subject.go, UNKNOWN);
		const target = String(subject.pid);
		const { seen, truth } = await lookStill(subject, () =>
			lookResting(subject.pid, async () => {
				const { path } = await captured("unknown.gomem", { target, force: true });
				return { live: await whyOf(target), replayed: await whyOf(path) };
			}),
		);
		const { live, replayed } = seen;
		assert.equal(live.target.layout, `${UNKNOWN} amd64, of its own DWARF (dwarf)`);
		assert.equal(live.runtime?.heapAllocBytes, truth.HeapAlloc);
		assert.deepEqual(live.unavailable, []);
		assert.equal(replayed.target.layout, live.target.layout);
		assert.equal(replayed.runtime?.heapAllocBytes, truth.HeapAlloc);
		assert.equal(replayed.residualBytes, live.residualBytes);
	});

	test("is refused where the program is stripped, until its layout is added", async () => {
		forget();
		await using subject = await start("stripped-pie");
		const target = String(subject.pid);
		const before = await whyOf(target);
		assert.equal(before.runtime, undefined);
		assert.match(before.unavailable.map((one) => one.why).join(), /layout of Go 1\.98 on amd64 is not known/);
		await rejectsWith(documentOf(memstats, { target }), "runtime-unreadable");

		const added = await documentOf(add, { toolchain: await disguised("plain") });
		assert.deepEqual([added["goVersion"], added["commands"], added["replaced"]], [UNKNOWN, [], false]);
		assert.equal(statSync(String(added["path"])).mode & 0o777, 0o600);
		assert.deepEqual(readdirSync(folder), [`${UNKNOWN}-amd64.json`]);
		const { seen, truth } = await lookStill(subject, async () => {
			const { path } = await captured("added.gomem", { target, force: true });
			return { path, whole: await whyOf(target) };
		});
		const { path, whole } = seen;
		assert.equal(whole.target.layout, `${UNKNOWN} amd64, added (exact)`);
		assert.equal(whole.runtime?.heapAllocBytes, truth.HeapAlloc);

		const checked = await documentOf(verify, { target });
		assert.deepEqual(checked["fits"], [
			{ label: `${UNKNOWN} amd64, added`, of: "table", fits: true, variablesFrom: "structure" },
		]);
		const listed = await documentOf(layouts);
		assert.deepEqual(
			(listed["added"] as { goVersion: string }[]).map((one) => one.goVersion),
			[UNKNOWN],
		);

		// a capture has what it was read with, wherever it is replayed
		forget();
		assert.equal((await whyOf(path)).runtime?.heapAllocBytes, truth.HeapAlloc);
		assert.equal((await whyOf(target)).runtime, undefined);
	});

	test("an added layout that cannot be read is said, and harms nothing", async () => {
		await documentOf(add, { toolchain: await disguised("plain") });
		writeFileSync(join(folder, "broken.json"), "{");
		await using subject = await startSubject("livemap");
		const result = await whyOf(String(subject.pid));
		assert.ok(result.runtime);
		assert.match(result.unavailable.map((one) => one.why).join(), /broken\.json cannot be read: it is not JSON/);
		assert.equal(((await documentOf(layouts))["unavailable"] as unknown[]).length, 1);
		forget();
	});

	test("an added layout of a version does not stand in the way of another toolchain of that name", async () => {
		const own = await buildSubject("livemap");
		await documentOf(add, { toolchain: own });
		const path = join(folder, `go${defaultGo}-amd64.json`);
		const record = JSON.parse(readFileSync(path, "utf8")) as {
			structs: Record<string, { fields: Record<string, number[]> }>;
		};
		const pages = record.structs["runtime.mheap"]?.fields["pagesInUse"];
		assert.ok(pages);
		pages[0] = 0;
		writeFileSync(path, JSON.stringify(record));
		await using subject = await startSubject("livemap", { mode: "stripped" });
		const result = await whyOf(String(subject.pid));
		assert.equal(result.target.layout, `go${defaultGo} amd64 (exact)`);
		assert.ok(result.runtime);
		forget();
	});
});

test("a layout that lies ends in a partial result or a clear error", { skip }, async () => {
	await using subject = await startSubject("livemap");
	await subject.stop();
	const opened = await ObservedProcess.open(subject.pid);
	assert.ok(opened instanceof ObservedProcess && opened.attached);
	using observed = opened;
	assert.ok(observed.attached);
	const { view, program } = observed.attached;
	const record = recordOfLayout(view.layout);
	assert.ok(record);
	const file = {
		symbols: view.globals,
		writable: program.data,
	} as unknown as Parameters<typeof fittingViews>[0];
	const random = seeded(5);
	const hot = ["mspan", "mheap", "g", "p", "mcache", "mstats", "pageAlloc", "heapArena", "schedt", "m"];
	const ends = { unfit: 0, unreadable: 0, read: 0 };
	for (let round = 0; round < 60; round++) {
		const lying = structuredClone(record) as unknown as {
			structs: Record<string, { size: number; fields: Record<string, number[]> }>;
		};
		for (let n = 0; n <= round % 8; n++) {
			const struct = lying.structs[`runtime.${hot[random() % hot.length]}`];
			const names = Object.keys(struct?.fields ?? {});
			const name = names[random() % names.length] ?? "";
			const field = struct?.fields[name];
			if (struct === undefined || field === undefined) continue;
			if (random() % 4 === 0) delete struct.fields[name];
			else field[0] = random() % (struct.size - (field[1] ?? 0) + 1);
		}
		const layout = layoutOfRecord(parseLayoutRecord(lying), "a lie");
		const [found] = fittingViews(file, 0, view.memory, [layout]);
		if (found === undefined) ends.unfit++;
		else {
			try {
				readRuntime(found.view);
				ends.read++;
			} catch (error) {
				assert.ok(error instanceof ParseError, String(error));
				ends.unreadable++;
			}
		}
	}
	assert.ok(ends.unfit > 0 && ends.unreadable > 0, JSON.stringify(ends));
});

describe("gomem layouts verify", { skip }, () => {
	test("a known release: the DWARF says the same as the table", async () => {
		const path = await buildSubject("livemap");
		const result = await documentOf(verify, { target: path });
		assert.deepEqual(result["use"], { label: `go${defaultGo} amd64`, certainty: "exact" });
		const dwarf = result["dwarf"] as { differences: unknown[]; against: string; structs: number };
		assert.deepEqual([dwarf.differences, dwarf.against], [[], `go${defaultGo}`]);
		assert.ok(dwarf.structs > 150);
		assert.deepEqual(result["fits"], []);
	});

	test("a process: each layout is tried on it", async () => {
		await using subject = await startSubject("livemap", { mode: "stripped" });
		const result = await documentOf(verify, { target: String(subject.pid) });
		assert.deepEqual(result["fits"], [
			{ label: `go${defaultGo} amd64`, of: "table", fits: true, variablesFrom: "structure" },
		]);
		assert.equal(result["dwarf"], undefined);
		assert.deepEqual(
			(result["unavailable"] as { part: string }[]).map((one) => one.part),
			["DWARF"],
		);
	});

	test("what is no Go program, or nothing at all", async () => {
		await rejectsWith(documentOf(verify, { target: "/bin/ls" }), "program-unreadable");
		await rejectsWith(documentOf(verify, { target: "/no/such/file" }), "target-not-found");
		await rejectsWith(documentOf(verify, { target: import.meta.filename }), "target-not-program");
	});
});

describe("gomem layouts add", { skip }, () => {
	test("a toolchain by its folder: what runs is said, and leaves nothing behind", { timeout: 300_000 }, async () => {
		const { goroot } = await toolchain(defaultGo);
		const warnings: string[] = [];
		// where nobody else leaves anything
		const before = process.env["TMPDIR"];
		const own = join(scratch, "tmp");
		mkdirSync(own);
		process.env["TMPDIR"] = own;
		const result = await documentOf(add, { toolchain: goroot }, { warn: (text) => warnings.push(text) }).finally(() => {
			if (before === undefined) delete process.env["TMPDIR"];
			else process.env["TMPDIR"] = before;
		});
		assert.deepEqual([result["goVersion"], result["from"]], [`go${defaultGo}`, `toolchain ${goroot}`]);
		assert.deepEqual(result["differences"], []);
		const commands = result["commands"] as string[];
		assert.deepEqual(
			warnings,
			commands.map((command) => `runs ${command}`),
		);
		assert.match(commands.at(-1) ?? "", /GOTOOLCHAIN=local .*bin\/go build -o .* \.$/);
		// the rule that DWARF does not have was read in the toolchain's source
		assert.ok(!(result["taken"] as string[]).includes("spanInlineMarkBitsMinSize"));
		assert.deepEqual(readdirSync(own), []);
		forget();
	});

	test("what is no toolchain", async () => {
		await rejectsWith(documentOf(add, { toolchain: "gcc" }), "toolchain-unknown");
		await rejectsWith(documentOf(add, { toolchain: "/bin/ls" }), "layout-not-read");
		await rejectsWith(
			documentOf(add, { toolchain: await buildSubject("livemap", { mode: "stripped" }) }),
			"layout-not-read",
		);
		await rejectsWith(documentOf(add, { toolchain: "go1.26.8", experiment: "x;y" }), "invalid-input");
		assert.deepEqual((await documentOf(layouts))["added"], []);
	});
});

describe("the command line", { skip }, () => {
	test("lists, verifies and says how", async () => {
		const { stdout } = await exec(launcher, ["layouts"]);
		assert.match(stdout, /go1\.26 +amd64 +1\.26\.0–1\.26\.\d+/);
		const named = await exec(launcher, ["layouts", "list", "--arch", "amd64", "--json"]);
		assert.deepEqual(
			{ ...JSON.parse(named.stdout), schema: "" },
			{ ...(await documentOf(list, { arch: "amd64" })), schema: "" },
		);
		const checked = await exec(launcher, ["layouts", "verify", await buildSubject("livemap")]);
		assert.match(checked.stdout, /Use +go1\.26\.8 amd64\n +exact: .*\n(.*\n)*.*the same as go1\.26\.8 of the table/);
		const help = await exec(launcher, ["layouts", "add", "--help"]);
		assert.match(help.stdout, /Effect: runs a command/);
	});
});
