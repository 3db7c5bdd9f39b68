import { Type } from "typebox";
import { executableInput } from "./core-input.ts";
import { GomemError } from "./errors.ts";
import { figuresOf } from "./memstats-figures.ts";
import { type LogSource, openLogSource } from "./memstats-log.ts";
import { openProcess, takenFromObservation } from "./memstats-process.ts";
import type { MemStatsSource, Taken } from "./memstats-reading.ts";
import { MemStatsHistory } from "./memstats-series.ts";
import {
	type FieldName,
	fieldNames,
	MemStatsDocument,
	type MemStatsFields,
	type MemStatsResult,
	unitsOf,
	type View,
} from "./memstats-shape.ts";
import { observe, refuseExecutable, settled, targetOf } from "./observe.ts";
import { beats, defineOperation, type OperationContext, pauseInput } from "./operation.ts";
import { headerInput, timeoutInput } from "./url-input.ts";

interface Flags {
	readonly target: string;
	readonly fields?: string;
	readonly all: boolean;
	readonly csv: boolean;
	readonly pause?: number;
	readonly exe?: string;
	readonly header: readonly string[];
	readonly timeout: number;
}

export const operation = defineOperation({
	name: "memstats",
	summary: "runtime.MemStats of any running Go process, URL or log",
	description:
		"Every field of runtime.MemStats, read from outside without a line of code in the program, from its core, or from expvar, pprof, " +
		"Prometheus or a log. With --every it says what rises, and how fast.",
	group: "Where memory is",
	kind: "query",
	effect: "read",
	target: "required",
	input: Type.Object({
		fields: Type.Optional(Type.String({ description: "only these fields: HeapAlloc,Sys,NumGC", placeholder: "a,b" })),
		all: Type.Boolean({ description: "the lists too: pauses, size classes; every row of a log", default: false }),
		csv: Type.Boolean({ description: "print CSV, a line per reading", default: false }),
		pause: pauseInput,
		exe: executableInput,
		header: headerInput,
		timeout: timeoutInput,
	}),
	result: MemStatsDocument,
	examples: [
		{ command: "gomem memstats 4242", says: "all figures, with what they mean" },
		{ command: "gomem memstats 4242 --every 5s --for 2m", says: "a row per reading, and slopes at the end" },
		{
			command: "gomem memstats http://localhost:6060",
			says: "from /debug/vars, /debug/pprof/heap or /metrics, whichever is there",
		},
		{ command: "gomem memstats core.4242", says: "of a process that died, from its core" },
		{ command: "gomem memstats app.log", says: "what a program logged of itself, as a table with slopes" },
		{ command: "gomem memstats :8080 --json", says: "Go's own field names and plain numbers, for a script" },
	],
	async run(ctx, input) {
		const flags = input as Flags;
		const wanted = wantedFields(flags.fields);
		const source = await open(ctx, flags);
		try {
			const history = new MemStatsHistory(wanted);
			for (;;) {
				const taken = await source.next();
				if (taken !== undefined) history.add(taken);
				if (taken === undefined || source.live) break;
			}
			const last = history.last;
			if (last === undefined) throw noReading(flags.target);
			const several = history.readings > 1;
			const rows = history.rows();
			if (several && flags.csv && rows.length < history.readings) {
				ctx.warn(`${rows.length} of ${history.readings} readings, evenly spread; --watch --csv prints all`);
			}
			return {
				...document(last, wanted, viewOf(flags, wanted)),
				...seriesPart(history, skippedOf(source)),
				...(several ? { _readings: rows } : {}),
			};
		} finally {
			source.close();
		}
	},
	async *watch(ctx, input) {
		const flags = input as Flags;
		const wanted = wantedFields(flags.fields);
		const source = await open(ctx, flags);
		try {
			const history = new MemStatsHistory(wanted);
			const readings = source.live ? livePace(ctx, source) : written(source);
			for await (const { taken, more } of readings) {
				history.add(taken);
				const series = more ? {} : seriesPart(history, skippedOf(source));
				yield { ...document(taken, wanted, viewOf(flags, wanted)), ...series };
			}
			if (history.readings === 0 && !ctx.signal.aborted) throw noReading(flags.target);
		} finally {
			source.close();
		}
	},
});

interface Next {
	readonly taken: Taken;
	/** another reading is at hand already: what they say together can wait for it */
	readonly more: boolean;
}

async function* livePace(ctx: OperationContext, source: MemStatsSource): AsyncGenerator<Next> {
	for await (const _ of beats(ctx)) {
		const taken = await source.next();
		if (taken === undefined) return;
		yield { taken, more: false };
	}
}

/** How long standard input may pause before the slopes so far are worked out. */
const PAUSE_MS = 50;

/** Readings that were written down: as fast as they come, and slopes only where they pause or end. */
async function* written(source: MemStatsSource): AsyncGenerator<Next> {
	for (let coming = source.next(); ; ) {
		const taken = await coming;
		if (taken === undefined) return;
		coming = source.next();
		yield { taken, more: await within(coming, PAUSE_MS) };
	}
}

/** Whether a reading comes within so many milliseconds. */
async function within(coming: Promise<Taken | undefined>, milliseconds: number): Promise<boolean> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<undefined>((resolve) => {
		timer = setTimeout(() => resolve(undefined), milliseconds);
	});
	try {
		return (await Promise.race([coming, late])) !== undefined;
	} finally {
		clearTimeout(timer);
	}
}

async function open(ctx: OperationContext, flags: Flags): Promise<MemStatsSource> {
	const target = await settled(targetOf(flags.target), ctx.signal);
	if (target.kind !== "core") refuseExecutable(flags.exe);
	if (target.kind === "url") return (await import("./memstats-url.ts")).openUrl(ctx, target.url, flags);
	if (target.kind === "log") return openLogSource(target.path, ctx.signal);
	if (target.kind === "process") return openProcess(flags.target, target.pid, flags.pause);
	const observed = await observe(target, { exe: flags.exe, pages: false });
	return {
		live: false,
		close: () => observed.close(),
		async next() {
			const observation = await observed.next();
			return observation === undefined ? undefined : takenFromObservation(flags.target, observation);
		},
	};
}

function skippedOf(source: MemStatsSource): number | undefined {
	return "skipped" in source ? (source as LogSource).skipped : undefined;
}

function document(taken: Taken, wanted: readonly FieldName[] | undefined, view: View): MemStatsResult {
	const fields: MemStatsFields =
		wanted === undefined
			? taken.fields
			: Object.fromEntries(
					wanted.flatMap((name) => (taken.fields[name] === undefined ? [] : [[name, taken.fields[name]]])),
				);
	return {
		_meta: {
			...taken.meta,
			...(taken.at === undefined ? {} : { at: new Date(taken.at).toISOString() }),
			units: unitsOf(fields),
		},
		...fields,
		_figures: figuresOf(taken),
		...(taken.pacer === undefined ? {} : { _pacer: taken.pacer }),
		_view: view,
	};
}

function seriesPart(history: MemStatsHistory, skipped: number | undefined): Pick<MemStatsResult, "_series"> | object {
	const series = history.series(skipped);
	return series === undefined ? {} : { _series: series };
}

function viewOf(flags: Flags, wanted: readonly FieldName[] | undefined): View {
	return {
		form: flags.csv ? "csv" : "table",
		all: flags.all,
		...(wanted === undefined ? {} : { fields: [...wanted] }),
	};
}

/** The fields of `--fields`, in the order given; case does not matter. Throws GomemError for one that is none. */
function wantedFields(text: string | undefined): readonly FieldName[] | undefined {
	if (text === undefined) return undefined;
	const names = text.split(",").map((name) => name.trim());
	return names
		.filter((name) => name !== "")
		.map((name) => {
			const field = fieldNames.find((one) => one.toLowerCase() === name.toLowerCase());
			if (field !== undefined) return field;
			const near = fieldNames.filter((one) => one.toLowerCase().includes(name.toLowerCase()));
			throw new GomemError({
				code: "invalid-input",
				message: `--fields: MemStats has no ${name}`,
				hint: near.length > 0 ? `did you mean ${near.join(", ")}?` : `its fields are ${fieldNames.join(", ")}`,
			});
		});
}

function noReading(target: string): GomemError {
	return new GomemError({
		code: "no-memstats",
		message: `${target === "-" ? "standard input" : target} holds no reading of MemStats`,
		why: "lines such as `Alloc = 12 MiB`, `heap_alloc=12345` or JSON with those names are read",
		hint: "a pid, a URL, a capture, or a saved /debug/vars, /metrics or heap?debug=1 page serves too",
	});
}
