import { Type } from "typebox";
import type { ReadLayout } from "../capture/layout-add.ts";
import type { LayoutCheck } from "../capture/layout-check.ts";
import { ByteCount, Count } from "./operation.ts";
import { Unreadable } from "./shapes.ts";

const Arch = Type.Enum(["amd64", "arm64"]);

export const LayoutsDocument = Type.Object({
	minors: Type.Array(
		Type.Object({
			minor: Type.String({ description: "minor release: 1.26" }),
			arch: Arch,
			releases: Type.Array(Type.String(), {
				description: "the patch releases that were read; those between two equal ones are known, too",
			}),
			experiments: Type.Array(Type.String(), { description: "GOEXPERIMENT variants that have layouts of their own" }),
			inert: Type.Array(Type.String(), { description: "experiments that change nothing gomem reads" }),
		}),
		{ description: "what gomem brings, oldest release first" },
	),
	added: Type.Array(
		Type.Object({
			goVersion: Type.String(),
			arch: Arch,
			from: Type.String({ description: "the toolchain or program that it was read from" }),
			path: Type.String({ description: "the file; remove it to forget the layout" }),
		}),
		{ description: "what `gomem layouts add` added" },
	),
	folder: Type.String({ description: "where added layouts are kept" }),
	unavailable: Type.Array(Unreadable),
});

const Difference = Type.Object({
	what: Type.String({
		description: "runtime.mspan.freeindex, runtime.mheap (its size), constant pageSize, table waitReasons",
	}),
	dwarf: Type.String(),
	table: Type.String(),
});

export const Differences = Type.Array(Difference, {
	description: "where the DWARF and that build of the table differ",
});
export const Taken = Type.Array(Type.String(), {
	description:
		"what the program does not hold and that was taken from that build: constants that are no integers, unused types",
});
export const Against = Type.Optional(
	Type.String({ description: "the build of the table that the DWARF was held against, the nearest one" }),
);

export const LayoutsVerifyDocument = Type.Object({
	program: Type.Object({
		path: Type.String(),
		pid: Type.Optional(Type.Integer()),
		goVersion: Type.String(),
		arch: Arch,
		stripped: Type.Boolean({ description: "it has no symbol table" }),
		dwarfBytes: ByteCount({ description: "DWARF sections that are read, inflated; 0 without" }),
	}),
	use: Type.Optional(
		Type.Object({
			label: Type.String(),
			certainty: Type.Enum(["exact", "dwarf", "interpolated", "validated"]),
		}),
	),
	table: Type.Object({
		knows: Type.Enum(["exact", "interpolated", "candidates", "unknown"]),
		layouts: Type.Array(Type.String(), { description: "the layouts that it has for this version, newest first" }),
		why: Type.Optional(Type.String({ description: "why it does not have the release itself" })),
	}),
	dwarf: Type.Optional(
		Type.Object({
			against: Against,
			sameMinor: Type.Boolean({ description: "that build is of the same minor release" }),
			structs: Count(),
			fields: Count(),
			constants: Count(),
			differences: Differences,
			taken: Taken,
		}),
	),
	fits: Type.Array(
		Type.Object({
			label: Type.String(),
			of: Type.Enum(["table", "DWARF"]),
			fits: Type.Boolean({ description: "two counts that the runtime keeps apart agree when read with it" }),
			variablesFrom: Type.Optional(Type.Enum(["symbols", "structure"])),
		}),
		{ description: "each layout tried on the process; empty for a file" },
	),
	unavailable: Type.Array(Unreadable),
});

export const LayoutsAddDocument = Type.Object({
	goVersion: Type.String({ description: "the version whose processes are read with it" }),
	arch: Arch,
	from: Type.String(),
	path: Type.String({ description: "the file that was written" }),
	replaced: Type.Boolean({ description: "there was one of that version" }),
	structs: Count(),
	constants: Count(),
	against: Against,
	sameMinor: Type.Boolean({ description: "that build is of the same minor release" }),
	differences: Differences,
	taken: Taken,
	commands: Type.Array(Type.String(), { description: "what was run" }),
});

/** How much a layout holds. */
export function sizeOfRecord(record: ReadLayout["record"]): { structs: number; fields: number; constants: number } {
	const structs = Object.values(record.structs);
	return {
		structs: structs.length,
		fields: structs.reduce((sum, struct) => sum + Object.keys(struct.fields).length, 0),
		constants: Object.keys(record.constants).length,
	};
}

/** The DWARF's part of a result. */
export function dwarfShape(
	found: Pick<
		Exclude<LayoutCheck["dwarf"], { unavailable: string }>,
		"against" | "sameMinor" | "differences" | "taken"
	>,
) {
	return {
		...(found.against === undefined ? {} : { against: found.against }),
		sameMinor: found.sameMinor,
		differences: found.differences.map((one) => ({ ...one })),
		taken: [...found.taken],
	};
}
