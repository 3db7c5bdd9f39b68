import { lineKind } from "../ledger/lines.ts";
import { GomemError } from "./errors.ts";
import { figuresOf } from "./memstats-figures.ts";
import { numberOf, type Taken } from "./memstats-reading.ts";
import type { FieldName } from "./memstats-shape.ts";
import type { Obtained } from "./url-input.ts";

type Line = Obtained["lines"][number];

/** The parts of Sys (mstats.go: Sys is the sum of the …Sys fields, HeapSys is HeapInuse + HeapIdle). Throws GomemError where one is missing. */
export function obtainedOf(taken: Taken): Obtained {
	const of = (name: FieldName) => need(taken, name);
	const { liveBytes, liveFrom } = figuresOf(taken);
	const alloc = of("HeapAlloc");
	const line = (id: string, size: number, what: string, source: string): Line => ({
		id,
		bytes: size,
		what,
		source: `MemStats: ${source}`,
	});
	// an estimate of the live heap above HeapAlloc tells nothing
	const objects =
		liveBytes === undefined || liveBytes > alloc
			? [line("heap.objects", alloc, "objects: live ones, and garbage not yet swept", "HeapAlloc")]
			: [
					line("heap.live", liveBytes, "objects live at the last GC (at most)", `${liveFrom}`),
					line("heap.new", alloc - liveBytes, "objects allocated since, or dead (at least)", "HeapAlloc − live"),
				];
	const lines = [
		...objects,
		line("heap.free-slots", of("HeapInuse") - alloc, lineKind("heap.free-slots").what, "HeapInuse − HeapAlloc"),
		line("heap.idle", of("HeapIdle") - of("HeapReleased"), lineKind("heap.idle").what, "HeapIdle − HeapReleased"),
		line("heap.released", of("HeapReleased"), "returned to the OS: address space only", "HeapReleased"),
		line("stacks", of("StackSys"), "goroutine stacks", "StackSys"),
		line(
			"runtime.metadata",
			of("MSpanSys") + of("MCacheSys") + of("GCSys"),
			"spans, caches, mark bits and arenas",
			"MSpanSys + MCacheSys + GCSys",
		),
		line("runtime.profiling", of("BuckHashSys"), "profiling tables", "BuckHashSys"),
		line("runtime.other", of("OtherSys"), "other runtime memory", "OtherSys"),
	];
	return {
		source: `${taken.meta.target}: ${taken.meta.how}`,
		sysBytes: of("Sys"),
		backedBytes: of("Sys") - of("HeapReleased"),
		lines,
	};
}

function need({ fields, meta }: Taken, name: FieldName): number {
	const value = numberOf(fields[name] as number | string | undefined);
	if (value !== undefined) return value;
	throw new GomemError({
		code: "url-without-memstats",
		message: `${meta.target} has no ${name}, without which Sys cannot be split`,
		hint: "`gomem memstats URL` shows what is there; /debug/vars and heap?debug=1 have all",
	});
}
