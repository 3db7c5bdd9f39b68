/**
 * Colours of flame graphs, the same in the interactive page and in pictures: frames by package, so that a package is seen at a
 * glance; a difference from blue (less than in the base) over grey to red (more), which those who see no green can tell apart.
 */

/**
 * The package of a Go function: `net/http` of `net/http.(*conn).serve`, `main` of `main.main.func1`. Type arguments may hold
 * other packages, and dots in the last element of an import path are written as %2e by the linker (cmd/internal/objabi,
 * PathToPrefix), so the first dot after the last slash ends it. Names of other languages have theirs up to the last "::";
 * "" where a name has none.
 */
export function packageOf(name: string): string {
	const bracket = name.indexOf("[");
	const plain = bracket < 0 ? name : name.slice(0, bracket);
	const scope = plain.lastIndexOf("::");
	if (scope >= 0) return plain.slice(0, scope);
	const dot = plain.indexOf(".", plain.lastIndexOf("/") + 1);
	return dot < 0 ? "" : plain.slice(0, dot);
}

/** The name without the folders of its package: `http.(*conn).serve`. */
export function shortName(name: string): string {
	const bracket = name.indexOf("[");
	const slash = name.lastIndexOf("/", bracket < 0 ? name.length : bracket);
	return slash < 0 ? name : name.slice(slash + 1);
}

/** The colour of a package's frames. What the Go runtime does by itself is grey; what has no package is beige. */
export function packageColour(packageName: string, dark: boolean): string {
	if (/^(runtime|internal\/runtime)(\/|$)/.test(packageName)) return dark ? "hsl(220 6% 34%)" : "hsl(220 10% 84%)";
	if (packageName === "") return dark ? "hsl(40 12% 34%)" : "hsl(40 30% 84%)";
	const hash = hashOf(packageName);
	// Reds are left to differences and blues too pale to tell from the grey are left out by the lightness.
	const hue = 20 + (hash % 320);
	const tone = (hash >>> 12) % 3;
	return dark ? `hsl(${hue} 30% ${27 + tone * 2}%)` : `hsl(${hue} 52% ${76 + tone * 3}%)`;
}

/** FNV-1a with a last mix, as packages often differ in their last letters only. */
function hashOf(text: string): number {
	let hash = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
	hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
	return (hash ^ (hash >>> 13)) >>> 0;
}

/** steps of a colour scale to each side */
const STEPS = 8;

/**
 * The colour of a change: `change` is what the frame has more than its base, `size` both together, so that what is new is 1
 * and what is gone -1. The scale is steepest in the middle: ten percent more is to be seen.
 */
export function changeColour(change: number, size: number, dark: boolean): string {
	const ratio = size > 0 ? Math.max(-1, Math.min(1, change / size)) : 0;
	const step = Math.round(Math.sqrt(Math.abs(ratio)) * STEPS) / STEPS;
	if (step === 0) return dark ? "hsl(220 6% 34%)" : "hsl(220 10% 88%)";
	const hue = ratio > 0 ? 8 : 214;
	return dark
		? `hsl(${hue} ${25 + 35 * step}% ${34 + 6 * step}%)`
		: `hsl(${hue} ${50 + 30 * step}% ${90 - 24 * step}%)`;
}
