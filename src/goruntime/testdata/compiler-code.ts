import assert from "node:assert/strict";
import { findSymbols } from "../../formats/elf/symbols.ts";
import { goTool, openElf } from "../../formats/elf/testdata/go-binary.ts";
import { locatePclntab } from "../../formats/pclntab/locate.ts";
import { openPclntab } from "../../formats/pclntab/pclntab.ts";
import { chooseLayouts } from "../layouts/layouts.ts";
import type { ProgramCode } from "../symbols.ts";

/** For tests of the walkers: the functions of Go's own compiler, tens of thousands, with their frames. */
export async function compilerCode(): Promise<ProgramCode> {
	const elf = openElf(goTool("compile"));
	const location = locatePclntab(elf);
	const text = findSymbols(elf, new Set(["runtime.text"])).get("runtime.text")?.address;
	assert.ok(location !== undefined && text !== undefined);
	const pclntab = openPclntab(elf.source, location, { text });
	const choice = await chooseLayouts("go1.26.8", "amd64");
	assert.ok(choice.kind === "exact");
	const module = { address: 0, pclntab: 0, text, etext: pclntab.textEnd, gofunc: 0, next: 0 };
	return { pclntab, layout: choice.layout, module };
}
