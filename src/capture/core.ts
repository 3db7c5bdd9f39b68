import { openSync, statSync } from "node:fs";
import { ParseError } from "../bytes/parse-error.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { CoreEvidence, Program } from "../evidence/reading.ts";
import type { CoreFile } from "../formats/core/model.ts";
import { parseCore } from "../formats/core/parse.ts";
import { type AuxiliaryVector, parseAuxv } from "../formats/procfs/auxv.ts";
import { type Attached, attachRuntime, describeProgram } from "../goruntime/attach.ts";
import { LayoutError } from "../goruntime/layouts/layout-error.ts";
import { withMmapRegistries } from "../goruntime/mmap-registries-locate.ts";
import { identifyProgram, type ProgramFile } from "../goruntime/program.ts";
import { type RuntimeState, readRuntime } from "../goruntime/runtime-state.ts";
import { coreEnvironment } from "./core-environment.ts";
import { type CoreProblem, type CoreProgram, findExecutable, unchangeablePieces } from "./core-executable.ts";
import { type CoreMappings, coreMappings } from "./core-mappings.ts";
import { CoreMemory, piecesOf } from "./core-memory.ts";
import { type CorePages, PAGE_SCAN_LIMITS, type PageScanLimits, readCorePages } from "./core-pages.ts";
import { coreReading } from "./core-reading.ts";
import { coreStacks, placeGoroutines } from "./core-stacks.ts";
import { layoutSources } from "./layout-sources.ts";
import { FileSource } from "./linux/executable.ts";
import { errnoOf } from "./linux/system-error.ts";
import type { Observation } from "./process.ts";

export interface CoreOptions {
	/** the executable that was dumped; without, the one that the core names, or what the core holds of it */
	readonly executable?: string | undefined;
	/** also walk the goroutines' stacks */
	readonly stacks?: boolean | undefined;
	/** false leaves out which pages are zero, for who wants none of the sizes */
	readonly pages?: boolean | undefined;
	readonly limits?: PageScanLimits | undefined;
}

type Part = Unavailable & { readonly part: string };

/** A core file under observation. It holds one moment, so one reading. Close it. */
export class ObservedCore {
	readonly path: string;
	readonly core: CoreFile;
	readonly program: CoreProgram | undefined;
	readonly memory: CoreMemory;
	readonly #file: FileSource;
	readonly #options: CoreOptions;
	readonly #auxv: { readonly bytes: Uint8Array; readonly parsed: AuxiliaryVector } | undefined;
	readonly #started = performance.now();
	#attached: Attached | undefined;

	private constructor(fields: {
		path: string;
		file: FileSource;
		core: CoreFile;
		memory: CoreMemory;
		program: CoreProgram | undefined;
		auxv: { readonly bytes: Uint8Array; readonly parsed: AuxiliaryVector } | undefined;
		options: CoreOptions;
	}) {
		this.path = fields.path;
		this.core = fields.core;
		this.program = fields.program;
		this.memory = fields.memory;
		this.#file = fields.file;
		this.#auxv = fields.auxv;
		this.#options = fields.options;
	}

	/** A problem where the file is no core, or the executable given is not the one; everything less is in the reading. */
	static open(path: string, options: CoreOptions = {}): ObservedCore | CoreProblem {
		const file = openFile(path);
		if (isUnavailable(file)) return file;
		try {
			const core = parseCore(file);
			const memory = new CoreMemory(piecesOf(core.segments, file));
			const auxv = core.auxv === undefined ? undefined : { bytes: core.auxv, parsed: parseAuxv(core.auxv) };
			const program = findExecutable(core, memory, auxv?.parsed, options.executable);
			if (program !== undefined && isUnavailable(program)) {
				file.close();
				return program;
			}
			if (program?.file !== undefined) memory.add(unchangeablePieces(program));
			return new ObservedCore({ path, file, core, memory, program, auxv, options });
		} catch (error) {
			file.close();
			if (!(error instanceof ParseError)) throw error;
			return {
				code: "core-unreadable",
				unavailable: `${path} is no core that gomem reads: ${error.message}`,
				wouldHelp: "a core of a 64-bit little-endian Linux process, made by the kernel or by gcore",
			};
		}
	}

	/** The runtime, once it was read. */
	get attached(): Attached | undefined {
		return this.#attached;
	}

	async read(): Promise<Observation> {
		const parts: Part[] = [];
		const file = this.#programFile(parts);
		const attached = await this.#attach(file, parts);
		this.#attached = attached;
		const runtime = attached === undefined ? undefined : this.#readRuntime(attached, parts);
		const pages = this.#options.pages === false ? undefined : await this.#pages();
		const mappings = coreMappings({
			core: this.core,
			auxv: this.#auxv?.parsed,
			program: this.program,
			residency: pages?.residency,
		});
		const at = Math.round(statSync(this.path).mtimeMs);
		const stacks = this.#stacks(attached, runtime, pages, at);
		const environment = coreEnvironment(this.memory, this.#auxv);
		if (isUnavailable(environment)) parts.push({ part: "environment", ...environment });
		const reading = coreReading({
			core: this.core,
			auxv: this.#auxv?.parsed,
			at,
			exe: { path: this.program?.path ?? "", deleted: this.program?.deleted ?? false },
			program: programOf(file, attached, this.program),
			...(isUnavailable(environment) ? {} : { environment: environment as Readonly<Record<string, string>> }),
			mappings: mappings.mappings,
			residency: pages?.residency,
			memory: attached?.view.memory,
			evidence: this.#evidence(pages, mappings),
			parts,
			cost: {
				wallMs: performance.now() - this.#started,
				pausedMs: 0,
				bytesRead: this.memory.bytesRead + (pages?.bytesRead ?? 0),
			},
		});
		return { reading, runtime, ...(stacks === undefined ? {} : { stacks }) };
	}

	#programFile(parts: Part[]): ProgramFile | undefined {
		const { program } = this;
		if (program === undefined) {
			parts.push({
				part: "executable",
				unavailable: "the core does not hold the first page of its executable, and none was given",
				wouldHelp: "--exe FILE",
			});
			return undefined;
		}
		if (program.notUsed !== undefined) parts.push({ part: "executable", ...program.notUsed });
		if (!program.verified) {
			parts.push({
				part: "executable",
				unavailable: "nothing in the core tells whether the executable is the one that was dumped: it is believed",
			});
		}
		try {
			const file = identifyProgram(program.elf);
			if (file !== undefined) return file;
			parts.push({ part: "go program", unavailable: "not a Go program: no Go version in it", wouldHelp: "--exe FILE" });
		} catch (error) {
			if (!(error instanceof ParseError)) throw error;
			parts.push({ part: "go program", unavailable: `the executable cannot be read: ${error.message}` });
		}
		return undefined;
	}

	async #attach(file: ProgramFile | undefined, parts: Part[]): Promise<Attached | undefined> {
		if (file === undefined || this.program === undefined) return undefined;
		const { elf, bias } = this.program;
		const sources = layoutSources(elf);
		parts.push(...sources.problems);
		const attached = await attachRuntime(file, bias, this.memory, sources);
		if (!isUnavailable(attached)) {
			parts.push(...attached.problems);
			return withMmapRegistries(attached, elf);
		}
		parts.push({ part: "runtime", ...this.#whyNoRuntime(attached) });
		return undefined;
	}

	/** A layout that does not fit is the likely reason for a process; for a core, what is not in it. */
	#whyNoRuntime(attached: Unavailable): Unavailable {
		if (this.core.cutBytes === 0) return attached;
		return {
			unavailable: `${attached.unavailable}; the core is cut off, so parts of its memory are missing`,
			wouldHelp:
				"a whole core: room on its disk, and a limit (ulimit -c, ProcessSizeMax of systemd-coredump) that lets it pass",
		};
	}

	#readRuntime(attached: Attached, parts: Part[]): RuntimeState | undefined {
		try {
			return readRuntime(attached.view);
		} catch (error) {
			if (!(error instanceof ParseError || error instanceof LayoutError)) throw error;
			parts.push({
				part: "runtime",
				...this.#whyNoRuntime({
					unavailable: `what the core holds of the runtime cannot be decoded: ${error.message}`,
					wouldHelp: "a core with all private anonymous memory: bit 0 of /proc/PID/coredump_filter",
				}),
			});
			return undefined;
		}
	}

	#pages(): Promise<CorePages> {
		return readCorePages(this.core.segments, this.core.source, this.#options.limits ?? PAGE_SCAN_LIMITS);
	}

	/** Running goroutines are put in their places in any case: how much of their stacks is in use depends on it. */
	#stacks(
		attached: Attached | undefined,
		runtime: RuntimeState | undefined,
		pages: CorePages | undefined,
		at: number,
	): Observation["stacks"] {
		const { memory, program } = this;
		const interrupted = runtime === undefined ? undefined : placeGoroutines(runtime, this.core.threads);
		if (this.#options.stacks !== true) return undefined;
		if (attached === undefined || runtime === undefined || program === undefined) {
			return { unavailable: "the Go runtime in this core could not be read" };
		}
		return coreStacks({ attached, runtime, interrupted, memory, program, residency: pages?.residency, at });
	}

	#evidence(pages: CorePages | undefined, mappings: CoreMappings): CoreEvidence {
		const signal = this.core.threads[0]?.signal ?? 0;
		return {
			file: this.path,
			maker: this.core.maker,
			// gdb stops what it dumps, and it goes on
			signal: signal === 0 || this.core.maker === "gdb" ? undefined : signal,
			executable: this.program?.file?.path,
			given: this.#options.executable !== undefined,
			zeroBytes: pages?.zeroBytes ?? 0,
			fileBytesLeftOut: mappings.fileBytesLeftOut,
			anonymousBytesLeftOut: mappings.anonymousBytesLeftOut,
			cutBytes: this.core.cutBytes,
			uncheckedBytes: pages?.uncheckedBytes ?? 0,
		};
	}

	close(): void {
		this.program?.file?.source.close();
		this.#file.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}
}

function openFile(path: string): FileSource | CoreProblem {
	try {
		return new FileSource(openSync(path, "r"));
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return {
			code: "core-unreadable",
			unavailable: `${path} cannot be read (${errno})`,
			wouldHelp: "cores belong to the user of the process: check who may read it",
		};
	}
}

function programOf(
	file: ProgramFile | undefined,
	attached: Attached | undefined,
	program: CoreProgram | undefined,
): Program | undefined {
	if (attached !== undefined) return attached.program;
	return file === undefined ? undefined : describeProgram(file, program?.bias ?? 0, new Map(), "none", undefined);
}
