import type { LookRecord } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import { appendReading, type Bundle, emptyBundle, type NewPart } from "../evidence/bundle/bundle.ts";
import { LookRecorder } from "../evidence/bundle/look-recorder.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import type { CgroupEvidence } from "../evidence/memory-bounds.ts";
import type { Reading } from "../evidence/reading.ts";
import { bundleHead, readingParts } from "../evidence/reading-parts.ts";
import { Redactor } from "../evidence/redaction.ts";
import { parseCommandLine, redactCommandLine } from "../formats/procfs/cmdline.ts";
import { makeLedger } from "../ledger/ledger.ts";
import { readProcBytes } from "./linux/proc-files.ts";
import { type Observation, ObservedProcess } from "./process.ts";
import { heapProfileOfProcess } from "./process-profile.ts";
import { nodeCodec } from "./record-codec.ts";
import { bootDigest, pseudonymOf } from "./record-pseudonyms.ts";
import type { ReadingWitness, WitnessedFile } from "./record-witness.ts";

export interface RecordOptions {
	/** longest stop of the target in milliseconds; undefined reads it while it runs */
	readonly pauseMs?: number | undefined;
	/** keep the names of folders and data files, the command line and all build settings */
	readonly full?: boolean | undefined;
	readonly tool: { readonly name: string; readonly version: string };
	/** told of each reading as it was decoded, which is not kept */
	readonly observed?: (observation: Observation) => void;
}

/** A part of a reading: how large it is, or why there is none. */
export type PartSize = { readonly id: string } & ({ readonly bytes: number } | Unavailable);

/** What one recorded reading was. */
export interface RecordedParts {
	readonly reading: Reading;
	readonly parts: readonly PartSize[];
	readonly redacted: readonly string[];
}

/** A process whose readings go into a bundle. Close it. */
export class RecordedProcess {
	readonly #process: ObservedProcess;
	readonly #witness: Witness;
	readonly #options: RecordOptions;

	private constructor(process: ObservedProcess, witness: Witness, options: RecordOptions) {
		this.#process = process;
		this.#witness = witness;
		this.#options = options;
	}

	/** Unavailable where there is no such process. */
	static async open(pid: number, options: RecordOptions): Promise<RecordedProcess | Unavailable> {
		const witness = new Witness();
		const process = await ObservedProcess.open(pid, { pauseMs: options.pauseMs, stacks: true, witness });
		return isUnavailable(process) ? process : new RecordedProcess(process, witness, options);
	}

	/** Why the process is not the one whose readings the bundle holds; undefined where it is. */
	otherThan(bundle: Bundle): string | undefined {
		const { pid, startTime, bootId, name } = bundle.manifest.target;
		if (bootId !== bootDigest()) return "it holds a process of another machine, or of this one before it was booted";
		if (pid === this.#process.pid && startTime === this.#process.startTime) return undefined;
		return `it holds process ${String(pid)} (${String(name)})${pid === this.#process.pid ? ", an earlier one of that number" : ""}`;
	}

	/**
	 * Takes a reading and adds it to the bundle, or to a new one. Throws ProcessEnded where the process ended meanwhile.
	 * What is recorded is what decoders asked for, the ledger's among them: it is made here once for that.
	 */
	async record(bundle: Bundle | undefined): Promise<{ readonly bundle: Bundle } & RecordedParts> {
		const exe = this.#process.exe?.path ?? "";
		const redactor = this.#options.full === true ? undefined : new Redactor(pseudonymOf, exe);
		const { reading, stacks, witnessed } = await this.#read();
		// a moment later, and not by the witness: its buckets are no part of what other decoders ask for
		const heap = reading.program === undefined ? undefined : heapProfileOfProcess(this.#process);
		const evidence = {
			reading,
			stat: witnessed.files.get("stat") ?? new Uint8Array(0),
			status: witnessed.files.get("status") ?? new Uint8Array(0),
			smaps: witnessed.files.get("smaps"),
			cgroup: witnessed.cgroup,
			memory: witnessed.runtime ? memoryPieces(witnessed.looks) : undefined,
			stacks,
			heapProfile: heap === undefined || isUnavailable(heap) ? heap : heap.profile,
			commandLine: this.#options.full === true ? commandLine(this.#process.pid) : undefined,
		};
		const head = bundle ?? emptyBundle(bundleHead(reading, this.#options.tool, bootDigest(), redactor));
		const recorded = readingParts(evidence, redactor);
		return {
			bundle: await appendReading(head, recorded, nodeCodec),
			reading,
			parts: recorded.parts.map(sizeOf),
			redacted: redactor?.replaced ?? [],
		};
	}

	/** What was decoded is not handed on: the columns of a large heap take as much as all that was recorded. */
	async #read(): Promise<{ reading: Reading; stacks: Observation["stacks"]; witnessed: Witnessed }> {
		const witnessed = this.#witness.begin();
		const observation = await this.#process.read();
		const { reading, runtime, stacks } = observation;
		this.#witness.onlyHeaders();
		makeLedger(reading, runtime);
		this.#options.observed?.(observation);
		this.#witness.end();
		witnessed.runtime = runtime !== undefined;
		return { reading, stacks, witnessed };
	}

	close(): void {
		this.#process.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}
}

function sizeOf(part: NewPart): PartSize {
	if (!("content" in part)) return part;
	const pieces = part.content instanceof Uint8Array ? [part.content] : part.content;
	return { id: part.id, bytes: pieces.reduce((n, piece) => n + piece.length, 0) };
}

function memoryPieces(looks: LookRecorder): readonly Uint8Array[] | Unavailable {
	if (!looks.overflowed) return looks.pieces();
	return {
		unavailable: "the runtime's tables are larger than what a capture holds",
		wouldHelp: "`gomem why PID` on the live process",
	};
}

/** NUL-separated as in /proc, values that look like secrets replaced all the same: nobody needs them to find memory. */
function commandLine(pid: number): Uint8Array | undefined {
	const bytes = readProcBytes(pid, "cmdline");
	if (isUnavailable(bytes)) return undefined;
	return new TextEncoder().encode(redactCommandLine(parseCommandLine(bytes)).join("\0"));
}

interface Witnessed {
	readonly files: Map<WitnessedFile, Uint8Array>;
	readonly looks: LookRecorder;
	cgroup: CgroupEvidence | undefined;
	/** whether the runtime could be decoded */
	runtime: boolean;
}

/** Keeps what one reading is made of. Between readings (while the runtime is looked for) it is told things in vain. */
class Witness implements ReadingWitness {
	#current: Witnessed | undefined;
	#headers = false;

	begin(): Witnessed {
		this.#headers = false;
		this.#current = { files: new Map(), looks: new LookRecorder(), cgroup: undefined, runtime: false };
		return this.#current;
	}

	/**
	 * From here on new looks are those of the ledger, which tries whether a mapping begins with the header of a malloc
	 * chunk. A mapping that does not holds something of the program's, which is not to be kept; left out, it is no header
	 * in the replay either.
	 */
	onlyHeaders(): void {
		this.#headers = true;
	}

	end(): void {
		this.#current = undefined;
	}

	file(name: WitnessedFile, content: Uint8Array): void {
		this.#current?.files.set(name, content);
	}

	cgroup(cgroup: CgroupEvidence): void {
		if (this.#current !== undefined) this.#current.cgroup = cgroup;
	}

	look(): LookRecord | undefined {
		const current = this.#current;
		if (current === undefined) return undefined;
		const look = current.looks.look();
		const headers = this.#headers;
		return {
			read: (address, bytes, from, to) => {
				if (this.#current !== current || (headers && !isChunkHeader(bytes, from, to))) return;
				look.read(address, bytes, from, to);
			},
			miss: (address) => look.miss(address),
			recall: (address, into) => look.recall(address, into),
		};
	}
}

/** prev_size 0 and a size of whole pages with IS_MMAPPED alone (glibc malloc.c: sysmalloc_mmap). */
function isChunkHeader(bytes: Uint8Array, from: number, to: number): boolean {
	if (to - from !== 16) return false;
	const view = new DataView(bytes.buffer, bytes.byteOffset + from, 16);
	const size = word(view, 8) - 2;
	return word(view, 0) === 0 && size >= 4096 && size % 4096 === 0;
}
