import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { parseElf } from "../formats/elf/parse.ts";
import type { DwarfChoice } from "../goruntime/layouts/from-dwarf-choice.ts";
import { layoutOfDwarf } from "../goruntime/layouts/from-dwarf-choice.ts";
import { inlineMarkMinimum } from "../goruntime/layouts/inline-marks.ts";
import type { LayoutRecord } from "../goruntime/layouts/layout-record.ts";
import { chooseLayouts } from "../goruntime/layouts/layouts.ts";
import { identifyProgram } from "../goruntime/program.ts";
import { readProgramDwarf } from "./layout-sources.ts";
import { openFile } from "./linux/executable.ts";

/** A layout that was read out of a program, to be kept. */
export interface ReadLayout {
	readonly record: LayoutRecord;
	readonly against: DwarfChoice["against"];
	readonly sameMinor: boolean;
	readonly differences: DwarfChoice["differences"];
	readonly taken: readonly string[];
}

/**
 * The layout of the runtime in a program on disk, out of its DWARF.
 * @param from for people: "toolchain go1.28rc1"
 * @param greenTeaSource runtime/mgcmark_greenteagc.go of the toolchain, where it is at hand: it has a rule that DWARF has not
 */
export async function readLayoutOf(
	path: string,
	from: string,
	greenTeaSource?: string,
): Promise<ReadLayout | Unavailable> {
	const file = openFile(path);
	if (isUnavailable(file)) return file;
	try {
		const elf = parseElf(file);
		const program = identifyProgram(elf);
		if (program === undefined) return { unavailable: `${path} is not a Go program: there is no Go version in it` };
		const { goVersion, arch } = program;
		const read = readProgramDwarf(elf);
		if (read === undefined || isUnavailable(read)) {
			const why = read?.unavailable ?? "it has no DWARF";
			return { unavailable: `${path}: ${why}`, wouldHelp: "a build without -ldflags=-s -w" };
		}
		const found = await layoutOfDwarf({ ...read, goVersion, arch }, await chooseLayouts(goVersion, arch));
		if (typeof found === "string") return { unavailable: `${path}: ${found}` };
		const { against, sameMinor, differences } = found;
		return { ...withRule(found, from, greenTeaSource), against, sameMinor, differences };
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `${path} cannot be read: ${error.message}` };
	} finally {
		file.close();
	}
}

const RULE = "spanInlineMarkBitsMinSize";

function withRule(found: DwarfChoice, from: string, source: string | undefined): Pick<ReadLayout, "record" | "taken"> {
	const record = { ...found.record, from };
	const minimum = source === undefined || !found.taken.includes(RULE) ? undefined : inlineMarkMinimum(source);
	if (minimum === undefined) return { record, taken: found.taken };
	return {
		record: { ...record, constants: { ...record.constants, [RULE]: minimum } },
		taken: found.taken.filter((name) => name !== RULE),
	};
}
