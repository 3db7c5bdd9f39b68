import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { ByteSource } from "../bytes/byte-source.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { ElfImage } from "../formats/elf/read.ts";
import { findSymbols } from "../formats/elf/symbols.ts";
import { goTool, openElf } from "../formats/elf/testdata/go-binary.ts";
import { locatePclntab } from "../formats/pclntab/locate.ts";
import { openPclntab, type Pclntab } from "../formats/pclntab/pclntab.ts";
import { ProfileBuilder } from "../formats/pprof/builder.ts";
import { uint64Number } from "../formats/pprof/columns.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { walkProfile } from "../formats/pprof/walk.ts";
import { chooseLayouts } from "./layouts/layouts.ts";
import { StackLocations } from "./memprofile-stacks.ts";
import type { ProgramCode } from "./symbols.ts";

const GOFUNC = "go:func.*";

describe("stacks of return addresses as locations", () => {
	let elf: ElfFile;
	let code: ProgramCode;
	/** return addresses in different functions, where calls are inlined if there are such */
	const calls: number[] = [];

	/** @param rodata where inline trees are read, the executable's own by default */
	async function open(rodata: ByteSource = new ElfImage(elf)): Promise<ProgramCode> {
		const location = locatePclntab(elf);
		const symbols = findSymbols(elf, new Set(["runtime.text", GOFUNC]));
		const [text, gofunc] = ["runtime.text", GOFUNC].map((name) => symbols.get(name)?.address);
		assert(location !== undefined && text !== undefined && gofunc !== undefined);
		const pclntab: Pclntab = openPclntab(elf.source, location, { text, gofunc, rodata });
		const choice = await chooseLayouts("go1.26.8", "amd64");
		assert(choice.kind === "exact");
		const module = { address: 0, pclntab: 0, text, etext: pclntab.textEnd, gofunc, next: 0 };
		return { pclntab, layout: choice.layout, module };
	}

	before(async () => {
		elf = openElf(goTool("compile"));
		code = await open();
		for (let i = 0; i < code.pclntab.functionCount && calls.length < 600; i += 97) {
			const places: number[] = [];
			for (let pc = code.pclntab.entry(i) + 9; pc < code.pclntab.end(i); pc += 13) places.push(pc);
			// a function that is inlined into itself is two locations for runtime/pprof (pcDeck.tryAdd)
			const known = places.filter((pc) =>
				code.pclntab.frames(pc).every(({ line, symbol }, k, all) => line > 0 && all[k + 1]?.symbol !== symbol),
			);
			const pc = known.find((one) => code.pclntab.frames(one).length > 1) ?? known[0];
			if (pc !== undefined) calls.push(pc + 1);
		}
	});

	function profileOf(stacks: readonly (readonly number[])[], of: ProgramCode = code): Profile {
		const builder = new ProfileBuilder([{ type: "space", unit: "bytes" }]);
		const locations = new StackLocations(of, builder, []);
		for (const stack of stacks) builder.sample(locations.of(stack), [1]);
		return builder.finish();
	}

	function framesOf(profile: Profile, sample: number): string[] {
		const { samples, locations, lines, functions, strings } = profile;
		return Array.from(
			samples.location.subarray(samples.locationStart[sample], samples.locationStart[sample + 1]),
		).flatMap((location) =>
			Array.from(
				{ length: (locations.lineStart[location + 1] ?? 0) - (locations.lineStart[location] ?? 0) },
				(_, i) => {
					const line = (locations.lineStart[location] ?? 0) + i;
					return `${strings.text(functions.name[lines.function[line] ?? 0] ?? 0)}:${lines.line.numbers[line]}`;
				},
			),
		);
	}

	/** As the runtime records them: each logical frame has a return address of its own (mprof.go: fpunwindExpand). */
	function expanded(pcs: readonly number[]): number[] {
		return pcs.flatMap((pc) => code.pclntab.frames(pc - 1).map((frame) => frame.pc + 1));
	}

	test("each logical frame is a line, and those of one call are one location", () => {
		let inlined = 0;
		for (let i = 0; i + 3 < calls.length; i += 3) {
			const pcs = calls.slice(i, i + 3);
			const profile = profileOf([expanded(pcs)]);
			const frames = pcs.flatMap((pc) => code.pclntab.frames(pc - 1));
			assert.deepEqual(
				framesOf(profile, 0),
				frames.map((frame) => `${frame.symbol}:${frame.line}`),
			);
			assert.equal(profile.locations.count, pcs.length);
			assert.deepEqual(
				pcs.map((_, k) => uint64Number(profile.locations.address, k)),
				pcs.map((pc) => pc - 1),
			);
			if (frames.length > pcs.length) inlined++;
		}
		assert.ok(inlined > 50, `${inlined} stacks with inlined calls`);
	});

	test("the same stack is the same locations, and runtime.goexit is none", () => {
		const goexit =
			code.pclntab.entry(code.pclntab.findByName(new Set(["runtime.goexit"])).get("runtime.goexit") ?? -1) + 1;
		const stack = [...expanded(calls.slice(0, 9)), goexit];
		const profile = profileOf([stack, stack, [goexit]]);
		const { location, locationStart } = profile.samples;
		const [first, second, third] = [0, 1, 2].map((s) => [...location.subarray(locationStart[s], locationStart[s + 1])]);
		assert.deepEqual(first, second);
		assert.deepEqual(third, []);
		assert.ok(framesOf(profile, 0).every((frame) => !frame.startsWith("runtime.goexit:")));
	});

	test("a stack that was cut has the calls that its last one is inlined into", () => {
		const deep = calls.find((pc) => code.pclntab.frames(pc - 1).length >= 3) ?? 0;
		const frames = code.pclntab.frames(deep - 1).map((frame) => `${frame.symbol}:${frame.line}`);
		assert.deepEqual(framesOf(profileOf([[deep]]), 0), frames);
	});

	test("pcs that are no places in the code are locations without a name; nothing throws", () => {
		let seed = 3;
		const random = (below: number) => {
			seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
			return Math.floor((seed / 2 ** 32) * below);
		};
		const { text } = code.pclntab;
		const stacks = Array.from({ length: 500 }, () =>
			Array.from(
				{ length: random(40) },
				() =>
					[0, 1, text, text + random(1 << 22), 2 ** 47 + random(2 ** 30), 2 ** 63, calls[random(calls.length)] ?? 0].at(
						random(7),
					) ?? 0,
			),
		);
		const profile = profileOf(stacks);
		assert.deepEqual(
			walkProfile(profile).filter((one) => one.severity !== "odd"),
			[],
		);
	});

	test("torn inline trees end, and names are missing at worst", async () => {
		const image = new ElfImage(elf);
		let seed = 11;
		const torn: ByteSource = {
			readInto(offset, into) {
				const length = image.readInto(offset, into);
				seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
				if (seed % 3 === 0) into[seed % Math.max(1, length)] = seed >>> 8;
				// a parent that is the call itself would never end
				if (seed % 5 === 0) into.fill(0, 8, 12);
				return seed % 17 === 0 ? 0 : length;
			},
		};
		const broken = await open(torn);
		const started = performance.now();
		const profile = profileOf(
			Array.from({ length: 300 }, (_, i) => calls.slice(i * 10, i * 10 + 10)),
			broken,
		);
		assert.ok(performance.now() - started < 20_000);
		assert.equal(profile.samples.count, 300);
		assert.deepEqual(
			walkProfile(profile).filter((one) => one.severity !== "odd"),
			[],
		);
	});
});
