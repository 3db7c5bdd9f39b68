import type { MemoryReader } from "../bytes/block-reader.ts";
import { PF_W } from "../formats/elf/constants.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { ElfImage, loadSegments } from "../formats/elf/read.ts";
import type { Arch } from "./layouts/layout.ts";
import type { MemProfileRate } from "./profile-state.ts";
import type { ProgramCode } from "./symbols.ts";

/** Both draw the next sample, and load no other count in common (malloc.go, mcache.go: nextSample is inlined; Go 1.19 to 1.27). */
const READERS = ["runtime.profilealloc", "runtime.allocmcache"] as const;
/** Longer than any version's of these; they are some 200 bytes. */
const MAX_CODE = 4096;
/** Beyond this a word is no rate that anyone sets: a sample every TiB. */
const MAX_RATE = 2 ** 40;

/**
 * runtime.MemProfileRate in a stripped executable, by the code that reads it. Undefined where that does not
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
	const { pclntab } = code;
	const functions = pclntab.findByName(new Set(READERS));
	const image = new ElfImage(elf);
	const [first, second] = READERS.map((name) => {
		const index = functions.get(name);
		if (index === undefined) return new Set<number>();
		const entry = pclntab.entry(index) - bias;
		const bytes = new Uint8Array(Math.min(MAX_CODE, pclntab.end(index) - bias - entry));
		return new Set(image.readInto(entry, bytes) === bytes.length ? loadedWords[code.layout.arch](bytes, entry) : []);
	});
	const data = loadSegments(elf).filter((segment) => (segment.flags & PF_W) !== 0);
	const addresses = [...(first ?? [])]
		.filter((address) => second?.has(address))
		.filter((address) => data.some((one) => address >= one.vaddr && address + 8 <= one.vaddr + one.memsz))
		.filter((address) => (look.word(address + bias) ?? Infinity) <= MAX_RATE);
	const [only] = addresses;
	return addresses.length === 1 && only !== undefined ? only + bias : undefined;
}

/** Link-time addresses of the 8-byte words that code loads or compares and names itself, by machine. */
const loadedWords: Readonly<Record<Arch, (code: Uint8Array, start: number) => Generator<number>>> = {
	amd64: loadedByAmd64,
	arm64: loadedByArm64,
};

/** Relative to the next instruction (Intel SDM 2A, 2.1: ModR/M). */
function* loadedByAmd64(code: Uint8Array, start: number): Generator<number> {
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

/**
 * ADRP, which gives a page relative to its own, and a 64-bit LDR of an offset from it directly behind: the assembler makes both
 * of one instruction of its own (Arm ARM, C6.2: ADRP, LDR immediate with unsigned offset; cmd/internal/obj/arm64, Go 1.26).
 */
function* loadedByArm64(code: Uint8Array, start: number): Generator<number> {
	const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
	for (let i = 0; i + 8 <= code.length; i += 4) {
		const [first, second] = [view.getUint32(i, true), view.getUint32(i + 4, true)];
		const page = (first & 0x9f000000) >>> 0 === 0x90000000;
		const load = (second & 0xffc00000) >>> 0 === 0xf9400000;
		if (!page || !load || (first & 31) !== ((second >>> 5) & 31)) continue;
		// 21 bits with a sign: 19 from bit 5 on, below them 2 from bit 29 on
		const pages = ((((first >>> 5) & 0x7ffff) << 13) >> 11) | ((first >>> 29) & 3);
		const at = start + i;
		yield at - (at % 4096) + pages * 4096 + ((second >>> 10) & 0xfff) * 8;
	}
}
