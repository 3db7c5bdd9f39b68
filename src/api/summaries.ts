import type { Static } from "typebox";
import type { Reading } from "../evidence/reading.ts";
import type { ProcessSummary } from "./shapes.ts";

/** What a summary takes of a reading. */
type Summarised = Pick<
	Reading,
	"pid" | "at" | "core" | "exe" | "exeDeleted" | "stat" | "container" | "environment" | "program"
> & {
	readonly host: Pick<Reading["host"], "bootTime" | "ticksPerSecond">;
};

/** The process of a reading as results show it. */
export function processSummary(reading: Summarised): Static<typeof ProcessSummary> {
	const { program, environment, stat } = reading;
	const gogc = environment?.["GOGC"];
	const limit = environment?.["GOMEMLIMIT"];
	return {
		pid: reading.pid,
		name: stat.comm,
		...(program === undefined ? {} : { goVersion: program.goVersion }),
		exe: reading.exe,
		...(reading.exeDeleted ? { exeDeleted: true } : {}),
		...(program?.module === undefined ? {} : { module: program.module.path, version: program.module.version }),
		...(reading.container === undefined ? {} : { container: reading.container }),
		// a core does not hold when its process was started
		...(reading.core === undefined ? { uptimeSeconds: uptime(reading) } : {}),
		...(gogc === undefined ? {} : { gogc }),
		...(limit === undefined ? {} : { gomemlimit: limit }),
		...(program?.layout === undefined ? {} : { layout: `${program.layout.label} (${program.layout.certainty})` }),
	};
}

function uptime({ at, host, stat }: Summarised): number {
	return Math.max(0, Math.round(at / 1000 - host.bootTime - stat.startTime / host.ticksPerSecond));
}
