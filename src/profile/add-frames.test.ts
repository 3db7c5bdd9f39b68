import assert from "node:assert/strict";
import { test } from "node:test";
import { ProfileBuilder } from "../formats/pprof/builder.ts";
import { profileText } from "../formats/pprof/text.ts";
import { walkProfile } from "../formats/pprof/walk.ts";
import { withFrames, withoutUnnamedEnds } from "./add-frames.ts";

function stacks(profile: ReturnType<ProfileBuilder["finish"]>): string[] {
	return [...profileText(profile).matchAll(/^ +\d+: ([\d ]*)$/gm)].map((found) => (found[1] ?? "").trim());
}

test("frames are added where there are none, and named ones stay", () => {
	const b = new ProfileBuilder([{ type: "space", unit: "bytes" }]);
	const known = b.function({ name: "known", filename: "k.go", id: 7 });
	const bare = b.location({ address: 0x10 });
	const named = b.location({ address: 0x20, lines: [{ function: known, line: 3 }] });
	const other = b.location({ address: 0x30 });
	b.sample([bare, named, other], [1]);
	const asked: number[] = [];
	const frame = { pc: 0, inlined: false, funcID: 0, file: "m.go", startLine: 1 };
	const profile = withFrames(b.finish(), (location) => {
		asked.push(location);
		if (location !== bare) return [];
		return [
			{ ...frame, function: "inner", symbol: "inner", line: 5, inlined: true },
			{ ...frame, function: "known", symbol: "known", line: 6 },
		];
	});
	assert.deepEqual(asked, [bare, other]);
	assert.deepEqual(
		walkProfile(profile).filter((one) => one.severity !== "odd"),
		[],
	);
	const text = profileText(profile);
	assert.match(text, /1: 0x10 inner m\.go:5:0 s=1\n +known m\.go:6:0 s=1/);
	assert.match(text, /2: 0x20 known k\.go:3:0 s=0/);
	assert.match(text, /3: 0x30 \n/);
});

test("what has no name at the ends of a stack is left out, unless that is all", () => {
	const b = new ProfileBuilder([{ type: "space", unit: "bytes" }]);
	const f = b.function({ name: "f" });
	const bare = b.location({ address: 1 });
	const named = b.location({ address: 2, lines: [{ function: f }] });
	b.sample([bare, bare, named, bare, named, bare], [1]);
	b.sample([bare, bare], [2]);
	b.sample([named], [3]);
	b.sample([], [4]);
	assert.deepEqual(stacks(withoutUnnamedEnds(b.finish())), ["2 1 2", "1 1", "2", ""]);
});

test("the runtime's innermost frames are left out, also where another stack gives them a name", () => {
	const b = new ProfileBuilder([{ type: "space", unit: "bytes" }]);
	const at = (address: number, name?: string) =>
		b.location({ address, lines: name === undefined ? [] : [{ function: b.internFunction({ name }) }] });
	const malloc = at(1, "runtime.mallocgc");
	const makeslice = at(2);
	const main = at(3, "main.main");
	const start = at(4, "runtime.main");
	const exit = at(5);
	b.sample([malloc, makeslice, main, start, exit], [1]);
	b.sample([malloc, main, start, exit], [2]);
	// nothing but the runtime: shown whole
	b.sample([malloc, start, exit], [3]);
	assert.deepEqual(stacks(withoutUnnamedEnds(b.finish())), ["3 4", "3 4", "1 4"]);
});
