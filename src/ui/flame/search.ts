import type { FlameTree } from "../../profile/flame-tree.ts";
import type { Picture } from "./picture.ts";

/** What a search finds: functions whose name or file matches. */
export interface Found {
	/** by place 1 where it matches */
	readonly places: Uint8Array;
	/** how many do */
	readonly count: number;
}

export type Search = { readonly found: Found } | { readonly problem: string };

/**
 * Searches names and files by a regular expression of JavaScript; as in pprof, upper and lower case differ only where the
 * expression has an upper case letter. undefined: nothing is asked for.
 */
export function search(tree: FlameTree, pattern: string): Search | undefined {
	if (pattern === "") return undefined;
	let regexp: RegExp;
	try {
		regexp = new RegExp(pattern, /\p{Lu}/u.test(pattern.replace(/\\./g, "")) ? "u" : "iu");
	} catch (error) {
		return {
			problem: error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : String(error),
		};
	}
	const { name, file, files } = tree.places;
	const fileMatches = files.map((path) => path !== "" && regexp.test(path));
	const places = new Uint8Array(name.length);
	let count = 0;
	for (let place = 1; place < places.length; place++) {
		if (!regexp.test(name[place]!) && !fileMatches[file[place]!]) continue;
		places[place] = 1;
		count++;
	}
	return { found: { places, count } };
}

/** A text as a regular expression that finds it and nothing else. */
export function exactly(name: string): string {
	return `^${name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}$`;
}

/** What the stacks weigh that a match is in, each once: of a difference the widths. */
export function matched(picture: Picture, { places }: Found): number {
	let sum = 0;
	for (let node = 1; node < picture.end.length; ) {
		if (places[picture.tree.place[node]!] === 1) {
			sum += picture.width[node]!;
			node = picture.end[node]!;
		} else node++;
	}
	return sum;
}
