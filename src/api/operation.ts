import { type Static, type TObject, type TProperties, Type } from "typebox";
import { Duration } from "./operation-values.ts";
import { type Effect, effects, type Group, type Kind, type TargetUse } from "./operation-words.ts";
import type { Settings } from "./settings-load.ts";

export * from "./operation-values.ts";
export * from "./operation-words.ts";

export interface Clock {
	/** milliseconds since the epoch */
	now(): number;
	/** milliseconds since an arbitrary moment, never going back */
	monotonic(): number;
	/** resolves after so many milliseconds, or as soon as the signal aborts (it never rejects) */
	sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface Progress {
	readonly what: string;
	readonly done: number;
	/** where it is known */
	readonly total?: number;
}

/** How often to read, and for how long (milliseconds): `--every` and `--for`. */
export interface Pace {
	readonly everyMs: number;
	readonly forMs?: number;
}

export interface OperationContext {
	/** aborted on Ctrl-C, when the client went away, and at the end of `--for` */
	readonly signal: AbortSignal;
	/** one line to the user that is not part of the result */
	warn(message: string): void;
	progress(progress: Progress): void;
	readonly settings: Settings;
	readonly clock: Clock;
	/** how often the user wants readings; always there in `watch` and in a stream */
	readonly pace: Pace;
	/** the file of -o, "-" for standard output: an artifact may have to know it; absent where the surface has none */
	readonly output?: string;
}

/** Bytes that an operation made, and the document that describes them. */
export interface Artifact<R> {
	readonly mediaType: string;
	/** the name of the file where the user gives none */
	readonly fileName: string;
	readonly bytes: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
	/** a file that the user named and that is there: replaced, where this is absent; `keep` makes it an error */
	readonly existing?: "keep" | "replace";
	/**
	 * Where the bytes go when the user names no file: absent, to `fileName`; `always`, to standard output, as they are text;
	 * `unless-terminal`, there too if it is a pipe or a file.
	 */
	readonly standardOutput?: "always" | "unless-terminal";
	readonly result: R;
}

/** What the handler receives: the declared input, with units converted and defaults filled, and the target. */
export type Input<I extends TObject, T extends TargetUse> = Static<I> &
	(T extends "required" ? { target: string } : T extends "optional" ? { target?: string } : unknown);

type Runs<K extends Kind, In, Out> = K extends "stream"
	? { run(ctx: OperationContext, input: In): AsyncIterable<Out> }
	: K extends "artifact"
		? { run(ctx: OperationContext, input: In): Promise<Artifact<Out>> }
		: {
				run(ctx: OperationContext, input: In): Promise<Out>;
				/**
				 * Readings, one after another, when the user says --every or --watch; without it the operation takes neither.
				 * Where a reading needs nothing of the one before: `watch: (ctx, input) => repeat(ctx, () => run(ctx, input))`.
				 */
				watch?(ctx: OperationContext, input: In): AsyncIterable<Out>;
			};

interface Described<K extends Kind, T extends TargetUse, I extends TObject, R extends TObject> {
	/** the words after `gomem`; a verb of a group has two: "tune predict" is in tune-predict.ts */
	readonly name: string;
	/** one line, no full stop, below 70 characters */
	readonly summary: string;
	/** more for `gomem NAME --help`, if a summary is not enough */
	readonly description?: string;
	readonly group: Group;
	readonly kind: K;
	/** what it does without any flag; a flag's own effect is annotated in the input */
	readonly effect: Effect;
	readonly target: T;
	/** flags, query parameters and tool arguments derive from it; descriptions are required */
	readonly input: I;
	/** the published schema of the result, without `schema`, which is added in one place */
	readonly result: R;
	readonly examples: readonly { readonly command: string; readonly says: string }[];
	/** true where the result reports findings: exit code 1 of the CLI. Only check, lint and alerts have it. */
	readonly findings?: (result: Static<R>) => boolean;
	/** the pace of --watch, and of a stream without --every; default 2 s */
	readonly defaultEvery?: string;
}

export type OperationDefinition<K extends Kind, T extends TargetUse, I extends TObject, R extends TObject> = Described<
	K,
	T,
	I,
	R
> &
	Runs<K, Input<I, T>, Static<R>> & { readonly target: T };

/** An operation as the surfaces see it: any input, any result. */
export interface Operation extends Omit<Described<Kind, TargetUse, TObject, TObject>, "findings"> {
	/** the name in schemas and file names: "tune-predict" */
	readonly id: string;
	readonly findings?: (result: Result) => boolean;
	run(ctx: OperationContext, input: unknown): Promise<unknown> | AsyncIterable<unknown>;
	watch?(ctx: OperationContext, input: unknown): AsyncIterable<unknown>;
}

export type Result = Readonly<Record<string, unknown>>;

/** A definition, and what it amounts to for a surface: `input` with the target and the pace in it. */
export type DefinedOperation<K extends Kind, T extends TargetUse, I extends TObject, R extends TObject> = Operation & {
	/** the definition as written, typed: for tests and for operations that build on another */
	readonly definition: OperationDefinition<K, T, I, R>;
};

/** The result type of an operation: `type WhyResult = ResultOf<typeof operation>`. */
export type ResultOf<O> = O extends DefinedOperation<infer _K, infer _T, infer _I, infer R> ? Static<R> : never;
export type InputOf<O> = O extends DefinedOperation<infer _K, infer T, infer I, infer _R> ? Input<I, T> : never;

const TARGET =
	"pid; name, container, pod, unit or :port of a process here; file (core, bundle, profile, trace, log); URL; or -";

/** Declares an operation: the one value that a file of src/api exports as `operation`. */
export function defineOperation<const K extends Kind, const T extends TargetUse, I extends TObject, R extends TObject>(
	definition: OperationDefinition<K, T, I, R>,
): DefinedOperation<K, T, I, R> {
	const { input, ...rest } = definition as unknown as OperationDefinition<"query", T, TObject, TObject>;
	const paced = definition.kind === "stream" || "watch" in definition;
	const reserved = ["target", ...(paced ? ["every", "for", "watch"] : [])].find((name) => name in input.properties);
	if (reserved !== undefined) throw new TypeError(`${definition.name}: the input "${reserved}" is added by the frame`);
	if (!effects.includes(definition.effect)) throw new TypeError(`${definition.name}: effect ${definition.effect}`);
	const whole = {
		...targetInput(definition.target),
		...input.properties,
		...(paced && paceInput(definition.kind, definition.defaultEvery ?? "2s")),
	};
	return {
		...(rest as unknown as Operation),
		id: definition.name.replaceAll(" ", "-"),
		input: Type.Object(whole, { additionalProperties: false }),
		definition,
	};
}

function targetInput(use: TargetUse): TProperties {
	if (use === "none") return {};
	const target = Type.String({ description: TARGET, positional: true, minLength: 1 });
	return { target: use === "required" ? target : Type.Optional(target) };
}

function paceInput(kind: Kind, every: string): TProperties {
	const again =
		kind === "stream" ? {} : { watch: Type.Boolean({ description: `the same as --every ${every}`, default: false }) };
	return {
		every: Type.Optional(Duration({ description: "take a reading this often (100ms at least), until stopped" })),
		for: Type.Optional(Duration({ description: "stop after this long" })),
		...again,
	};
}

/** Yields at once and then at every beat of the pace until the context's signal aborts. Beats that were missed are skipped. */
export async function* beats(ctx: OperationContext): AsyncGenerator<number> {
	const start = ctx.clock.monotonic();
	for (let beat = 0; !ctx.signal.aborted; ) {
		yield beat;
		const elapsed = ctx.clock.monotonic() - start;
		beat = Math.max(beat + 1, Math.ceil(elapsed / ctx.pace.everyMs));
		await ctx.clock.sleep(start + beat * ctx.pace.everyMs - ctx.clock.monotonic(), ctx.signal);
	}
}

/** One reading per beat, each on its own. A reading that the signal cut short is dropped. */
export async function* repeat<R>(ctx: OperationContext, reading: () => Promise<R>): AsyncGenerator<R> {
	for await (const _ of beats(ctx)) yield await reading();
}
