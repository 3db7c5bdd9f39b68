import type { Profile } from "../../formats/pprof/model.ts";
import { htmlReport } from "./html-report.ts";
import { type PictureOptions, profilePage } from "./profile-page.ts";

/** A made file, and what there is to say besides. */
export interface Made<T> {
	readonly bytes: T;
	readonly warnings: readonly string[];
}

/**
 * The interactive flame graph of a loaded profile (`loadProfiles`) as one html file: all sample types, and the difference where a
 * diff base was given. The heaviest 100,000 contexts are drawn (`most`), what is lighter is counted in its caller.
 */
export async function flameHtml(
	loaded: Profile,
	request: PictureOptions = {},
): Promise<Made<Uint8Array> | { readonly error: string }> {
	const made = profilePage(loaded, request);
	if ("error" in made) return made;
	const { page, prepared } = made;
	const bytes = await htmlReport({ title: `${page.title} · flame graph`, kit: "flame", data: page });
	return { bytes, warnings: prepared.warnings };
}
