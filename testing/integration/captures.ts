/** What the tests of captures share. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { operation as capture } from "../../src/api/capture.ts";
import type { GomemError } from "../../src/api/errors.ts";
import type { Artifact } from "../../src/api/operation.ts";
import type { RunOptions } from "../../src/api/run.ts";
import { operation as why } from "../../src/api/why.ts";
import type { WhyResult } from "../../src/api/why-shape.ts";
import { readBundleFile } from "../../src/capture/bundle-file.ts";
import type { Observation } from "../../src/capture/process.ts";
import { nodeCodec } from "../../src/capture/record-codec.ts";
import { type Bundle, writeBundle } from "../../src/evidence/bundle/bundle.ts";
import { isUnavailable } from "../../src/evidence/bundle/unavailable.ts";
import { inflateEntry } from "../../src/evidence/bundle/zip.ts";
import type { RuntimeState } from "../../src/goruntime/runtime-state.ts";
import { documentOf, run } from "../operations.ts";

/** Where the captures of a test file are, until it ends. */
export const folder = mkdtempSync(join(tmpdir(), "gomem-capture-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the operation and writes what it made, as the command line does. */
export async function captured(file: string, input: Record<string, unknown>, options: Partial<RunOptions> = {}) {
	const output = join(folder, file);
	const outcome = await run(capture, input, { output, ...options });
	assert.ok(outcome.kind === "artifact");
	const { bytes, result } = outcome.artifact as Artifact<Record<string, unknown>>;
	writeFileSync(output, Buffer.concat(bytes as Uint8Array[]));
	assert.equal(statSync(output).size, result["bytes"]);
	return { path: output, result };
}

/** The result of `gomem why`. */
export async function whyOf(target: string, input: Record<string, unknown> = {}): Promise<WhyResult> {
	return (await documentOf(why, { target, ...input })) as unknown as WhyResult;
}

/** What must be the same live and replayed. */
export function judged(result: WhyResult) {
	const { lines, runtime, rssBytes, swapBytes, vszBytes, residualBytes, limit, verdict, blur } = result;
	const { lastGcSecondsAgo: _, ...counters } = runtime ?? {};
	const { usedBytes: __, ...bound } = limit;
	return {
		lines,
		counters,
		rssBytes,
		swapBytes,
		vszBytes,
		residualBytes,
		bound,
		code: verdict.code,
		blur: blur.heapBytes,
	};
}

/** The reading but for the memory it stands for. */
export function withoutMemory({ reading }: Observation) {
	const { memory, program, ...rest } = reading;
	assert.ok(memory !== undefined);
	return { ...rest, program: { ...program, settings: { ...program?.settings } } };
}

/** Everything decoded of the runtime; by parts, as the difference of all of it takes long to print. */
export function sameState(is: RuntimeState | undefined, was: RuntimeState | undefined): void {
	assert.equal(is === undefined, was === undefined);
	if (is === undefined || was === undefined) return;
	assert.deepEqual(is.blur, was.blur);
	assert.deepEqual(is.counters, was.counters);
	const { view: _, look: __, ...rest } = was;
	for (const part of Object.keys(rest) as (keyof typeof rest)[])
		assert.ok(isDeepStrictEqual(is[part], was[part]), part);
}

/** The error, which must have this code. */
export async function rejectsWith(promise: Promise<unknown>, code: string): Promise<GomemError> {
	let failure: unknown;
	await promise.catch((error: unknown) => (failure = error));
	assert.equal((failure as GomemError | undefined)?.code, code, String(failure));
	return failure as GomemError;
}

/** Everything in a bundle, inflated, its names included. */
export function contents(path: string): Buffer {
	const bundle = readBundleFile(path);
	assert.ok(!isUnavailable(bundle));
	const parts = [...bundle.files].map(([name, entry]) => inflateEntry(name, entry, nodeCodec));
	return Buffer.concat([readFileSync(path), Buffer.from(JSON.stringify(bundle.manifest)), ...parts]);
}

/** Writes a bundle that a test changed. */
export async function rewritten(file: string, bundle: Bundle): Promise<string> {
	const path = join(folder, file);
	writeFileSync(path, Buffer.concat(await writeBundle(bundle, nodeCodec)));
	return path;
}
