/** The numbers of ELF core files on Linux. Source: include/uapi/linux/elf.h and elfcore.h, Linux 6.18. */

/** n_type of notes named "CORE" */
export const NT_PRSTATUS = 1;
export const NT_PRPSINFO = 3;
export const NT_AUXV = 6;
/** "FILE": fs/binfmt_elf.c, fill_files_note */
export const NT_FILE = 0x46494c45;
/** "SIGI" */
export const NT_SIGINFO = 0x53494749;

/** struct elf_prstatus of 64-bit machines: what stands where before the registers. */
export const PRSTATUS = { cursig: 12, pid: 32, registers: 112 } as const;

/** struct elf_prpsinfo of 64-bit machines. */
export const PRPSINFO = { state: 1, uid: 16, gid: 20, pid: 24, ppid: 28, name: 40, nameBytes: 16, size: 136 } as const;

/**
 * Where a machine keeps its stack pointer, program counter and, if it has one, link register in pr_reg, counted in words; and
 * the words of a note.
 */
export interface RegisterSpec {
	readonly sp: number;
	readonly pc: number;
	readonly lr?: number;
	readonly words: number;
}

export const REGISTERS: Readonly<Record<"amd64" | "arm64", RegisterSpec>> = {
	// arch/x86/include/uapi/asm/ptrace-abi.h and user_64.h: r15 … orig_rax, rip (16), cs, eflags, rsp (19), ss, bases, segments
	amd64: { pc: 16, sp: 19, words: 27 },
	// arch/arm64/include/uapi/asm/ptrace.h, user_pt_regs: x0 … x30 (the link register), sp (31), pc (32), pstate
	arm64: { lr: 30, sp: 31, pc: 32, words: 34 },
};

export const PAGE = 4096;
