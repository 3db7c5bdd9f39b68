import { ParseError } from "../bytes/parse-error.ts";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { parseElf } from "../formats/elf/parse.ts";
import type { Mapping } from "../formats/procfs/mapping.ts";
import { identifyProgram, type ProgramFile } from "../goruntime/program.ts";
import type { Executable } from "./linux/executable.ts";

/** What the executable says of itself, or that it is not a Go program. */
export function programOf(exe: Executable): ProgramFile | Unavailable {
	try {
		const file = identifyProgram(parseElf(exe.file));
		return (
			file ?? { unavailable: "not a Go program: no Go version in the executable", wouldHelp: "a process written in Go" }
		);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return { unavailable: `the executable cannot be read: ${error.message}` };
	}
}

/** Load address minus link address, from the mapping of the executable that holds its first byte. */
export function loadBias(maps: readonly Mapping[], exe: string, file: ProgramFile): number | undefined {
	let lowest: Mapping | undefined;
	for (const m of maps) {
		if (m.kind === "file" && m.path === exe && m.offset === 0 && (lowest === undefined || m.start < lowest.start))
			lowest = m;
	}
	return lowest === undefined ? undefined : lowest.start - file.firstAddress;
}
