import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { readBuildIds } from "../formats/elf/notes.ts";
import { parseElf } from "../formats/elf/parse.ts";
import type { Mapping } from "../formats/procfs/mapping.ts";
import type { ProfiledMapping } from "../goruntime/profile-mappings.ts";
import type { CoreProgram } from "./core-executable.ts";
import { openFile } from "./linux/executable.ts";

/** Executable mappings as runtime/pprof lists them (proto.go: parseProcSelfMaps), without the build ids of their files. */
export function plainCodeMappings(
	mappings: readonly Mapping[],
	buildId: (mapping: Mapping) => string = () => "",
): ProfiledMapping[] {
	return mappings
		.filter((one) => one.permissions.execute && !(one.inode === 0 && one.path === ""))
		.map((one) => ({
			start: one.start,
			end: one.end,
			offset: one.offset,
			file: one.path,
			buildId: one.inode === 0 ? "" : buildId(one),
		}));
}

/** Those of a live process, with the GNU build ids of their files. */
export function liveCodeMappings(pid: number, exe: string, mappings: readonly Mapping[]): ProfiledMapping[] {
	return plainCodeMappings(mappings, (one) => buildIdOf(pid, one, exe));
}

/** Those of a core: of its files, only the executable is known to be the one that was mapped. */
export function coreCodeMappings(mappings: readonly Mapping[], program: CoreProgram): ProfiledMapping[] {
	const own = readBuildIds(program.elf).gnu ?? "";
	return plainCodeMappings(mappings, (one) => (one.path === program.path ? own : ""));
}

/** Read through the process's own root folder: its files may have other names here. "" where there is none. */
function buildIdOf(pid: number, mapping: Mapping, exe: string): string {
	const path = mapping.path === exe ? `/proc/${pid}/exe` : `/proc/${pid}/root${mapping.path}`;
	const file = openFile(path);
	if (isUnavailable(file)) return "";
	try {
		return readBuildIds(parseElf(file)).gnu ?? "";
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return "";
	} finally {
		file.close();
	}
}
