import type { Observation } from "../capture/process.ts";
import { runtimeProblem } from "../evidence/runtime-problem.ts";
import type { LedgerPoint } from "../ledger/growth.ts";
import { identityOf } from "../ledger/identity.ts";
import { type Ledger, makeLedger } from "../ledger/ledger.ts";

export type WholePoint = LedgerPoint & { readonly ledger: Ledger };

/** What of an observation is kept to compare later ones with. */
export function pointOf({ reading, runtime }: Observation): WholePoint {
	return {
		at: reading.at,
		ledger: makeLedger(reading, runtime),
		process: identityOf(reading),
		...(runtime === undefined
			? { lacks: runtimeProblem(reading.unavailable, { unavailable: "this is no Go program" }).unavailable }
			: { numGc: runtime.counters.memStats.NumGC }),
	};
}
