import { type DwarfIndex, indexDwarf } from "../../formats/dwarf/index.ts";
import type { DwarfSections } from "../../formats/dwarf/sections.ts";
import type { ElfFile } from "../../formats/elf/model.ts";
import { structsFromDwarf } from "./from-dwarf-structs.ts";
import { tablesFromProgram } from "./from-dwarf-tables.ts";
import type { Arch } from "./layout.ts";
import { type LayoutRecord, makeRecord, parseLayoutRecord } from "./layout-record.ts";
import { renames, shortName, type Wanted } from "./wanted.ts";

/** A program that can be asked for its DWARF. */
export interface ProgramDwarf {
	readonly elf: ElfFile;
	readonly sections: DwarfSections;
	/** as the binary says it */
	readonly goVersion: string;
	readonly arch: Arch;
}

/** A layout out of a program's DWARF, completed. */
export interface DwarfLayout {
	readonly record: LayoutRecord;
	/** constants, tables, structs and variables that the program does not hold and that were taken from `base` */
	readonly taken: readonly string[];
}

/** The packages whose types, variables and constants a layout is made of. */
export function isRuntimeUnit(name: string): boolean {
	return OTHER_UNITS.has(name) || name.startsWith("internal/runtime/") || name.startsWith("runtime/internal/");
}

const OTHER_UNITS = new Set(["runtime", "internal/abi", "sync", "syscall"]);

/** The nearest build that is known, for what a program does not hold. */
export interface Base {
	readonly record: LayoutRecord;
	/**
	 * A build of the same minor release: then structs that the linker left out, since this program has no use for them, are
	 * taken, too. Of another minor they would mislead.
	 */
	readonly sameMinor: boolean;
}

/**
 * The layout of the runtime in a program: structs, variables and integer constants from its DWARF, and tables such as the
 * size classes from its data. What neither holds (constants that are no integers, rules of the source) is for
 * completeLayout.
 *
 * Throws ParseError where the DWARF is malformed. Undefined where it does not describe a Go runtime.
 */
export function layoutFromDwarf(program: ProgramDwarf, wanted: Wanted): LayoutRecord | undefined {
	const dwarf = indexDwarf(program.sections, { units: isRuntimeUnit });
	const { structs, globals } = structsFromDwarf(dwarf, wanted);
	if (structs["runtime.mheap"] === undefined || globals["runtime.mheap_"] === undefined) return undefined;
	const constants = constantsFromDwarf(dwarf, wanted);
	// internal/goexperiment has constants only, and no unit; Go 1.22 alone had both ways (mbitmap_noallocheaders.go)
	if (/X:\S*noallocheaders/.test(program.goVersion)) delete constants["minSizeForMallocHeader"];
	const tables = tablesFromProgram(program.elf, dwarf, wanted);
	const { goVersion, arch } = program;
	// a file says what it likes: sizes and offsets are checked as those of any layout from outside
	return parseLayoutRecord(makeRecord({ goVersion, arch, from: "DWARF", structs, globals, constants, tables }));
}

/** Takes what a program does not hold from the nearest build that is known. */
export function completeLayout(own: LayoutRecord, base: Base): DwarfLayout {
	const taken: string[] = [];
	const fill = <T>(
		section: Readonly<Record<string, T>>,
		from: Readonly<Record<string, T>>,
		may: (name: string) => boolean,
	): Record<string, T> => {
		const out: Record<string, T> = { ...section };
		for (const [name, value] of Object.entries(from)) {
			if (Object.hasOwn(section, name) || !may(name)) continue;
			out[name] = value;
			taken.push(name);
		}
		return out;
	};
	const structs = fill(own.structs, base.record.structs, () => base.sameMinor);
	return {
		record: {
			...own,
			structs,
			globals: fill(own.globals, base.record.globals, () => base.sameMinor),
			constants: fill(own.constants, base.record.constants, (name) => mayTake(name, own.structs)),
			tables: fill(own.tables, base.record.tables, () => true),
		},
		taken,
	};
}

/**
 * Whether a constant that the DWARF does not have may be taken from another build. The compiler writes all integers of
 * package level (cmd/compile/internal/gc/obj.go dumpGlobalConst), so one that is missing is gone, and its old value would
 * mislead: only what DWARF cannot say is taken.
 */
function mayTake(name: string, structs: LayoutRecord["structs"]): boolean {
	// the rule of gcUsesSpanInlineMarkBits: there is one where there are such bits
	if (name === "spanInlineMarkBitsMinSize") return structs["runtime.spanInlineMarkBits"] !== undefined;
	return NOT_IN_DWARF.has(name);
}

/** Constants that are no integers (floats, true and false), or do not fit one of 64 bits with a sign. */
const NOT_IN_DWARF: ReadonlySet<string> = new Set([
	"arenaBaseOffset",
	"capacityPerProc",
	"concurrentSweep",
	"framepointer_enabled",
	"gcBackgroundUtilization",
	"gcCPULimiterUpdatePeriod",
	"gcGoalUtilization",
	"minScavWorkTime",
	"physPageAlignedStacks",
	"scavChunkHiOccFrac",
	"scavengeCostRatio",
	"stackFork",
	"stackPreempt",
	"startingScavSleepRatio",
	"usesLR",
]);

function constantsFromDwarf(dwarf: DwarfIndex, wanted: Wanted): Record<string, number> {
	const out: Record<string, number> = {};
	const moved = renames(wanted.constantNames);
	const single = new Set([...wanted.constants, ...moved.keys()]);
	const set = new RegExp(`^(?:${wanted.constantSets.join("|")})$`);
	const inPackage = dwarf.units.map((unit) => wanted.packages.includes(unit.name));
	const { constants } = dwarf;
	for (let i = 0; i < constants.count; i++) {
		if (inPackage[constants.unit[i] ?? -1] !== true) continue;
		const name = constants.name(i);
		const value = constants.value[i];
		if (value === undefined || !Number.isSafeInteger(value) || !(single.has(name) || set.test(name))) continue;
		out[moved.get(name) ?? shortName(name)] ??= value;
	}
	return out;
}
