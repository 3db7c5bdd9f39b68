import { openSync } from "node:fs";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { parseElf } from "../formats/elf/parse.ts";
import { findSection } from "../formats/elf/read.ts";
import type { Mapping } from "../formats/procfs/mapping.ts";
import type { ProgramFile } from "../goruntime/program.ts";
import { type Executable, FileSource } from "./linux/executable.ts";
import { errnoOf } from "./linux/system-error.ts";
import { memoryTask } from "./linux/task-state.ts";
import { readMaps } from "./mappings.ts";
import { programOf } from "./program.ts";

/** The file of a process that its Go code is in. */
export interface GoCode {
	readonly code: Executable;
	readonly file: ProgramFile;
}

/** A process that maps more libraries is looked through this far. */
const MAX_LIBRARIES = 256;

/**
 * Where the Go code of a process is: in its executable (a Go program, or a C program with a -buildmode=c-archive linked in),
 * else in a shared library that it loaded (-buildmode=c-shared). A library counts as Go's if it has one of the sections that
 * the Go linker makes; plugins have them as well, but their program is Go itself. Where several are loaded, each brings a
 * runtime of its own: the first by address is read. The caller closes `code.file`, unless it is `exe`.
 */
export function goCodeOf(pid: number, exe: Executable): GoCode | Unavailable {
	const file = programOf(exe);
	if (!isUnavailable(file)) return { code: exe, file };
	const maps = readMaps(pid);
	for (const path of isUnavailable(maps) ? [] : libraries(maps, exe.path)) {
		const code = openLibrary(pid, path);
		if (code === undefined) continue;
		const found = isMadeByGo(code.file) ? programOf(code) : undefined;
		if (found !== undefined && !isUnavailable(found)) return { code, file: found };
		code.file.close();
	}
	return file;
}

/** Files that code is mapped from, by address. */
function libraries(maps: readonly Mapping[], exe: string): Set<string> {
	const paths = new Set<string>();
	for (const m of maps) {
		if (m.kind === "file" && m.permissions.execute && m.path !== exe && paths.size < MAX_LIBRARIES) paths.add(m.path);
	}
	return paths;
}

/** In the mount namespace of the process; undefined where it is not there, or is another file by now. */
export function openLibrary(pid: number, path: string): Executable | undefined {
	try {
		return { file: new FileSource(openSync(`/proc/${memoryTask(pid)}/root${path}`, "r")), path, deleted: false };
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return undefined;
	}
}

/** cmd/link: every Go binary has these, -s or not; without them a search through all of a library would be needed. */
const GO_SECTIONS = [".go.buildinfo", ".gopclntab", ".data.rel.ro.gopclntab", ".note.go.buildid"];

function isMadeByGo(file: FileSource): boolean {
	let elf: ElfFile;
	try {
		elf = parseElf(file);
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
		return false;
	}
	return GO_SECTIONS.some((name) => findSection(elf, name) !== undefined);
}
