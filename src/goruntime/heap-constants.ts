import type { Layout } from "./layouts/layout.ts";

/** The numbers of the runtime's source that reading the heap rests on. Bytes. */
export interface HeapConstants {
	readonly pageSize: number;
	readonly heapArenaBytes: number;
	/** what an arena's index is relative to: -2^47 on amd64, 0 on arm64 */
	readonly arenaBaseOffset: number;
	/** second level of pageAlloc.chunks: log2 of its entries */
	readonly pallocChunksL2Bits: number;
	readonly persistentChunkBytes: number;
	readonly gcBitsChunkBytes: number;
	/** offsets of the list heads in gcBitsArenas: free, next, current, previous */
	readonly gcBitsArenaLists: readonly [number, number, number, number];
	/** element sizes of spans that carry their mark bits themselves (green tea); undefined without */
	readonly inlineMarks: { readonly minSize: number; readonly maxSize: number } | undefined;
	/** largest element size whose pointer bitmap stands at the end of the span (Go 1.22+); 0 before */
	readonly heapBitsInSpanMax: number;
	/** size class → slot bytes */
	readonly classToSize: readonly number[];
}

const made = new WeakMap<Layout, HeapConstants>();

export function heapConstants(layout: Layout): HeapConstants {
	let constants = made.get(layout);
	if (constants === undefined) {
		constants = make(layout);
		made.set(layout, constants);
	}
	return constants;
}

function make(layout: Layout): HeapConstants {
	const c = layout.constants;
	const bits = layout.struct("gcBitsArenas");
	return {
		pageSize: c.number("pageSize"),
		heapArenaBytes: c.number("heapArenaBytes"),
		arenaBaseOffset: c.number("arenaBaseOffset"),
		pallocChunksL2Bits: c.number("pallocChunksL2Bits"),
		persistentChunkBytes: c.number("persistentChunkSize"),
		gcBitsChunkBytes: c.number("gcBitsChunkBytes"),
		gcBitsArenaLists: [bits.offset("free"), bits.offset("next"), bits.offset("current"), bits.offset("previous")],
		inlineMarks: c.inlineMarkBits,
		heapBitsInSpanMax: c.has("minSizeForMallocHeader") ? c.number("minSizeForMallocHeader") : 0,
		classToSize: c.sizeClassSizes,
	};
}
