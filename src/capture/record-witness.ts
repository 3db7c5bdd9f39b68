import type { LookRecord } from "../bytes/block-reader.ts";
import type { CgroupEvidence } from "../evidence/memory-bounds.ts";

/** Told what a reading is made of while it is read, for a bundle. What it does with it costs the reading time. */
export interface ReadingWitness {
	/** A file of /proc/PID, as it was read; of one that was read twice, the last is the one that was used. */
	file(name: WitnessedFile, content: Uint8Array): void;
	cgroup(cgroup: CgroupEvidence): void;
	/** A look at the runtime's memory begins; returns what records it, or undefined where nobody wants to know. */
	look(): LookRecord | undefined;
}

export type WitnessedFile = "stat" | "status" | "smaps";
