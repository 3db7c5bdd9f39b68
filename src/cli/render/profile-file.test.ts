import assert from "node:assert/strict";
import { test } from "node:test";
import { profileReport } from "../../api/profile-artifact.ts";
import { smallProfile } from "../../profile/testdata/small-profile.ts";
import { terminalFor } from "../terminal.ts";
import { render } from "./profile-proto.ts";

test("a report that went to standard output is no file", () => {
	const opened = { profile: smallProfile([["main.f", 100]]), sources: [] };
	const { result } = profileReport({ warn() {} }, opened, {}, "proto");
	const text = (file: string) => render({ ...result, file }, terminalFor({}, "never", {}));
	assert.match(text("x.pb.gz"), /\nx\.pb\.gz {3}[\d.]+ .?i?B {3}readable by its owner only\nNext .*top x\.pb\.gz/);
	assert.match(text("-"), /\n\nstandard output {3}[\d.]+ .?i?B$/);
});
