import { decodeUtf8, word } from "../../bytes/cursor.ts";
import { goString, readBuildInfo } from "./build-info.ts";
import { PF_W, PF_X, RELATIVE_RELOCATION } from "./constants.ts";
import { readDynamic } from "./dynamic.ts";
import type { ElfFile, ElfSegment } from "./model.ts";
import { ElfImage, findSection, loadSegments, readAtAddress, scanPieces } from "./read.ts";
import { findSymbols } from "./symbols.ts";

export interface FoundGoVersion {
	/** as runtime.Version() reports it: "go1.26.8", "go1.26.8-X:name", "devel go1.28-…" */
	readonly version: string;
	/**
	 * How it is known, surest first. "build info": recorded by the go command. "symbol": the variable runtime.buildVersion.
	 * "variable": the one variable in the data that has the shape of runtime.buildVersion, found without a name.
	 * "text": the only text in the file that looks like it; nothing shows that anything uses it.
	 */
	readonly source: "build info" | "symbol" | "variable" | "text";
}

const MAX_VERSION = 256;
/** Bounds the work on a file that is full of version texts. */
const MAX_CANDIDATES = 4096;
const MAX_SEARCH = 512 << 20;
const VERSION = /^(?:devel )?go1(?:\.\d{1,3}){0,2}(?:(?:rc|beta)\d+)?(?:[-+ ][ -~]*)?$/;

/**
 * The Go version that a binary was built with, also where its build info was removed. Undefined where nothing says so, or
 * where several texts could be it.
 */
export function findGoVersion(elf: ElfFile): FoundGoVersion | undefined {
	const buildInfo = readBuildInfo(elf);
	if (buildInfo !== undefined) return { version: buildInfo.goVersion, source: "build info" };
	return findGoVersionInData(elf);
}

/** findGoVersion without the build info: by runtime.buildVersion, a string variable that the linker fills in. */
export function findGoVersionInData(elf: ElfFile): FoundGoVersion | undefined {
	const symbol = findSymbols(elf, new Set(["runtime.buildVersion"])).get("runtime.buildVersion");
	const named = symbol === undefined ? undefined : goString(elf, symbol.address, MAX_VERSION);
	if (named !== undefined && VERSION.test(decodeUtf8(named))) return { version: decodeUtf8(named), source: "symbol" };

	// Read-only data is in a segment of its own, except where the linker put it in front of the code (ld -z noseparate-code).
	let texts = versionTexts(elf, false);
	if (texts.size === 0) texts = versionTexts(elf, true);
	if (texts.size === 0) return undefined;
	const variables = new Set([...variablesOf(elf, texts), ...relocatedVariablesOf(elf, texts)]);
	if (variables.size === 1) return { version: [...variables][0]!, source: "variable" };
	const distinct = new Set(variables.size > 0 ? variables : texts.values());
	return distinct.size === 1 ? { version: [...distinct][0]!, source: "text" } : undefined;
}

/**
 * Link-time address → text of what could be the bytes of runtime.buildVersion. cmd/link writes them as a symbol of their own
 * that ends in NUL (addstrdata in cmd/link/internal/ld/data.go, Go 1.27). The string constants of the compiler, among them
 * the "go1.21" of go/types and file names like "x_go1.19.go", have no NUL, so a text must be a version up to its NUL.
 */
function versionTexts(elf: ElfFile, executable: boolean): Map<number, string> {
	const texts = new Map<number, string>();
	let budget = MAX_SEARCH;
	for (const segment of loadSegments(elf)) {
		if (((segment.flags & PF_X) !== 0) !== executable) continue;
		for (const range of withoutPclntab(elf, segment)) {
			const size = Math.min(range.size, budget);
			budget -= size;
			collectTexts(elf, segment, range.offset, size, texts);
		}
	}
	return texts;
}

/** The file range of a segment without .gopclntab, which is large and holds only names. */
function withoutPclntab(elf: ElfFile, segment: ElfSegment): { offset: number; size: number }[] {
	const end = segment.offset + segment.filesz;
	const table = findSection(elf, ".gopclntab");
	if (table === undefined || table.offset < segment.offset || table.offset + table.size > end) {
		return [{ offset: segment.offset, size: segment.filesz }];
	}
	const after = table.offset + table.size;
	return [
		{ offset: segment.offset, size: table.offset - segment.offset },
		{ offset: after, size: end - after },
	];
}

function collectTexts(
	elf: ElfFile,
	segment: ElfSegment,
	offset: number,
	size: number,
	texts: Map<number, string>,
): void {
	scanPieces(elf.source, offset, size, MAX_VERSION + 8, (bytes, at) => {
		const last = bytes.length - 4;
		for (let i = 0; i < last; i++) {
			if (bytes[i] !== 0x67 || bytes[i + 1] !== 0x6f || bytes[i + 2] !== 0x31 || bytes[i + 3] !== 0x2e) continue; // "go1."
			const devel = i >= 6 && decodeUtf8(bytes.subarray(i - 6, i)) === "devel ";
			const start = devel ? i - 6 : i;
			const end = bytes.indexOf(0, i);
			if (end < 0 || end - start > MAX_VERSION) continue;
			const text = decodeUtf8(bytes.subarray(start, end));
			if (VERSION.test(text)) texts.set(segment.vaddr + (at + start - segment.offset), text);
			if (texts.size >= MAX_CANDIDATES) return true;
		}
		return undefined;
	});
}

/** The texts that a string variable in the writable data refers to: an address and the right length beside it. */
function variablesOf(elf: ElfFile, texts: ReadonlyMap<number, string>): Set<string> {
	const found = new Set<string>();
	const lowest = Math.min(...texts.keys());
	const highest = Math.max(...texts.keys());
	for (const segment of loadSegments(elf)) {
		if ((segment.flags & PF_W) === 0) continue;
		scanPieces(elf.source, segment.offset, Math.min(segment.filesz, MAX_SEARCH), 16, (bytes, at) => {
			const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
			for (let i = (8 - (at % 8)) % 8; i + 16 <= bytes.length; i += 8) {
				const address = word(view, i);
				if (address < lowest || address > highest) continue;
				const text = texts.get(address);
				if (text !== undefined && word(view, i + 8) === text.length) found.add(text);
			}
			return undefined;
		});
	}
	return found;
}

/**
 * The same for position-independent files of an external linker, where the address is not in the data but in the addend of
 * a relocation (Elf64_Rela: r_offset, r_info, r_addend).
 */
function relocatedVariablesOf(elf: ElfFile, texts: ReadonlyMap<number, string>): Set<string> {
	const found = new Set<string>();
	const relative = RELATIVE_RELOCATION.get(elf.machine);
	const rela = readDynamic(elf)?.rela;
	if (rela === undefined || relative === undefined) return found;
	const size = Math.min(rela.size, MAX_SEARCH);
	let next = rela.address;
	scanPieces(new ElfImage(elf), rela.address, size, 24, (bytes, at) => {
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		let i = next - at;
		for (; i + 24 <= bytes.length; i += 24) {
			if (view.getUint32(i + 8, true) !== relative) continue;
			const text = texts.get(word(view, i + 16));
			if (text === undefined) continue;
			const length = readAtAddress(elf, word(view, i) + 8, 8);
			if (length !== undefined && word(new DataView(length.buffer), 0) === text.length) found.add(text);
		}
		next = at + i;
		return undefined;
	});
	return found;
}
