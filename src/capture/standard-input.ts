import type { Readable } from "node:stream";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";

/** A capture that comes through a pipe is kept in memory. `gomem capture` ends one of its own at half of this. */
export const MAX_PIPED_BYTES = 2 ** 30;

/** e_type, by which a core is told, ends here (System V ABI, ELF header). */
const ELF_TYPE_END = 18;
/** The first bytes of ELF and of what is packed with zstd, LZ4, xz and gzip. */
const LONGER: ReadonlySet<number> = new Set([0x7f, 0x28, 0x04, 0xfd, 0x1f]);
const ZIP = 0x50;

/**
 * A stream that can be read but once. What was taken of it, to see what it is, comes first again for whoever reads it.
 * Whoever does not read it to its end closes it: a pipe that may still bring something keeps gomem alive.
 */
export class PipedInput {
	readonly #stream: Readable;
	readonly #rest: AsyncIterator<Uint8Array>;
	#head: Uint8Array = new Uint8Array(0);
	#whole: Uint8Array | undefined;

	constructor(stream: Readable) {
		this.#stream = stream;
		this.#rest = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
	}

	/**
	 * The first bytes: as many as tell what it is, or more, if they came at once. A line of a log is not waited for to be
	 * longer. Throws what the system says, and the signal's reason.
	 */
	async head(signal?: AbortSignal): Promise<Uint8Array> {
		if (this.#whole !== undefined) return this.#whole;
		const listening = this.#closedBy(signal);
		try {
			while (this.#head.length < telling(this.#head)) {
				const { value, done } = await this.#rest.next();
				if (done === true) break;
				this.#head = Buffer.concat([this.#head, value]);
			}
		} catch (error) {
			if (signal?.aborted !== true) throw error;
		} finally {
			listening.stop();
		}
		signal?.throwIfAborted();
		return this.#head;
	}

	/** All there is, as it comes; ends early, without an error, where the signal stops it. Once only. */
	async *chunks(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
		const listening = this.#closedBy(signal);
		try {
			const head = this.#head;
			this.#head = new Uint8Array(0);
			if (head.length > 0) yield head;
			yield* { [Symbol.asyncIterator]: () => this.#rest };
		} catch (error) {
			if (signal?.aborted !== true) throw error;
		} finally {
			listening.stop();
			this.close();
		}
	}

	/** Reads it to its end, and keeps it for `whole`. Unavailable beyond the limit. */
	async readWhole(limit: number, signal?: AbortSignal): Promise<Uint8Array | Unavailable> {
		if (this.#whole !== undefined) return this.#whole;
		const chunks: Uint8Array[] = [];
		let bytes = 0;
		for await (const chunk of this.chunks(signal)) {
			bytes += chunk.length;
			if (bytes > limit) return { unavailable: `standard input holds more than ${limit / 2 ** 20} MiB` };
			chunks.push(chunk);
		}
		signal?.throwIfAborted();
		this.#whole = Buffer.concat(chunks);
		return this.#whole;
	}

	/** What `readWhole` read. */
	get whole(): Uint8Array {
		if (this.#whole === undefined) throw new Error("standard input was not read");
		return this.#whole;
	}

	close(): void {
		this.#stream.destroy();
	}

	#closedBy(signal: AbortSignal | undefined): { stop(): void } {
		const close = () => this.close();
		if (signal?.aborted === true) close();
		signal?.addEventListener("abort", close, { once: true });
		return { stop: () => signal?.removeEventListener("abort", close) };
	}
}

/** How many bytes it takes to tell what begins like this. */
function telling(head: Uint8Array): number {
	const [first] = head;
	if (first === undefined) return 1;
	if (first === ZIP) return 2;
	return LONGER.has(first) ? ELF_TYPE_END : 1;
}

let input: PipedInput | undefined;

/** The one of this process. */
export function standardInput(): PipedInput {
	input ??= new PipedInput(process.stdin);
	return input;
}
