import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ProfileBuilder } from "./builder.ts";
import { int64Column } from "./columns.ts";
import type { Profile } from "./model.ts";
import { walkProfile } from "./walk.ts";

/** One sample of one location, in which all is well. */
function sound(): Profile {
	const b = new ProfileBuilder([{ type: "inuse_space", unit: "bytes" }]);
	const mapping = b.mapping({ start: 0x400000, limit: 0x500000, filename: "/bin/orders" });
	const main = b.function({ name: "main.main", filename: "/src/main.go", startLine: 9 });
	const location = b.location({ mapping, address: 0x400100, lines: [{ function: main, line: 12 }] });
	b.sample([location], [4096], [{ key: "bytes", value: 4096, unit: "bytes" }]);
	return b.finish({ period: 1n });
}

const whats = (profile: Profile) => walkProfile(profile).map(({ what }) => what);

test("nothing is said of a sound profile", () => {
	assert.deepEqual(walkProfile(sound()), []);
});

describe("broken", () => {
	const good = sound();
	const { samples, locations, lines, functions, mappings } = good;
	const one = Uint32Array.of(9);
	const cases: Readonly<Record<string, Profile>> = {
		"a location whose id is 0": {
			...good,
			locations: { ...locations, id: { low: Uint32Array.of(0), high: Uint32Array.of(0) } },
		},
		"location mapping": { ...good, locations: { ...locations, mapping: Int32Array.of(1) } },
		"location lines": { ...good, locations: { ...locations, lineStart: Uint32Array.of(0, 2) } },
		"line function": { ...good, lines: { ...lines, function: one } },
		"function name": { ...good, functions: { ...functions, name: one } },
		"mapping build id": { ...good, mappings: { ...mappings, buildId: one } },
		"sample location": { ...good, samples: { ...samples, location: one } },
		"sample locations": { ...good, samples: { ...samples, locationStart: Uint32Array.of(0, 0) } },
		"value columns": { ...good, samples: { ...samples, values: [] } },
		"sample value": { ...good, samples: { ...samples, values: [int64Column([1, 2])] } },
		"label key": { ...good, samples: { ...samples, labels: { ...samples.labels, key: one } } },
		"label text": { ...good, samples: { ...samples, labels: { ...samples.labels, text: Int32Array.of(-2) } } },
	};
	for (const [what, profile] of Object.entries(cases)) {
		test(what, () => {
			const findings = walkProfile(profile);
			assert.ok(
				findings.every(({ severity }) => severity === "broken") &&
					findings.some((finding) => finding.what.includes(what)),
				JSON.stringify(findings),
			);
		});
	}

	test("figures that are not the exact ones", () => {
		const values = [{ numbers: Float64Array.of(4096), exact: BigInt64Array.of(4097n) }];
		assert.match(whats({ ...good, samples: { ...samples, values } }).join(), /not the exact one/);
		const lossy = [{ numbers: Float64Array.of(2 ** 60), exact: undefined }];
		assert.match(whats({ ...good, samples: { ...samples, values: lossy } }).join(), /not the exact one/);
	});

	test("two rows with one id", () => {
		const b = new ProfileBuilder([]);
		b.function({ name: "a", id: 2n ** 63n });
		b.function({ name: "b", id: 2n ** 63n });
		assert.deepEqual(walkProfile(b.finish()), [
			{
				severity: "broken",
				what: "a function id that comes twice",
				count: 1,
				first: "function 1: 9223372036854775808",
			},
		]);
	});
});

test("odd: what the decoder and pprof let pass", () => {
	const b = new ProfileBuilder([
		{ type: "a", unit: "count" },
		{ type: "a", unit: "bytes" },
	]);
	const mapping = b.mapping({ start: 0x1000, limit: 0x2000 });
	b.mapping({ start: 0x1800, limit: 0x2800 });
	b.mapping({ start: 0x9000, limit: 0x8000 });
	const nameless = b.function({ name: "" });
	const outside = b.location({ mapping, address: 0x5000 });
	b.location({ lines: [{ function: nameless, line: -1 }] });
	b.location({});
	b.sample([], [0, 0]);
	b.sample(
		[outside],
		[1, 1],
		[
			{ key: "k", value: "v" },
			{ key: "k", value: 1 },
			{ key: "", value: "v" },
		],
	);
	assert.deepEqual(
		whats(b.finish({ defaultSampleType: "b", docUrl: "doc", durationNanos: -1n })).sort(),
		[
			"a default sample type that is none of the profile's",
			"a doc_url that is not absolute",
			"a function without a name",
			"a label key that comes twice in a sample",
			"a label without a key",
			"a line number below 0",
			"a location of no sample",
			"a location outside of its mapping",
			"a location with neither address nor function",
			"a location without a function in a mapping that says it has them",
			"a mapping that ends before it starts",
			"a sample whose values are all 0",
			"a sample without locations",
			"durationNanos below 0",
			"mappings that overlap",
			"two sample types with one name",
		].sort(),
	);
});
