import { GomemError } from "./errors.ts";
import type { OperationContext } from "./operation.ts";

/** What can be said from a pprof or expvar endpoint alone, and what a pid would add. */
export async function whyFromUrl(_ctx: OperationContext, url: string): Promise<never> {
	throw new GomemError({ code: "target-not-observable", message: `${url}: URLs cannot be read yet` });
}
