import { ExactReader } from "../bytes/block-reader.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { readBuildIds } from "../formats/elf/notes.ts";
import { parseElf } from "../formats/elf/parse.ts";
import { ElfImage, loadSegments } from "../formats/elf/read.ts";
import { relocatedPointers } from "../formats/elf/relocations.ts";
import type { Frame } from "../formats/pclntab/model.ts";
import type { Pclntab } from "../formats/pclntab/pclntab.ts";
import { uint64Number } from "../formats/pprof/columns.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { chooseLayouts, layoutsOf } from "../goruntime/layouts/layouts.ts";
import { identifyProgram } from "../goruntime/program.ts";
import { openProgramCode } from "../goruntime/symbols.ts";
import { withFrames } from "../profile/add-frames.ts";
import { openFile } from "./linux/executable.ts";

/**
 * Names the locations of a profile that have none, by the table of functions in a Go executable: the one given, or the one
 * that the profile's main binary names, where it is here and is the same build. Unavailable where there is none, it is no Go
 * program, or another build.
 */
export async function nameAddresses(profile: Profile, exe: string | undefined): Promise<Profile | Unavailable> {
	const { mappings, strings } = profile;
	const buildId = mappings.count > 0 ? strings.text(mappings.buildId[0] ?? 0) : "";
	const path = exe ?? (mappings.count > 0 ? strings.text(mappings.filename[0] ?? 0) : "");
	if (path === "") return { unavailable: "the profile names no program", wouldHelp: "--exe FILE, the program itself" };
	// what has been built anew since has other functions at these addresses
	if (exe === undefined && buildId === "") return { unavailable: "the profile does not say which build it is of" };
	const file = openFile(path);
	if (isUnavailable(file)) return file;
	try {
		const elf = parseElf(file);
		const own = readBuildIds(elf).gnu ?? "";
		if (buildId !== "" && own !== "" && buildId !== own) {
			return {
				unavailable: `${path} is another build than the profile is of (${own.slice(0, 12)}, not ${buildId.slice(0, 12)})`,
				wouldHelp: "the very program that ran",
			};
		}
		const code = await codeOf(elf, path);
		return isUnavailable(code) ? code : withFrames(profile, (location) => framesAt(profile, location, elf, code));
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `${path} cannot be read as a program: ${error.message}` };
	} finally {
		file.close();
	}
}

async function codeOf(elf: ElfFile, path: string): Promise<Pclntab | Unavailable> {
	const program = identifyProgram(elf);
	if (program === undefined) return { unavailable: `${path} is no Go program for amd64 or arm64` };
	const layouts = layoutsOf(await chooseLayouts(program.goVersion, program.arch));
	let first: Unavailable = { unavailable: `${path} was built with ${program.goVersion}, which gomem does not know` };
	const look = new ExactReader(new LinkedImage(elf, program.writable));
	for (const layout of layouts) {
		const code = openProgramCode({ elf, layout, globals: program.symbols, bias: 0, data: program.writable, look });
		if (!isUnavailable(code)) return code.pclntab;
		first = code;
	}
	return first;
}

/** An executable's image with its data as it is after relocation at its link-time addresses. */
class LinkedImage implements ByteSource {
	readonly #image: ElfImage;
	readonly #pointers: ReadonlyMap<number, number>;

	constructor(elf: ElfFile, writable: readonly { readonly start: number; readonly end: number }[]) {
		this.#image = new ElfImage(elf);
		const start = writable.reduce((least, one) => Math.min(least, one.start), Number.POSITIVE_INFINITY);
		const end = writable.reduce((most, one) => Math.max(most, one.end), 0);
		this.#pointers = end > start ? relocatedPointers(elf, start, end) : new Map();
	}

	readInto(offset: number, into: Uint8Array): number {
		const got = this.#image.readInto(offset, into);
		if (this.#pointers.size === 0) return got;
		const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
		// pointers stand at multiples of their size
		for (let at = (8 - (offset % 8)) % 8; at + 8 <= got; at += 8) {
			const pointer = this.#pointers.get(offset + at);
			if (pointer !== undefined) view.setBigUint64(at, BigInt(pointer), true);
		}
		return got;
	}
}

function framesAt(profile: Profile, location: number, elf: ElfFile, code: Pclntab): readonly Frame[] {
	const address = linkAddress(profile, location, elf);
	if (address === undefined) return [];
	try {
		return code.frames(address);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return []; // a torn entry names nothing
	}
}

/** Where an address of a location of the main binary was linked at; undefined where it is of another binary. */
function linkAddress({ locations, mappings }: Profile, location: number, elf: ElfFile): number | undefined {
	const address = uint64Number(locations.address, location);
	const mapping = locations.mapping[location] ?? -1;
	if (address === 0 || mapping > 0) return undefined;
	const start = mapping < 0 ? 0 : uint64Number(mappings.start, mapping);
	// a profile without mappings, as the texts of old, has addresses as they were linked
	if (mapping < 0 || start === 0) return address;
	const inFile = address - start + uint64Number(mappings.offset, mapping);
	const segment = loadSegments(elf).find((one) => inFile >= one.offset && inFile < one.offset + one.filesz);
	return segment === undefined ? undefined : inFile - segment.offset + segment.vaddr;
}
