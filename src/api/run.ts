import { Value } from "typebox/value";
import { GomemError } from "./errors.ts";
import { procFailure } from "./no-proc.ts";
import type { Artifact, Clock, Effect, Operation, OperationContext, Pace, Progress, Result } from "./operation.ts";
import { effects, effectWords, parseDuration } from "./operation.ts";
import { convert, type Naming, propertiesOf } from "./schema.ts";
import type { Settings } from "./settings-load.ts";

export interface RunOptions {
	readonly settings: Settings;
	readonly signal: AbortSignal;
	readonly clock?: Clock;
	readonly warn?: (message: string) => void;
	readonly progress?: (progress: Progress) => void;
	/** the effects that this surface permits; absent: all */
	readonly allow?: readonly Effect[];
	/** the file that an artifact goes to, where the user named one */
	readonly output?: string;
	/** how this surface calls an input, in messages */
	readonly naming?: Naming;
	/** check results against the published schema: tests and development, as it costs time */
	readonly checkResults?: boolean;
}

/** A result with its schema as first key: `{ schema: "gomem.why/1", … }`. */
export type ResultDocument = Result & { readonly schema: string };

export type Outcome =
	| { readonly kind: "document"; readonly document: ResultDocument }
	| { readonly kind: "documents"; readonly documents: AsyncIterable<ResultDocument> }
	| { readonly kind: "artifact"; readonly artifact: Artifact<ResultDocument> };

/**
 * Runs an operation: the one place that validates, converts and fills in the input, for every surface. Throws GomemError
 * (`invalid-input`, `effect-not-allowed`, or the operation's own); what else escapes is a bug or an AbortError.
 */
export async function runOperation(
	operation: Operation,
	raw: Readonly<Record<string, unknown>>,
	options: RunOptions,
): Promise<Outcome> {
	const input = prepare(operation, raw, options);
	const { every, for: forMs, watch, ...own } = input as Record<string, unknown>;
	const forGiven = typeof forMs === "number" ? forMs : undefined;
	const everyGiven = typeof every === "number" ? every : undefined;
	if (everyGiven !== undefined && everyGiven < LEAST_EVERY_MS) throw tooOften(options.naming);
	const pace: Pace = {
		everyMs: everyGiven ?? parseDuration(operation.defaultEvery ?? "2s") ?? 2000,
		...(forGiven !== undefined && { forMs: forGiven }),
	};
	const again = every !== undefined || forGiven !== undefined || watch === true;
	const streams = operation.kind === "stream" || (operation.watch !== undefined && again);
	const handed = isPaced(operation) ? own : input;
	if (streams) return { kind: "documents", documents: stream(operation, handed, pace, options) };
	const result = await runOnce(operation, context(options, pace, options.signal), handed);
	if (operation.kind === "artifact") {
		const artifact = result as Artifact<Result>;
		return { kind: "artifact", artifact: { ...artifact, result: asDocument(operation, artifact.result, options) } };
	}
	return { kind: "document", document: asDocument(operation, result as Result, options) };
}

/** A reading takes tens of milliseconds: more often, the process would be read without a pause. */
const LEAST_EVERY_MS = 100;

function tooOften(naming: Naming = (name) => name): GomemError {
	return new GomemError({
		code: "invalid-input",
		message: `${naming("every")} is too short: readings are at least ${LEAST_EVERY_MS}ms apart`,
		hint: `${naming("every")} ${LEAST_EVERY_MS}ms, or a longer time such as 5s`,
	});
}

async function runOnce(operation: Operation, ctx: OperationContext, input: unknown): Promise<unknown> {
	try {
		return await operation.run(ctx, input);
	} catch (error) {
		throw procFailure(error);
	}
}

/** The input as the handler receives it. Throws GomemError `invalid-input` or `effect-not-allowed`. */
export function prepare(
	operation: Operation,
	raw: Readonly<Record<string, unknown>>,
	options: Pick<RunOptions, "settings" | "allow" | "naming">,
): unknown {
	const values: Record<string, unknown> = { ...raw };
	for (const [name, schema] of propertiesOf(operation.input)) {
		if (values[name] === undefined && schema.setting !== undefined) {
			values[name] = options.settings.given(schema.setting);
		}
	}
	const naming = options.naming ?? ((name) => name);
	const input = convert(operation.input, values, "invalid-input", naming) as Record<string, unknown>;
	const allow = options.allow ?? effects;
	const refused = effectsOf(operation, input).find((effect) => !allow.includes(effect));
	if (refused !== undefined) {
		throw new GomemError({
			code: "effect-not-allowed",
			message: `${operation.name} is not allowed here: ${effectWords[refused]}`,
			hint: `run it with the command line: gomem ${operation.name}`,
		});
	}
	return input;
}

/** What this input makes the operation do: its own effect, and that of each flag which is given. */
export function effectsOf(operation: Operation, input: Readonly<Record<string, unknown>>): readonly Effect[] {
	const found = new Set<Effect>([operation.effect]);
	for (const [name, schema] of propertiesOf(operation.input)) {
		if (schema.effect !== undefined && input[name] !== undefined && input[name] !== false) found.add(schema.effect);
	}
	return effects.filter((effect) => found.has(effect));
}

export function isPaced(operation: Operation): boolean {
	return operation.kind === "stream" || operation.watch !== undefined;
}

async function* stream(
	operation: Operation,
	input: unknown,
	pace: Pace,
	options: RunOptions,
): AsyncGenerator<ResultDocument> {
	const ending = new AbortController();
	const signal = AbortSignal.any([options.signal, ending.signal]);
	const timer = pace.forMs === undefined ? undefined : setTimeout(() => ending.abort(), pace.forMs);
	const ctx = context(options, pace, signal);
	try {
		const results = operation.kind === "stream" ? operation.run(ctx, input) : operation.watch?.(ctx, input);
		for await (const result of results as AsyncIterable<Result>) yield asDocument(operation, result, options);
	} catch (error) {
		// Ctrl-C and the end of --for are how a stream ends, not failures; a reading that was under way is dropped
		if (!signal.aborted) throw procFailure(error);
	} finally {
		clearTimeout(timer);
		ending.abort();
	}
}

function context(options: RunOptions, pace: Pace, signal: AbortSignal): OperationContext {
	return {
		signal,
		warn: options.warn ?? (() => {}),
		progress: options.progress ?? (() => {}),
		settings: options.settings,
		clock: options.clock ?? systemClock,
		pace,
		...(options.output !== undefined && { output: options.output }),
	};
}

function asDocument(operation: Operation, result: Result, options: RunOptions): ResultDocument {
	if (options.checkResults === true && !Value.Check(operation.result, result)) {
		const first = Value.Errors(operation.result, result)[0];
		throw new TypeError(`${operation.name}: the result breaks its schema: ${first?.instancePath} ${first?.message}`);
	}
	return { schema: `gomem.${operation.id}/1`, ...result };
}

export const systemClock: Clock = {
	now: () => Date.now(),
	monotonic: () => performance.now(),
	sleep: (milliseconds, signal) =>
		new Promise((resolve) => {
			if (signal.aborted || milliseconds <= 0) return void setImmediate(resolve);
			const done = () => {
				clearTimeout(timer);
				signal.removeEventListener("abort", done);
				resolve();
			};
			const timer = setTimeout(done, milliseconds);
			signal.addEventListener("abort", done);
		}),
};
