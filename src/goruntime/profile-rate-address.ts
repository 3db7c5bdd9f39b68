import type { MemoryReader } from "../bytes/block-reader.ts";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { PF_W } from "../formats/elf/constants.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { ElfImage, loadSegments } from "../formats/elf/read.ts";
import { rateAddressByCode } from "./profile-rate-code.ts";
import type { RuntimeView } from "./runtime-view.ts";
import type { ProgramCode } from "./symbols.ts";

/** What the variable begins with (mprof.go): 512 KiB; before Go 1.21 it is set to that, or to 0, when the program starts. */
const INITIAL_RATES: readonly number[] = [512 * 1024, 0];

/**
 * The address of runtime.MemProfileRate, for who wants to write to it: two functions of the runtime load it, the symbol
 * table, where there is one, says the same, it is aligned, it lies in writable data, and the file has there what the
 * variable begins with. Unavailable where one of these does not hold.
 */
export function certainRateAddress(
	view: RuntimeView,
	look: MemoryReader,
	code: ProgramCode,
	elf: ElfFile,
	bias: number,
): number | Unavailable {
	if (view.layout.arch !== "amd64") {
		return {
			unavailable: `the variable can be told for certain in amd64 programs only, and this is ${view.layout.arch}`,
		};
	}
	const loaded = rateAddressByCode(code, elf, look, bias);
	if (loaded === undefined) {
		return { unavailable: "the runtime's code does not tell for certain where runtime.MemProfileRate stands" };
	}
	const named = view.globals.get("MemProfileRate");
	if (named !== undefined && named !== loaded) {
		return {
			unavailable: `the symbol table has runtime.MemProfileRate at 0x${named.toString(16)}, the runtime's code loads 0x${loaded.toString(16)}`,
		};
	}
	const initial = wordInFile(elf, loaded - bias);
	if (loaded % 8 !== 0 || initial === undefined || !INITIAL_RATES.includes(initial)) {
		return {
			unavailable: `what the runtime's code loads does not begin as runtime.MemProfileRate does (${initial ?? "unknown"})`,
		};
	}
	return loaded;
}

/** The 8-byte word that writable data begins with in the file; 0 where the file leaves it out. */
function wordInFile(elf: ElfFile, address: number): number | undefined {
	const segment = loadSegments(elf).find(
		(one) => (one.flags & PF_W) !== 0 && address >= one.vaddr && address + 8 <= one.vaddr + one.memsz,
	);
	if (segment === undefined) return undefined;
	if (address >= segment.vaddr + segment.filesz) return 0;
	const bytes = new Uint8Array(8);
	if (new ElfImage(elf).readInto(address, bytes) !== 8) return undefined;
	const view = new DataView(bytes.buffer);
	return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
}
