import type { MemoryLimit } from "../evidence/reading.ts";
import { hostFacts } from "./linux/host-facts.ts";
export function memoryLimit(_pid: number): { limit: MemoryLimit; container: string | undefined } {
	return { limit: { bytes: hostFacts().memTotal, source: "machine" }, container: undefined };
}
