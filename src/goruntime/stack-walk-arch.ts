import type { Arch } from "./layouts/layout.ts";

/**
 * How a call leaves its return address on a machine, as the runtime's traceback has it (traceback.go: usesLR and the rules
 * around it; internal/goarch: MinFrameSize, StackAlign; Go 1.19 … 1.27).
 */
export interface CallRule {
	/** Bytes that the call instruction itself pushes: between a frame, as its table counts it, and the caller's. */
	readonly pushed: number;
	/**
	 * Where the return address stands once a function has its frame: at the frame's far end, where the call pushed it, or at
	 * the stack pointer, where the function put its link register. One without a frame then still has it in that register.
	 */
	readonly returnAt: "end" | "start";
	/**
	 * Bytes that the signal handler puts below the stack pointer before it fakes a call, whose first word is the link register
	 * as it was; 0 where none are (signal_*.go: preparePanic, pushCall).
	 */
	readonly injected: number;
}

export const callRules: Readonly<Record<Arch, CallRule>> = {
	// CALL pushes the return address; a faked call pushes the place as a call would (signal_amd64.go: pushCall)
	amd64: { pushed: 8, returnAt: "end", injected: 0 },
	// BL leaves it in R30; the stack pointer is a multiple of 16 (goarch_arm64.go: StackAlign)
	arm64: { pushed: 0, returnAt: "start", injected: 16 },
};
