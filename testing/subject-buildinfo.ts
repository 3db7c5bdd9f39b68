/**
 * Cuts .go.buildinfo out of a 64-bit little-endian ELF file of Go's linker, as some shipped binaries lack it: its content
 * becomes zeros and its section header null. Nothing in the runtime reads it (debug.ReadBuildInfo has a copy of its own).
 * Returns the same bytes, changed. Throws where there is no such section.
 */
export function withoutBuildInfo(elf: Buffer): Buffer {
	// Offsets: System V ABI, "ELF Header" and "Sections", 64-bit.
	const sections = Number(elf.readBigUInt64LE(40));
	const size = elf.readUInt16LE(58);
	const count = elf.readUInt16LE(60);
	const header = (index: number) => elf.subarray(sections + index * size, sections + (index + 1) * size);
	const names = Number(header(elf.readUInt16LE(62)).readBigUInt64LE(24));
	for (let index = 0; index < count; index++) {
		const section = header(index);
		const name = names + section.readUInt32LE(0);
		if (elf.toString("latin1", name, elf.indexOf(0, name)) !== ".go.buildinfo") continue;
		const offset = Number(section.readBigUInt64LE(24));
		elf.fill(0, offset, offset + Number(section.readBigUInt64LE(32)));
		section.fill(0);
		return elf;
	}
	throw new Error("no section .go.buildinfo");
}
