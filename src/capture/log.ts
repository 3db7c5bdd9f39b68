import { createReadStream } from "node:fs";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { standardInput } from "./standard-input.ts";

/** A longer line is cut: what is logged of memory stands nearer to its start. */
const MAX_LINE = 64 << 10;
/** A page (expvar, heap?debug=1, Prometheus) that was saved to a file. */
const MAX_PAGE = 64 << 20;

/** A text is either one page of counters, or lines as they come. */
export type LogText = { readonly page: string } | { readonly lines: AsyncIterable<string> };

/** How the pages begin that are not read line by line. */
const PAGE = /^\s{0,16}(?:heap profile: |# (?:HELP|TYPE) |\{\s*(?:\r?\n|"cmdline"))/;

/**
 * Reads a file, or standard input for "-". Which of the two forms it is, its first bytes say. Lines come one by one, in
 * bounded memory however long the text is. Unavailable where it cannot be opened or a page is larger than 64 MiB.
 */
export async function openLog(path: string, signal: AbortSignal): Promise<LogText | Unavailable> {
	const chunks = decoded(path === "-" ? standardInput().chunks(signal) : fileChunks(path, signal), signal);
	let first: IteratorResult<string>;
	try {
		first = await chunks.next();
	} catch (error) {
		const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
		if (code === undefined) throw error;
		return { unavailable: `${path} cannot be read (${code})` };
	}
	if (first.done === true) return { lines: noLines() };
	if (!PAGE.test(first.value)) return { lines: linesOf(first.value, chunks) };
	let page = first.value;
	for await (const text of chunks) {
		page += text;
		if (page.length > MAX_PAGE) return { unavailable: `${path} is a page of more than ${MAX_PAGE >> 20} MiB` };
	}
	return { page };
}

async function* noLines(): AsyncGenerator<string> {}

function fileChunks(path: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
	const stream = createReadStream(path);
	const stop = () => stream.destroy();
	if (signal.aborted) stop();
	else signal.addEventListener("abort", stop, { once: true });
	return stream as AsyncIterable<Uint8Array>;
}

/** The text; ends early, without an error, where the signal stopped it. */
async function* decoded(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<string> {
	const decoder = new TextDecoder();
	try {
		for await (const chunk of chunks) {
			const text = decoder.decode(chunk, { stream: true });
			if (text !== "") yield text;
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	}
}

async function* linesOf(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
	let pending = "";
	const take = function* (text: string): Generator<string> {
		let at = 0;
		for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
			yield (pending + text.slice(at, end)).slice(0, MAX_LINE);
			pending = "";
			at = end + 1;
		}
		// the rest of a line that is too long already is dropped
		if (pending.length < MAX_LINE) pending += text.slice(at);
	};
	yield* take(first);
	for await (const text of rest) yield* take(text);
	if (pending !== "") yield pending.slice(0, MAX_LINE);
}
