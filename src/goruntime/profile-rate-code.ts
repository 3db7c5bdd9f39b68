import type { MemoryReader } from "../bytes/block-reader.ts";
import { PF_W } from "../formats/elf/constants.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { ElfImage, loadSegments } from "../formats/elf/read.ts";
import type { MemProfileRate } from "./profile-state.ts";
import type { ProgramCode } from "./symbols.ts";

/** Both draw the next sample, and load no other count in common (malloc.go, mcache.go: nextSample is inlined; Go 1.19 to 1.27). */
const READERS = ["runtime.profilealloc", "runtime.allocmcache"] as const;
/** Longer than any version's of these; they are some 200 bytes. */
const MAX_CODE = 4096;
/** Beyond this a word is no rate that anyone sets: a sample every TiB. */
const MAX_RATE = 2 ** 40;

/**
 * runtime.MemProfileRate in a stripped executable, by the code that reads it. amd64 only. Undefined where that does not
 * give one answer.
 */
export function rateByCode(
	code: ProgramCode,
	elf: ElfFile,
	look: MemoryReader,
	bias: number,
): MemProfileRate | undefined {
	const address = rateAddressByCode(code, elf, look, bias);
	const rate = address === undefined ? undefined : look.word(address);
	return rate === undefined ? undefined : { rate, from: "code" };
}

/** Where it stands in the process. */
export function rateAddressByCode(
	code: ProgramCode,
	elf: ElfFile,
	look: MemoryReader,
	bias: number,
): number | undefined {
	if (code.layout.arch !== "amd64") return undefined;
	const { pclntab } = code;
	const functions = pclntab.findByName(new Set(READERS));
	const image = new ElfImage(elf);
	const [first, second] = READERS.map((name) => {
		const index = functions.get(name);
		if (index === undefined) return new Set<number>();
		const entry = pclntab.entry(index) - bias;
		const bytes = new Uint8Array(Math.min(MAX_CODE, pclntab.end(index) - bias - entry));
		return new Set(image.readInto(entry, bytes) === bytes.length ? loadedWords(bytes, entry) : []);
	});
	const data = loadSegments(elf).filter((segment) => (segment.flags & PF_W) !== 0);
	const addresses = [...(first ?? [])]
		.filter((address) => second?.has(address))
		.filter((address) => data.some((one) => address >= one.vaddr && address + 8 <= one.vaddr + one.memsz))
		.filter((address) => (look.word(address + bias) ?? Infinity) <= MAX_RATE);
	const [only] = addresses;
	return addresses.length === 1 && only !== undefined ? only + bias : undefined;
}

/** Link-time addresses of 8-byte words that code loads or compares, relative to the instruction (Intel SDM 2A, 2.1: ModR/M). */
function* loadedWords(code: Uint8Array, start: number): Generator<number> {
	const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
	for (let i = 0; i + 7 <= code.length; i++) {
		const rex = view.getUint8(i);
		if ((rex & 0xfb) !== 0x48) continue; // REX.W, with or without R
		const opcode = view.getUint8(i + 1);
		const ripRelative = (view.getUint8(i + 2) & 0xc7) === 0x05; // mod 00, rm 101
		if (!ripRelative) continue;
		// MOV r64, r/m64; CMP r/m64, imm8, which one more byte follows
		const length = opcode === 0x8b ? 7 : opcode === 0x83 ? 8 : 0;
		if (length !== 0) yield start + i + length + view.getInt32(i + 3, true);
	}
}
