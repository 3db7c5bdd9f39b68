import { bytes, duration } from "../figures/figures.ts";

/** A change of less is not spoken of. */
export const NOISE: number = 2 ** 20;

/** Seconds, as long as they are few: `4.2 s`, `90 s`, `2 h 5 min`. */
export function overTime(seconds: number): string {
	return seconds < 10 || seconds >= 120 ? duration(seconds * 1000) : `${Math.round(seconds)} s`;
}

/** `12 MiB of 15 MiB in 60 s`; a part may have grown by more than all together, while others shrank. */
export function shareOfGrowth(part: number, all: number, seconds: number, name = "RSS"): string {
	const span = overTime(seconds);
	return part <= all
		? `${bytes(part)} of ${bytes(all)} in ${span}`
		: `${bytes(part)} in ${span}, while ${name} grew by ${bytes(all)}, as the rest shrank by ${bytes(part - all)}`;
}

/** What became of a size of which growth is not the finding. `enough`: by more than noise, over all of the window. */
export function changeInWords(
	{ rssBytes, enough, seconds }: { readonly rssBytes: number; readonly enough: boolean; readonly seconds: number },
	name = "RSS",
): string {
	const span = overTime(seconds);
	if (enough) return `${name} grew by ${bytes(rssBytes)} over ${span}`;
	if (rssBytes >= NOISE) return `${name} hardly grew over ${span}: by ${bytes(rssBytes)}`;
	return `${name} did not grow over ${span}${rssBytes <= -NOISE ? `: it fell by ${bytes(-rssBytes)}` : ""}`;
}
