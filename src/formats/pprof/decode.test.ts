import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { pprofModule } from "../../../testing/integration/pprof-module.ts";
import { whyNoPprof } from "../../../testing/pprof-corpus.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import { ProfileBuilder } from "./builder.ts";
import { int64At, uint64At, uint64Number, uint64Text } from "./columns.ts";
import { decodeProfile } from "./decode.ts";
import { encodeProfile } from "./encode.ts";
import { messages } from "./fields.ts";
import type { Profile } from "./model.ts";
import { someProfile } from "./testdata/profiles.ts";
import { profileText } from "./text.ts";
import { walkProfile } from "./walk.ts";
import { WireWriter } from "./wire-writer.ts";

/** Bytes by hand: fields of a message as [field, figure] or [field, bytes]. */
function message(...fields: readonly (readonly [number, number | bigint | string | Uint8Array])[]): Uint8Array {
	const writer = new WireWriter(64);
	for (const [field, value] of fields) {
		if (typeof value === "number" || typeof value === "bigint") {
			const bits = BigInt.asUintN(64, BigInt(value));
			writer.varint(field << 3);
			writer.varint(Number(bits & 0xffff_ffffn), Number(bits >> 32n));
		} else {
			const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
			writer.begin(field, bytes.length);
			writer.raw(bytes);
		}
	}
	return writer.finish();
}

const join2 = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** The smallest profile with a sample: one type, one location. */
const STRINGS = message([6, ""], [6, "space"], [6, "bytes"]);
const TYPE = message([1, message([1, 1], [2, 2])]);
const LOCATION = message([4, message([1, 1], [3, 0x400000])]);
const SAMPLE = message([2, message([1, 1], [2, 5])]);
const SMALL = join2(TYPE, SAMPLE, LOCATION, STRINGS);

function refuses(bytes: Uint8Array, text: RegExp): void {
	assert.throws(
		() => decodeProfile(bytes),
		(error) => error instanceof ParseError && text.test(error.message),
	);
}

describe("64 bits", () => {
	const before = someProfile();
	const profile = decodeProfile(encodeProfile(before));

	test("values, ids, addresses, labels and times come back to the last bit", () => {
		const [objects, space, delay] = profile.samples.values;
		assert.ok(objects !== undefined && space !== undefined && delay !== undefined);
		assert.equal(objects.exact, undefined);
		assert.deepEqual(
			[0, 1, 2].map((row) => int64At(space, row)),
			[2n ** 40n, 2n ** 62n + 1n, 0n],
		);
		assert.deepEqual(
			[0, 1].map((row) => int64At(delay, row)),
			[-5n, -(2n ** 63n)],
		);
		assert.equal(uint64Text(profile.locations.id, 1), "9223372036854775807");
		assert.equal(uint64At(profile.mappings.id, 1), 2n ** 64n - 1n);
		assert.equal(uint64At(profile.locations.address, 1), 0xffffffff81abcdefn);
		assert.equal(uint64Number(profile.locations.address, 0), 0x400123);
		assert.equal(int64At(profile.samples.labels.number, 4), 2n ** 63n - 1n);
		assert.equal(profile.timeNanos, 1_700_000_000_123_456_789n);
		assert.equal(int64At(profile.lines.line, 2), -1n);
	});

	test("everything else comes back too", () => {
		assert.equal(profileText(profile), profileText(before));
		assert.deepEqual(
			walkProfile(profile).filter(({ severity }) => severity === "broken"),
			[],
		);
		for (const name of ["comments", "docUrl", "dropFrames", "keepFrames", "period", "defaultSampleType"] as const) {
			assert.deepEqual(profile[name], before[name]);
		}
	});
});

describe("the protocol buffer encoding", () => {
	test("repeated figures packed or one by one, fields in any order, the last of several", () => {
		const packed = message([2, message([1, Uint8Array.of(1, 1)], [2, Uint8Array.of(5)])]);
		const single = message([2, message([2, 5], [1, 1], [1, 1])]);
		const text = profileText(decodeProfile(join2(TYPE, packed, LOCATION, STRINGS)));
		assert.equal(profileText(decodeProfile(join2(STRINGS, single, LOCATION, TYPE))), text);
		const twice = message([4, message([1, 9], [1, 1], [3, 1], [3, 0x400000])]);
		assert.equal(profileText(decodeProfile(join2(twice, STRINGS, TYPE, packed))), text);
	});

	test("unknown fields are passed over, in every message and of every wire type", () => {
		const unknown = join2(
			message([99, 7], [98, "seven"]),
			Uint8Array.of(0x99, 6, 1, 2, 3, 4, 5, 6, 7, 8),
			Uint8Array.of(0x9d, 6, 1, 2, 3, 4),
		);
		const bytes = join2(
			unknown,
			message([1, join2(unknown, message([1, 1], [2, 2]))]),
			message([2, join2(message([1, 1]), unknown, message([2, 5]))]),
			message([4, join2(message([1, 1], [3, 0x400000]), unknown)]),
			STRINGS,
			unknown,
		);
		assert.equal(profileText(decodeProfile(bytes)), profileText(decodeProfile(SMALL)));
	});

	test("tags and figures that are longer than they need be", () => {
		const sample = join2(
			Uint8Array.of(0x92, 0, 8),
			Uint8Array.of(0x88, 0, 0x81, 0),
			Uint8Array.of(0x10, 0x85, 0x80, 0),
		);
		assert.equal(profileText(decodeProfile(join2(TYPE, sample, LOCATION, STRINGS))), profileText(decodeProfile(SMALL)));
	});

	test("what is not so is refused, and where is said", () => {
		refuses(new Uint8Array(0), /no data/);
		refuses(join2(TYPE, LOCATION), /string_table: expected a first string/);
		refuses(join2(TYPE, message([6, "x"])), /string_table: expected an empty first string/);
		refuses(
			join2(STRINGS, TYPE, message([2, message([1, 2], [2, 5])]), LOCATION),
			/location_id: expected the id of a location/,
		);
		refuses(join2(STRINGS, TYPE, message([2, message([1, 1])]), LOCATION), /Sample.value/);
		refuses(join2(STRINGS, message([2, message([1, 1])]), LOCATION), /Sample.value/);
		refuses(join2(SMALL, LOCATION), /Location.id: expected ids that are unique/);
		refuses(join2(SMALL, message([4, message([3, 1])])), /Location.id: expected an id that is not 0/);
		refuses(join2(SMALL, message([4, message([1, 2], [4, message([1, 1])])])), /function_id/);
		refuses(join2(SMALL, message([3, message([1, 1], [5, 3])])), /Mapping.filename: expected a string index below 3/);
		refuses(join2(SMALL, message([13, -1])), /Profile.comment/);
		refuses(join2(SMALL, message([3, 1])), /Profile.mapping: expected its own wire type/);
		refuses(join2(SMALL, message([9, "x"])), /Profile.time_nanos: expected its own wire type/);
		refuses(join2(SMALL, Uint8Array.of(0x9b, 6)), /wire type 3/);
		refuses(
			join2(SMALL, Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1)),
			/varint of at most 10/,
		);
	});

	test("two profiles one after the other are refused, as pprof refuses them", () => {
		const bytes = encodeProfile(someProfile());
		refuses(join2(bytes, bytes), /expected one profile, found several/);
	});

	test("a mapping that is in no table is none", () => {
		const bytes = join2(TYPE, SAMPLE, message([4, message([1, 1], [2, 77], [3, 1])]), STRINGS);
		assert.equal(decodeProfile(bytes).locations.mapping[0], -1);
	});

	test("counts that would need more memory than the bytes warrant", () => {
		// 100,000 empty sample types and 100,000 empty samples would be 10^10 values
		const hostile = new Uint8Array(400_000).map((_, i) => (i % 2 === 1 ? 0 : i < 200_000 ? 0x0a : 0x12));
		refuses(join2(STRINGS, hostile), /Profile.sample_type: expected at most/);
	});
});

describe("strings", () => {
	test("a string that the table repeats has one index", () => {
		const strings = message([6, ""], [6, "a"], [6, "b"], [6, "a"], [6, ""]);
		const functions = message([5, message([1, 1], [2, 1], [3, 3], [4, 4])], [5, message([1, 2], [2, 2])]);
		const profile = decodeProfile(join2(strings, functions));
		assert.equal(profile.functions.name[0], profile.functions.systemName[0]);
		assert.equal(profile.functions.filename[0], 0);
		assert.equal(profile.strings.count, 3);
		assert.equal(profile.strings.text(profile.functions.name[1] ?? 0), "b");
		assert.equal(profile.strings.find("b"), profile.functions.name[1]);
		assert.equal(profile.strings.find("c"), undefined);
	});

	test("bytes that are no UTF-8 are written back as they were", () => {
		const bytes = join2(message([6, ""], [6, Uint8Array.of(0xff, 0x41)]), message([5, message([1, 1], [2, 1])]));
		const profile = decodeProfile(bytes);
		assert.equal(profile.strings.text(1), "\ufffdA");
		assert.ok(Buffer.from(encodeProfile(profile)).includes(Uint8Array.of(0xff, 0x41)));
	});
});

describe("ids", () => {
	test("sparse, descending and of 64 bits", () => {
		const b = new ProfileBuilder([{ type: "n", unit: "count" }]);
		const rows = Array.from({ length: 5_000 }, (_, i) => {
			return b.location({ id: 2n ** 64n - 1n - BigInt(i) * 0x1_0000_0001n, address: i + 1 });
		});
		for (const row of rows) b.sample([row, rows[0] ?? 0], [row + 1]);
		const profile = decodeProfile(encodeProfile(b.finish()));
		for (const row of rows) assert.equal(profile.samples.location[2 * row], row);
	});
});

test("any profile that can be built is written and read to the same text", () => {
	const figure = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer());
	const label = fc.oneof(
		fc.record({ key: fc.string({ minLength: 1 }), value: fc.string({ minLength: 1 }) }),
		fc.record({ key: fc.string({ minLength: 1 }), value: figure, unit: fc.string({ minLength: 1 }) }),
	);
	const sample = fc.record({
		stack: fc.array(fc.nat(9), { maxLength: 8 }),
		values: fc.tuple(figure, figure),
		labels: fc.array(label, { maxLength: 3 }),
	});
	const address = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
	fc.assert(
		fc.property(
			fc.array(sample, { maxLength: 12 }),
			fc.array(address, { minLength: 10, maxLength: 10 }),
			(samples, addresses) => {
				const before = built(samples, addresses);
				assert.deepEqual(
					walkProfile(before).filter(({ severity }) => severity === "broken"),
					[],
				);
				const bytes = encodeProfile(before);
				const after = decodeProfile(bytes);
				assert.equal(profileText(after), profileText(before));
				assert.deepEqual(encodeProfile(after), bytes);
			},
		),
		{ numRuns: 200 },
	);
});

function built(
	samples: readonly {
		readonly stack: number[];
		readonly values: (number | bigint)[];
		readonly labels: { key: string; value: string | number | bigint }[];
	}[],
	addresses: readonly bigint[],
): Profile {
	const b = new ProfileBuilder([
		{ type: "a", unit: "count" },
		{ type: "b", unit: "bytes" },
	]);
	for (const [i, address] of addresses.entries()) {
		const row = b.internFunction({ name: `f${i % 4}`, filename: "f.go" });
		b.location({
			address,
			id: BigInt(i + 1) * (i % 2 === 0 ? 1n : 2n ** 40n),
			lines: i % 3 === 0 ? [] : [{ function: row, line: i }],
		});
	}
	for (const { stack, values, labels } of samples) b.sample(stack, values, labels);
	return b.finish({ period: 1n });
}

test("the table of fields is profile.proto's", { skip: await whyNoPprof() }, async () => {
	const proto = await readFile(join(await pprofModule(), "proto", "profile.proto"), "utf8");
	const found: Record<string, (string | undefined)[]> = {};
	for (const [, name = "", body = ""] of proto.matchAll(/^message (\w+) \{\n(.*?)^\}/gms)) {
		const fields: (string | undefined)[] = [undefined];
		for (const [, field = "", number] of body.matchAll(/^ {2}(?:repeated )?\w+ (\w+) = (\d+);/gm))
			fields[Number(number)] = field;
		found[name] = fields;
	}
	assert.deepEqual(messages, found);
});
