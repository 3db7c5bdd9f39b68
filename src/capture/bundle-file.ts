import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import type { Observation } from "./process.ts";

/** Opens a bundle for replay. */
export async function openBundle(path: string): Promise<{ readonly observations: readonly Observation[] } | Unavailable> {
	return { unavailable: `${path}: captures cannot be read yet` };
}
