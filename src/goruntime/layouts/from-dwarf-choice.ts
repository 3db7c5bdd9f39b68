import { ParseError } from "../../bytes/parse-error.ts";
import { type Base, completeLayout, layoutFromDwarf, type ProgramDwarf } from "./from-dwarf.ts";
import { compareLayouts, type LayoutDifference } from "./from-dwarf-compare.ts";
import { minorRelease, parseGoVersion } from "./go-version.ts";
import type { Layout } from "./layout.ts";
import { type LayoutRecord, layoutOfRecord } from "./layout-record.ts";
import { type LayoutChoice, layoutsOf, nearestRecord, recordOfLayout } from "./layouts.ts";
import { loadWanted } from "./wanted.ts";

/** The layout that a program's own DWARF describes, held against the table. */
export interface DwarfChoice {
	readonly layout: Layout;
	readonly record: LayoutRecord;
	/** the build of the table that it was held against: the nearest one; undefined where the table has none for this machine */
	readonly against: string | undefined;
	/** whether that build is of the same minor release */
	readonly sameMinor: boolean;
	/** where the two differ */
	readonly differences: readonly LayoutDifference[];
	/** what the program does not hold and that was taken from that build */
	readonly taken: readonly string[];
}

/**
 * The layout of a program out of its DWARF; why there is none, as a text, where it cannot be had.
 * @param choice what the table says of its version
 */
export async function layoutOfDwarf(program: ProgramDwarf, choice: LayoutChoice): Promise<DwarfChoice | string> {
	const wanted = await loadWanted();
	try {
		const own = layoutFromDwarf(program, wanted);
		if (own === undefined) return "its DWARF does not describe a Go runtime";
		const base = await baseFor(program, choice, own);
		const found = base === undefined ? { record: own, taken: [] } : completeLayout(own, base);
		return {
			layout: layoutOfRecord(found.record, `${program.goVersion} ${program.arch}, of its own DWARF`),
			record: found.record,
			against: base?.record.goVersion,
			sameMinor: base?.sameMinor ?? false,
			differences: base === undefined ? [] : compareLayouts(own, base.record),
			taken: found.taken,
		};
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return `its DWARF cannot be read: ${error.message}`;
	}
}

/** The build of the table that is nearest: of several candidates the one with the fewest differences. */
async function baseFor(program: ProgramDwarf, choice: LayoutChoice, own: LayoutRecord): Promise<Base | undefined> {
	const instead = choice.kind === "exact" && choice.instead !== undefined ? layoutsOf(choice.instead) : [];
	const known = [...layoutsOf(choice), ...instead].map(recordOfLayout).filter((record) => record !== undefined);
	let best: { record: LayoutRecord; differences: number } | undefined;
	for (const record of known) {
		const differences = compareLayouts(own, record).length;
		if (best === undefined || differences < best.differences) best = { record, differences };
	}
	if (best !== undefined) return { record: best.record, sameMinor: true };
	const record = await nearestRecord(program.goVersion, program.arch);
	return record === undefined
		? undefined
		: { record, sameMinor: minorOf(record.goVersion) === minorOf(program.goVersion) };
}

function minorOf(goVersion: string): string | undefined {
	const version = parseGoVersion(goVersion);
	return version === undefined ? undefined : minorRelease(version);
}
