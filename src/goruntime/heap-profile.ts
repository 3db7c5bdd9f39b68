import { ProfileBuilder } from "../formats/pprof/builder.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { scaleHeapSample } from "../formats/pprof/scale.ts";
import type { MemProfileRecords } from "./memprofile.ts";
import { StackLocations } from "./memprofile-stacks.ts";
import { type ProfiledMapping, profileMappings } from "./profile-mappings.ts";
import type { ProgramCode } from "./symbols.ts";

export interface HeapProfileParts {
	readonly records: MemProfileRecords;
	/** runtime.MemProfileRate: bytes allocated per sample, on average */
	readonly rate: number;
	readonly code: ProgramCode;
	readonly mappings: readonly ProfiledMapping[];
	/** of the reading, nanoseconds since 1970 */
	readonly timeNanos: bigint;
}

/**
 * The heap profile that the process's own /debug/pprof/heap would give: alloc_objects, alloc_space, inuse_objects and
 * inuse_space, scaled by the sampling rate, the allocator's frames at the leaf hidden (runtime/pprof/protomem.go, Go 1.19 to
 * 1.27).
 */
export function heapProfile(parts: HeapProfileParts): Profile {
	const { records, rate, code } = parts;
	const builder = new ProfileBuilder([
		{ type: "alloc_objects", unit: "count" },
		{ type: "alloc_space", unit: "bytes" },
		{ type: "inuse_objects", unit: "count" },
		{ type: "inuse_space", unit: "bytes" },
	]);
	const locations = new StackLocations(code, builder, profileMappings(parts.mappings, builder));
	const isAllocator = allocatorNames(locations);
	for (let r = 0; r < records.count; r++) {
		const stack: number[] = [];
		for (let i = records.stackStart[r] ?? 0; i < (records.stackStart[r + 1] ?? 0); i++) stack.push(records.pcs[i] ?? 0);
		const size = records.objectBytes[r] ?? 0;
		const allocs = records.allocObjects[r] ?? 0;
		const held = allocs - (records.freeObjects[r] ?? 0);
		const shown = stack.findIndex((pc) => !isAllocator(pc));
		let rows = locations.of(shown < 0 ? stack : stack.slice(shown));
		if (rows.length === 0) rows = locations.of(stack);
		const values = [...scaleHeapSample(allocs, allocs * size, rate), ...scaleHeapSample(held, held * size, rate)];
		const labelled = size !== 0 && (records.tellsSize || allocs !== 0);
		builder.sample(rows, values, labelled ? [{ key: "bytes", value: size }] : []);
	}
	return builder.finish({
		periodType: { type: "space", unit: "bytes" },
		period: BigInt(rate),
		timeNanos: parts.timeNanos,
	});
}

/**
 * Whether a pc of a stack is the allocator's own, hidden at the leaf. Before Go 1.24 runtime/pprof hides "runtime." only, and
 * the packages below internal/runtime/ allocate nothing.
 */
function allocatorNames(locations: StackLocations): (pc: number) => boolean {
	const known = new Map<number, boolean>();
	return (pc) => {
		let is = known.get(pc);
		if (is === undefined) {
			is = /^(?:runtime\.|internal\/runtime\/)/.test(locations.nameAt(pc));
			known.set(pc, is);
		}
		return is;
	};
}
