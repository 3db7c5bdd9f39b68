import { heapConstants } from "./heap-constants.ts";
import { optional } from "./runtime-state.ts";
import { type RuntimeView, readGlobal } from "./runtime-view.ts";
import { readSpans, SPAN_IN_USE } from "./spans.ts";

/** Spans that are looked at. */
const SAMPLE = 256;

/**
 * Whether the spans that the layout says carry their mark bits themselves do so: struct spanInlineMarkBits, in the last bytes
 * of each, repeats the span's class (runtime/mgcmark_greenteagc.go initInlineMarkBits, Go 1.25 to 1.27). Which sizes these
 * are is a rule of the source that DWARF does not have: for a minor release that gomem does not know the rule of its
 * neighbour is held against the process.
 */
export function inlineMarksFit(view: RuntimeView): boolean {
	const { inlineMarks, pageSize } = heapConstants(view.layout);
	if (inlineMarks === undefined) return true;
	const held = optional(() => {
		const bits = view.layout.struct("spanInlineMarkBits");
		const classAt = bits.offset("class") - bits.size;
		const look = view.memory.look();
		const spans = readSpans(view, look, readGlobal(view, look, "mheap_", "mheap"));
		let seen = 0;
		let right = 0;
		for (let i = 0; i < spans.count && seen < SAMPLE; i++) {
			const size = spans.elemSize[i] ?? 0;
			if (spans.state[i] !== SPAN_IN_USE || size < inlineMarks.minSize || size > inlineMarks.maxSize) continue;
			const at = look.locate((spans.base[i] ?? 0) + (spans.npages[i] ?? 0) * pageSize + classAt, 1);
			if (at < 0) continue;
			seen++;
			if (look.view.getUint8(at) === spans.spanClass[i]) right++;
		}
		// a span that was made or freed meanwhile may be wrong
		return right >= seen * 0.9;
	});
	return held ?? false;
}
