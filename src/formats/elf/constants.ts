/**
 * The numbers of the ELF64 format that gomem needs. Source: System V ABI (gABI), chapters 4 and 5, the Linux extensions of
 * include/uapi/linux/elf.h, and glibc's elf.h for the GNU ones.
 */

/** e_type */
export const ET_EXEC = 2;
export const ET_DYN = 3;
export const ET_CORE = 4;

/** e_machine */
export const EM_386 = 3;
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;
export const EM_RISCV = 243;

/** p_type */
export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_NOTE = 4;
export const PT_TLS = 7;

/** p_flags */
export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

/** e_phnum when the real count is in sh_info of section 0 (cores of processes with many mappings) */
export const PN_XNUM = 0xffff;

/** sh_type */
export const SHT_NULL = 0;
export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_DYNSYM = 11;

/** sh_flags */
export const SHF_WRITE = 1;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;
export const SHF_COMPRESSED = 0x800;

export const SHN_UNDEF = 0;
/** e_shstrndx when the real index is in sh_link of section 0 */
export const SHN_XINDEX = 0xffff;

/** d_tag */
export const DT_NULL = 0;
export const DT_NEEDED = 1;
export const DT_STRTAB = 5;
export const DT_RELA = 7;
export const DT_RELASZ = 8;
export const DT_STRSZ = 10;
export const DT_SONAME = 14;
export const DT_FLAGS_1 = 0x6ffffffb;

/** DT_FLAGS_1: a position-independent executable, not a library */
export const DF_1_PIE = 0x08000000;

/** Names of e_machine as Go's GOARCH has them. */
export const GOARCH_OF_MACHINE: ReadonlyMap<number, string> = new Map([
	[EM_386, "386"],
	[EM_X86_64, "amd64"],
	[EM_AARCH64, "arm64"],
	[EM_RISCV, "riscv64"],
	[21, "ppc64le"],
	[22, "s390x"],
	[258, "loong64"],
]);

/** Relocation types that mean "base + addend" (R_X86_64_RELATIVE, R_AARCH64_RELATIVE, R_RISCV_RELATIVE). */
export const RELATIVE_RELOCATION: ReadonlyMap<number, number> = new Map([
	[EM_X86_64, 8],
	[EM_AARCH64, 1027],
	[EM_RISCV, 3],
]);
