import assert from "node:assert/strict";
import { test } from "node:test";
import type { ViewInput } from "../../api/profile-options.ts";
import { profileTop } from "../../api/profile-top.ts";
import { profileTree } from "../../api/profile-tree.ts";
import { smallProfile } from "../../profile/testdata/small-profile.ts";
import { terminalFor } from "../terminal.ts";
import { render as renderTop } from "./profile-top.ts";
import { render as renderTree } from "./profile-tree.ts";

const ctx = { warn: (message: string) => assert.fail(message) };
const plain = terminalFor({}, "never", {});

/** Stacks of one frame each, all of one weight. */
function even(functions: number) {
	return { profile: smallProfile(Array.from({ length: functions }, (_, i) => [`f${i}`, 100] as const)), sources: [] };
}

/** What stands below the head of both reports. */
function bodies(functions: number, input: ViewInput): string[] {
	const opened = even(functions);
	const texts = [renderTop(profileTop(ctx, opened, input), plain), renderTree(profileTree(ctx, opened, input), plain)];
	return texts.map((text) => text.slice(text.indexOf("\n\n") + 2));
}

test("rows that are all too small to be shown are told, and the flag that shows them", () => {
	const why = "  all 300 rows are each below the cutoff: --no-trim (or --nodefraction=0) shows them";
	assert.deepEqual(bodies(300, {}), [why, why]);
	const one = "  the only row is below the cutoff: --no-trim (or --nodefraction=0) shows it";
	assert.deepEqual(bodies(1, { nodefraction: 2 }), [one, one]);
	for (const input of [{ trim: false }, { nodefraction: 0 }]) {
		for (const text of bodies(300, input)) assert.match(text, /100 B +0\.3 %.* f100 /);
	}
});

test("where nothing matches there is nothing to show", () => {
	const none = "  no samples like that";
	assert.deepEqual(bodies(0, {}), [none, none]);
	assert.deepEqual(bodies(300, { ignore: "f" }), [none, none]);
});
