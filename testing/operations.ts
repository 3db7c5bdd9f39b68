import { tmpdir } from "node:os";
import type { Operation } from "../src/api/operation.ts";
import { loadSections } from "../src/api/registry.gen.ts";
import { type Outcome, type ResultDocument, type RunOptions, runOperation } from "../src/api/run.ts";
import { loadSettings } from "../src/api/settings-load.ts";

/** Runs an operation as a surface does, without settings of this machine; results are checked against their schema. */
export async function run(
	operation: Operation,
	input: Readonly<Record<string, unknown>> = {},
	options: Partial<RunOptions> = {},
): Promise<Outcome> {
	const settings =
		options.settings ?? (await loadSettings({ env: {}, cwd: tmpdir(), home: undefined, sections: loadSections }));
	return runOperation(operation, input, {
		signal: new AbortController().signal,
		checkResults: true,
		...options,
		settings,
	});
}

/** The document of a query, a job or an artifact. */
export async function documentOf(
	operation: Operation,
	input: Readonly<Record<string, unknown>> = {},
	options: Partial<RunOptions> = {},
): Promise<ResultDocument> {
	const outcome = await run(operation, input, options);
	if (outcome.kind === "document") return outcome.document;
	if (outcome.kind === "artifact") return outcome.artifact.result;
	throw new TypeError(`${operation.name} gave a stream`);
}
