import type { Profile } from "../formats/pprof/model.ts";
import { nodeValues } from "./graph/accumulate.ts";
import { NodeTable } from "./graph/node-table.ts";
import { sampleWeights } from "./graph/weights.ts";
import type { ProfileOptions } from "./options.ts";
import { prepare } from "./prepare.ts";

/** What one site weighs itself, by sample type and then by profile. */
export interface SiteSums {
	readonly name: string;
	readonly sums: readonly Float64Array[];
}

/** The sites of several profiles, as the granularity of the options has them, with their flat weights in each. */
export function siteSums(
	profiles: readonly Profile[],
	options: Partial<ProfileOptions>,
	types: readonly string[],
): { readonly sites: readonly SiteSums[] } | { readonly error: string } {
	const sites = new Map<string, SiteSums>();
	for (const [at, profile] of profiles.entries()) {
		for (const [type, name] of types.entries()) {
			const prepared = prepare(profile, { format: "text", options: { ...options, sample_index: name, trim: false } });
			if ("error" in prepared) return prepared;
			const table = new NodeTable(prepared.profile);
			const weights = sampleWeights(prepared.value, prepared.divisor);
			const { flat } = nodeValues(prepared.profile.samples, table, weights);
			for (let node = 0; node < table.count; node++) {
				if (flat.numbers[node] === 0) continue;
				const sums = siteNamed(sites, table.name(node), types.length, profiles.length).sums[type];
				if (sums !== undefined) sums[at] = sums[at]! + flat.numbers[node]!;
			}
		}
	}
	return { sites: [...sites.values()] };
}

function siteNamed(sites: Map<string, SiteSums>, name: string, types: number, profiles: number): SiteSums {
	const known = sites.get(name);
	if (known !== undefined) return known;
	const site: SiteSums = { name, sums: Array.from({ length: types }, () => new Float64Array(profiles)) };
	sites.set(name, site);
	return site;
}
