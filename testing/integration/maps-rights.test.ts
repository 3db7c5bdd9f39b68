/** gomem maps with less than every right. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { mapsReading } from "../../src/api/maps-reading.ts";
import { mapsResult } from "../../src/api/maps-result.ts";
import type { MapsResult } from "../../src/api/maps-shape.ts";
import { ObservedProcess } from "../../src/capture/process.ts";
import { startSubject } from "../subjects.ts";
import { stopped, sum } from "./maps-truth.ts";

test("without the right to look: what status says, and why there is no more", {
	skip: process.getuid?.() === 0 ? false : "takes root to become somebody else",
}, async () => {
	await using subject = await startSubject("anonmap");
	const child = spawn(
		"setpriv",
		[
			"--reuid=65534",
			"--regid=65534",
			"--clear-groups",
			process.execPath,
			join(import.meta.dirname, "../../src/cli/main.ts"),
			"maps",
			String(subject.pid),
			"--json",
		],
		{ stdio: ["ignore", "pipe", "ignore"] },
	);
	let text = "";
	for await (const chunk of child.stdout) text += String(chunk);
	const r = JSON.parse(text) as MapsResult;
	assert.deepEqual(r.mappings, []);
	assert.deepEqual(
		r.owners.map((o) => o.owner),
		["anon.all", "files.all", "shared.all"],
	);
	assert.equal(
		sum(r.owners, (o) => o.rssBytes),
		r.rssBytes,
	);
	assert.ok((r.rssBytes ?? 0) >= Number(subject.holds["anonymousBytes"]));
	assert.ok(r.unavailable.some((u) => u.part === "smaps" && /runs as uid 0/.test(u.why) && u.wouldHelp !== undefined));
});

test("less than everything: no runtime, no smaps", async () => {
	await using subject = await stopped("anonmap", { go: "1.24.13" });
	using observed = (await ObservedProcess.open(subject.pid)) as ObservedProcess;
	const { reading } = await observed.read();
	// as under Yama: smaps and pagemap may be read, memory may not
	const unread = mapsReading({ reading, runtime: undefined }, true);
	assert.equal(unread.known, "smaps");
	const anonymous = unread.mappings.filter((m) => m.owner === "anon.all");
	assert.ok(
		anonymous.some((m) => m.name === "anonymous, by its address Go's heap" && m.mapping.start === 0xc000000000),
	);
	assert.ok(sum(anonymous, (m) => m.mapping.rss) >= Number(subject.holds["anonymousBytes"]));
	// as on a kernel without smaps
	const bare = mapsReading({ reading: { ...reading, mappings: [] }, runtime: undefined }, true);
	assert.equal(bare.known, "maps");
	assert.deepEqual(
		bare.mappings.map((m) => [m.mapping.start, m.mapping.end]),
		unread.mappings.map((m) => [m.mapping.start, m.mapping.end]),
	);
	const r = mapsResult(bare, undefined, { all: false });
	assert.equal(r.rssBytes, reading.status.vmRss);
	assert.ok(r.mappings.every((m) => m.rssBytes === undefined) && r.owners.every((o) => o.rssBytes === undefined));
	assert.ok(r.owners.some((o) => o.owner === "binary.text" && (o.sizeBytes ?? 0) > 0));
});
