/**
 * The element size from which on small-object spans carry their mark bits themselves, out of the source of
 * gcUsesSpanInlineMarkBits (runtime/mgcmark_greenteagc.go, Go 1.25 to 1.27: "heapBitsInSpan(size) && size >= 16"). Undefined
 * where the rule reads otherwise: then gomem must learn it first.
 */
export function inlineMarkMinimum(source: string): number | undefined {
	const rule =
		/func gcUsesSpanInlineMarkBits\(size uintptr\) bool \{\s*return heapBitsInSpan\(size\) && size >= (\d+)\s*\}/;
	const minimum = rule.exec(source)?.[1];
	return minimum === undefined ? undefined : Number(minimum);
}
