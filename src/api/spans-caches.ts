import type { Static } from "typebox";
import type { AllocationCaches, PCache } from "../goruntime/caches.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { slotBytes } from "./spans-classes.ts";
import type { SpansShape } from "./spans-shape.ts";

type Cache = NonNullable<Static<typeof SpansShape>["caches"]>[number];

/** What each P allocates from; span by span, where `whole`. */
export function pCaches(runtime: RuntimeState, caches: AllocationCaches, whole: boolean): Cache[] {
	const sizes = slotBytes(runtime);
	const bases = whole ? basesOf(runtime, caches) : undefined;
	return caches.ps.map((p): Cache => {
		const cached = Array.from(p.spans.keys()).filter((at) => (p.spans[at] ?? 0) !== 0);
		const sum = (of: (at: number) => number) => cached.reduce((all, at) => all + of(at), 0);
		return {
			p: p.id,
			spans: cached.length,
			freeSlots: sum((at) => p.freeSlots[at] ?? 0),
			freeSlotBytes: sum((at) => (p.freeSlots[at] ?? 0) * (sizes[at >> 1] ?? 0)),
			...(p.tiny === 0 ? {} : { tinyBlock: hex(p.tiny) }),
			tinyUsedBytes: p.tinyUsedBytes,
			stackBytes: [...p.stackBytes],
			stale: p.stale,
			...(bases === undefined ? {} : { cached: cached.flatMap((at) => spanOf(p, at, bases)) }),
		};
	});
}

function spanOf(p: PCache, at: number, bases: ReadonlyMap<number, number>): NonNullable<Cache["cached"]> {
	const base = bases.get(p.spans[at] ?? 0);
	if (base === undefined) return [];
	return [{ class: at >> 1, noscan: (at & 1) === 1, startAddr: hex(base), freeSlots: p.freeSlots[at] ?? 0 }];
}

/** Start of each cached span, by the address of its struct. */
function basesOf({ spans }: RuntimeState, caches: AllocationCaches): ReadonlyMap<number, number> {
	const wanted = new Set(caches.ps.flatMap((p) => Array.from(p.spans)));
	const bases = new Map<number, number>();
	for (let i = 0; i < spans.count; i++) {
		const struct = spans.struct[i] ?? 0;
		if (wanted.has(struct)) bases.set(struct, spans.base[i] ?? 0);
	}
	return bases;
}

function hex(address: number): string {
	return `0x${address.toString(16)}`;
}
