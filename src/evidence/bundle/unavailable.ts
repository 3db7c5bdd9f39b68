/**
 * What could not be gathered, as a value: why, in words for the person who asked, and what would make it available.
 * Part of the manifest of a bundle and of every live source's result.
 */
export interface Unavailable {
	readonly unavailable: string;
	readonly wouldHelp?: string;
}

export function isUnavailable(value: object): value is Unavailable {
	return "unavailable" in value;
}
