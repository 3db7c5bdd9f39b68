import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { parseElf } from "../formats/elf/parse.ts";
import { loadSegments } from "../formats/elf/read.ts";
import type { Mapping } from "../formats/procfs/mapping.ts";
import type { ModuleFile } from "../goruntime/code-modules.ts";
import { openLibrary } from "./go-code.ts";
import type { FileSource } from "./linux/executable.ts";
import { readMaps } from "./mappings.ts";

/**
 * The files of plugins and shared libraries that a process loaded, opened when they are asked for. Close it; what was made
 * of the files cannot be used after that.
 */
export class ModuleFiles {
	readonly #pid: number;
	readonly #open = new Map<string, ReturnType<ModuleFile>>();
	readonly #files: FileSource[] = [];
	#maps: readonly Mapping[] | undefined;

	constructor(pid: number) {
		this.#pid = pid;
	}

	readonly at: ModuleFile = (address) => {
		const path = this.#mapping(address)?.path;
		if (path === undefined) return undefined;
		if (!this.#open.has(path)) this.#open.set(path, this.#openFile(path));
		return this.#open.get(path);
	};

	#mapping(address: number): Mapping | undefined {
		if (this.#maps === undefined) {
			const maps = readMaps(this.#pid);
			this.#maps = isUnavailable(maps) ? [] : maps;
		}
		return this.#maps.find((m) => m.kind === "file" && address >= m.start && address < m.end);
	}

	#openFile(path: string): ReturnType<ModuleFile> {
		const start = Math.min(...(this.#maps ?? []).filter((m) => m.path === path && m.offset === 0).map((m) => m.start));
		const library = Number.isFinite(start) ? openLibrary(this.#pid, path) : undefined;
		if (library === undefined) return undefined;
		this.#files.push(library.file);
		try {
			const elf = parseElf(library.file);
			const [first] = loadSegments(elf);
			return { elf, bias: start - (first === undefined ? 0 : first.vaddr - first.offset) };
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			return undefined;
		}
	}

	close(): void {
		for (const file of this.#files) file.close();
		this.#files.length = 0;
		this.#open.clear();
	}
}
