import type { FlameTree } from "../../profile/flame-tree.ts";
import type { ListedFunction } from "../../profile/listing.ts";

/** What pages carry: made here, drawn by src/ui. */

/** What any page of a profile says of it. */
export interface ProfilePage {
	/** the binary or the file, one line */
	readonly title: string;
	/** more about the profile: its labels, active filters, warnings; a line each */
	readonly notes: readonly string[];
	/** "gomem 0.1.0" */
	readonly generator: string;
	readonly tree: FlameTree;
	/** whether the tree is a difference against a base */
	readonly difference: boolean;
}

/** The kit "flame". */
export type FlamePage = ProfilePage;

/** The kit "report": the flame graph with the graph of calls and the source beside it. */
export interface ReportPage extends ProfilePage {
	/** the graph of calls; "" where there is none, and `graphNote` says why */
	readonly graphSvg: string;
	readonly graphNote: string;
	readonly sources: readonly SourceListing[];
	/** of the figures in `sources`: "bytes" */
	readonly sourceUnit: string;
	/** what there is to say of them; "" for nothing */
	readonly sourceNote: string;
}

/** A function with what its lines weigh, as pprof's `list` shows it. */
export type SourceListing = ListedFunction;
