import type { Program } from "../evidence/reading.ts";
import { readBuildInfo } from "../formats/elf/build-info.ts";
import { EM_AARCH64, EM_X86_64, PF_W } from "../formats/elf/constants.ts";
import { isPie } from "../formats/elf/dynamic.ts";
import { findGoVersion } from "../formats/elf/go-version.ts";
import type { ElfFile } from "../formats/elf/model.ts";
import { loadSegments } from "../formats/elf/read.ts";
import { findSymbols, hasSymbols } from "../formats/elf/symbols.ts";
import type { GlobalName } from "./runtime-view.ts";

/** What the executable file alone tells: everything of Program but what needs the running process. */
export type ProgramFile = Omit<Program, "bias" | "data" | "layout" | "globals" | "globalsFrom"> & {
	/** link-time addresses of the writable segments */
	readonly writable: readonly { readonly start: number; readonly end: number }[];
	/** link-time address that stands at file offset 0 */
	readonly firstAddress: number;
	/** link-time addresses of runtime variables from the symbol table; empty where it was stripped */
	readonly symbols: ReadonlyMap<GlobalName, number>;
};

const GLOBALS: readonly GlobalName[] = [
	"mheap_",
	"allgs",
	"allp",
	"allm",
	"memstats",
	"gcController",
	"sched",
	"work",
	"gcphase",
	"gcBitsArenas",
	"persistentChunks",
	"buckhash",
	"mbuckets",
	"bbuckets",
	"xbuckets",
	"mProfCycle",
	"MemProfileRate",
	"itabTable",
	"firstmoduledata",
];

/** Reads what the executable says of itself; undefined where it is not a Go program (or one built before Go 1.2). */
export function identifyProgram(elf: ElfFile): ProgramFile | undefined {
	const arch = elf.machine === EM_X86_64 ? "amd64" : elf.machine === EM_AARCH64 ? "arm64" : undefined;
	const version = arch === undefined ? undefined : findGoVersion(elf);
	if (arch === undefined || version === undefined) return undefined;
	const info = readBuildInfo(elf);
	const segments = loadSegments(elf);
	const { globals, allocator } = symbolsOf(elf);
	const first = segments[0];
	return {
		goVersion: version.version,
		goVersionSource: version.source,
		arch,
		...(info?.main === undefined ? {} : { module: { path: info.main.path, version: info.main.version } }),
		...(info === undefined || info.path === "" ? {} : { package: info.path }),
		settings: info?.settings ?? {},
		stripped: !hasSymbols(elf),
		pie: isPie(elf),
		dynamic: elf.interpreter !== undefined,
		firstAddress: first === undefined ? 0 : first.vaddr - first.offset,
		writable: segments.filter((s) => (s.flags & PF_W) !== 0).map((s) => ({ start: s.vaddr, end: s.vaddr + s.memsz })),
		...(allocator === undefined ? {} : { allocator }),
		symbols: globals,
	};
}

/** Variables of other packages, by their symbols; vendored copies have a longer one. */
const OTHERS: readonly (readonly [symbol: string, name: GlobalName])[] = [
	["syscall.mapper", "syscall.mapper"],
	["golang.org/x/sys/unix.mapper", "unix.mapper"],
	["vendor/golang.org/x/sys/unix.mapper", "unix.mapper"],
	["cmd/vendor/golang.org/x/sys/unix.mapper", "unix.mapper"],
];

/** Functions that each allocator of C memory has, where it is linked into the executable; musl's are those of mallocng. */
const ALLOCATORS: readonly (readonly [symbol: string, allocator: NonNullable<Program["allocator"]>])[] = [
	["mallctl", "jemalloc"],
	["je_mallctl", "jemalloc"],
	["tc_malloc", "tcmalloc"],
	["TCMallocInternalMalloc", "tcmalloc"],
	["mi_malloc", "mimalloc"],
	["__malloc_alloc_meta", "musl"],
];

/** What the symbol table tells, in one pass over it. */
function symbolsOf(elf: ElfFile): {
	readonly globals: Map<GlobalName, number>;
	readonly allocator: Program["allocator"];
} {
	const wanted = [...GLOBALS.map((name) => [`runtime.${name}`, name] as const), ...OTHERS];
	const found = findSymbols(elf, new Set([...wanted, ...ALLOCATORS].map(([symbol]) => symbol)));
	const globals = new Map<GlobalName, number>();
	for (const [name, global] of wanted) {
		const symbol = found.get(name);
		if (symbol !== undefined) globals.set(global, symbol.address);
	}
	return { globals, allocator: ALLOCATORS.find(([symbol]) => found.has(symbol))?.[1] };
}
