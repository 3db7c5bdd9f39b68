import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ParseError } from "../../bytes/parse-error.ts";
import { indexDwarf } from "./index.ts";
import {
	attribute,
	type Bytes,
	goUnit,
	inGo,
	named,
	sleb,
	text,
	u16,
	u32,
	u64,
	uleb,
	unitOf,
} from "./testdata/small-dwarf.ts";

const bytes = (...parts: readonly Bytes[]): Uint8Array => Uint8Array.from(parts.flat());

/** The size that a base type has where its DW_AT_byte_size is of that form. */
function sizeBy(form: number, value: Bytes, implicit?: number, version = 5): number | undefined {
	const size = implicit === undefined ? attribute(0x0b, form, value) : { ...attribute(0x0b, form, value), implicit };
	const dwarf = indexDwarf(
		goUnit(
			[
				{ tag: 0x24, attributes: [size, named("after")] },
				{ tag: 0x24, attributes: [named("next")] },
			],
			{ version },
		),
	);
	// what follows is found only if the value was passed to its last byte
	assert.equal(dwarf.types.name(0), "after");
	assert.equal(dwarf.types.name(1), "next");
	return dwarf.types.size(0);
}

describe("forms (DWARF 5, 7.5.6)", () => {
	test("constants of every width", () => {
		assert.equal(sizeBy(0x0b, [200]), 200);
		assert.equal(sizeBy(0x05, u16(0xbeef)), 0xbeef);
		assert.equal(sizeBy(0x06, u32(0xdeadbeef)), 0xdeadbeef);
		assert.equal(sizeBy(0x07, u64(2 ** 52 + 1)), 2 ** 52 + 1);
		assert.equal(sizeBy(0x0f, uleb(123456789012)), 123456789012);
		assert.equal(sizeBy(0x0d, sleb(-5)), -5);
		assert.equal(sizeBy(0x0d, sleb(64)), 64);
		assert.equal(sizeBy(0x21, [], -77), -77);
		assert.equal(sizeBy(0x21, [], 4096), 4096);
		assert.equal(sizeBy(0x16, [...uleb(0x05), ...u16(777)]), 777);
	});

	test("values of no use here are passed by their width", () => {
		const block = [1, 2, 3];
		for (const [form, value] of [
			[0x0a, [3, ...block]],
			[0x03, [...u16(3), ...block]],
			[0x04, [...u32(3), ...block]],
			[0x09, [...uleb(3), ...block]],
			[0x18, [...uleb(3), ...block]],
			[0x1e, new Array<number>(16).fill(7)],
			[0x20, u64(1)],
			[0x22, uleb(300)],
			[0x23, uleb(300)],
			[0x1c, u32(1)],
			[0x24, u64(1)],
			[0x1d, u32(1)],
			[0x1f20, u32(1)],
		] as const) {
			assert.equal(sizeBy(form, value), undefined, `form 0x${form.toString(16)}`);
		}
		assert.equal(sizeBy(0x19, []), 1); // flag_present
	});

	test("strings, wherever they are", () => {
		const strOffsets = bytes(u32(8), u16(5), u16(0), u32(0), u32(4));
		const str = bytes(text("one"), text("two"));
		const nameBy = (form: number, value: Bytes) => {
			const sections = goUnit(
				[{ tag: 0x24, attributes: [attribute(0x03, form, value)] }],
				{},
				{ str, lineStr: str, strOffsets },
			);
			return indexDwarf(sections).types.name(0);
		};
		assert.equal(nameBy(0x08, text("zéro")), "zéro");
		assert.equal(nameBy(0x0e, u32(4)), "two");
		assert.equal(nameBy(0x1f, u32(0)), "one");
		for (const [form, index] of [
			[0x1a, uleb(1)],
			[0x25, [1]],
			[0x26, u16(1)],
			[0x27, [1, 0, 0]],
			[0x28, u32(1)],
		] as const) {
			assert.equal(nameBy(form, index), "two", `form 0x${form.toString(16)}`);
		}
		assert.equal(nameBy(0x0e, u32(4000)), ""); // outside of its section
		assert.equal(nameBy(0x28, u32(4000)), "");
	});

	test("addresses, direct and through .debug_addr, and its base", () => {
		const addr = bytes(u32(20), u16(5), [8, 0], u64(0x1111), u64(0x7fff_ffff_f000));
		const root = (base: Bytes) => ({
			tag: 0x11,
			// the base stands behind the name that it is not needed for, as Go has it
			attributes: [named("runtime"), inGo, attribute(0x73, 0x17, base)],
			children: [
				{ tag: 0x34, attributes: [attribute(0x02, 0x18, [9, 0x03, ...u64(0xc000_0000_00)])] },
				{ tag: 0x34, attributes: [attribute(0x02, 0x18, [2, 0xa1, 1])] },
				{ tag: 0x34, attributes: [attribute(0x02, 0x18, [2, 0xa1, 9])] },
				{ tag: 0x34, attributes: [attribute(0x02, 0x18, [3, 0x91, 0x10, 0x22])] },
			],
		});
		const { variables } = indexDwarf(unitOf(root(u32(8)), {}, { addr }));
		assert.deepEqual([...variables.address], [0xc000_0000_00, 0x7fff_ffff_f000, Number.NaN, Number.NaN]);
		assert.equal(indexDwarf(unitOf(root(u32(0)), {}, { addr })).variables.address[1], 0x1111);
	});

	test("references within the unit and across", () => {
		for (const [version, wide, unit] of [
			[5, false, 12],
			[5, true, 24],
			[4, false, 11],
			[2, false, 11],
		] as const) {
			const offset = (n: number) => (wide || version === 2 ? u64(n) : u32(n));
			// the first child stands behind the root's code, name and language
			const first = unit + 1 + "runtime\0".length + 1;
			const sections = goUnit(
				[
					{ tag: 0x24, attributes: [named("base"), attribute(0x0b, 0x0b, [4])] },
					{ tag: 0x16, attributes: [named("near"), attribute(0x49, 0x13, u32(first))] },
					{ tag: 0x16, attributes: [named("far"), attribute(0x49, 0x10, offset(first))] },
					{ tag: 0x16, attributes: [named("nowhere"), attribute(0x49, 0x13, u32(1))] },
				],
				{ version, wide },
			);
			const { types } = indexDwarf(sections);
			const named4 = ["near", "far", "nowhere"].map((name) => types.underlying(types.find(name)));
			assert.deepEqual(named4, [0, 0, -1], `version ${version}, 64-bit ${wide}`);
			assert.equal(types.size(types.find("far")), 4);
		}
	});

	test("an unknown form cannot be passed, so it is an error", () => {
		assert.throws(() => sizeBy(0x7e, [1]), ParseError);
		assert.throws(() => sizeBy(0x16, [0x16, 0x16]), ParseError);
	});
});

describe("units", () => {
	const child = [{ tag: 0x24, attributes: [named("int")] }];

	test("of other languages, address sizes and kinds are passed", () => {
		const c = unitOf({ tag: 0x11, attributes: [named("a.c"), attribute(0x13, 0x0b, [0x0c])], children: child });
		assert.equal(indexDwarf(c).types.count, 0);
		assert.equal(indexDwarf(goUnit(child, { addressSize: 4 })).types.count, 0);
		for (const unitType of [2, 4, 5, 6]) {
			const { info, abbrev, ...rest } = goUnit([], { unitType });
			// the header of such a unit is longer: what follows need not be entries
			const longer = Uint8Array.from([...u32(info.length + 12), ...info.subarray(4), ...new Array<number>(16).fill(0)]);
			assert.equal(indexDwarf({ info: longer, abbrev, ...rest }).units.length, 0);
		}
		assert.equal(indexDwarf(goUnit(child)).types.count, 1);
	});

	test("that nobody wants are not read", () => {
		assert.equal(indexDwarf(goUnit(child), { units: (name) => name !== "runtime" }).types.count, 0);
	});

	test("of unknown versions, or longer than the section, are errors", () => {
		assert.throws(() => indexDwarf(goUnit(child, { version: 6 })), ParseError);
		const { info, ...rest } = goUnit(child);
		assert.throws(() => indexDwarf({ info: info.subarray(0, info.length - 1), ...rest }), ParseError);
		assert.throws(() => indexDwarf({ info: Uint8Array.from([...u32(0xfffffff4), 1, 2]), ...rest }), ParseError);
	});
});

describe("hostile DWARF stays within bounds", () => {
	const limit = (what: () => unknown) => {
		const started = performance.now();
		assert.throws(what, ParseError);
		assert.ok(performance.now() - started < 30_000);
	};

	test("more attributes, larger codes, endless numbers", () => {
		const many = new Array(500).fill(attribute(0x3f, 0x19));
		limit(() => indexDwarf(goUnit([{ tag: 0x24, attributes: many }])));
		const sections = goUnit([]);
		const abbrev = (...parts: readonly Bytes[]) => ({ ...sections, abbrev: bytes(...parts) });
		limit(() => indexDwarf(abbrev(uleb(2 ** 40), [0x11, 0, 0, 0, 0])));
		limit(() => indexDwarf(abbrev(new Array<number>(64).fill(0xff))));
		limit(() => sizeBy(0x0f, new Array<number>(20).fill(0xff)));
	});

	test("a struct in itself, typedefs in a circle, arrays of arrays", () => {
		const first = 12 + 1 + 8 + 1;
		const circle = goUnit([{ tag: 0x16, attributes: [named("circle"), attribute(0x49, 0x13, u32(first))] }]);
		const { types } = indexDwarf(circle);
		assert.equal(types.underlying(0), -1);
		assert.equal(types.size(0), undefined);
		const range = { tag: 0x21, attributes: [attribute(0x37, 0x07, u64(2 ** 50))] };
		const array = goUnit([{ tag: 0x01, attributes: [attribute(0x49, 0x13, u32(first))], children: [range] }]);
		assert.equal(indexDwarf(array).types.size(0), undefined);
	});

	test("children to any depth, and a million names that are one", () => {
		// an abbreviation with children and without attributes: an entry a byte
		const sections = goUnit([{ tag: 0x2e, attributes: [], children: [] }]);
		const head = sections.info.subarray(0, sections.info.length - 3);
		const deep = new Uint8Array(head.length + 2_000_000).fill(2);
		deep.set(head);
		deep.set(Uint8Array.from(u32(deep.length - 4)));
		limit(() => indexDwarf({ ...sections, info: deep }));

		const same = goUnit(
			[{ tag: 0x24, attributes: [attribute(0x03, 0x0e, u32(0))] }],
			{},
			{ str: new Uint8Array(1 << 20).fill(65) },
		);
		const one = same.info.subarray(same.info.length - 6, same.info.length - 1);
		const many = new Uint8Array(same.info.length + one.length * 200_000);
		many.set(same.info.subarray(0, same.info.length - 1));
		for (let i = 0; i < 200_000; i++) many.set(one, same.info.length - 1 + i * one.length);
		many.set(Uint8Array.from(u32(many.length - 4)));
		const started = performance.now();
		const { types } = indexDwarf({ ...same, info: many });
		assert.equal(types.count, 200_001);
		assert.equal(types.find("nothing"), -1);
		assert.equal(types.name(7).length, 1 << 16);
		assert.ok(performance.now() - started < 30_000);
	});
});
