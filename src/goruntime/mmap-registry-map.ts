import type { MemoryReader } from "../bytes/block-reader.ts";
import { word } from "../bytes/cursor.ts";
import type { Layout, StructLayout } from "./layouts/layout.ts";

/** 2^17 tables of up to 1,024 slots each; what a directory claims beyond that stays unread. */
const MAX_TABLES = 1 << 17;
/** vm.max_map_count is 65,530 by default, a few programs raise it to 2^20; more slots than this hold no mappings. */
const MAX_SLOTS = 1 << 21;
/** Slots of a group (internal/runtime/maps/group.go: abi.MapGroupSlots) and of a bucket (abi.OldMapBucketCount), always. */
const SLOTS = 8;
/** Bytes of the key, *byte, and of the element, []byte. Both are below what maps store indirectly (128 bytes). */
const KEY = 8;
const ELEMENT = 24;

/** Told of a slot: where its key and its element stand in the view. */
export type VisitSlot = (view: DataView, key: number, element: number) => void;

/**
 * Visits the filled slots of a `map[*byte][]byte`, as far as they can be read: a Swiss map (internal/runtime/maps, Go 1.24
 * and later) or buckets (runtime/map.go, before it and with GOEXPERIMENT=noswissmap), as the layout has it. A slot may be
 * visited twice while old buckets are being emptied. Bounded, whatever stands there.
 */
export function visitByteSliceMap(look: MemoryReader, layout: Layout, map: number, visit: VisitSlot): void {
	if (layout.hasStruct("internal/runtime/maps.Map")) visitSwissMap(look, layout, map, visit);
	else visitBuckets(look, layout, map, visit);
}

/** internal/runtime/maps/map.go: one group where dirLen is 0, else a directory of tables, some of them in it several times. */
function visitSwissMap(look: MemoryReader, layout: Layout, address: number, visit: VisitSlot): void {
	const map = layout.struct("internal/runtime/maps.Map");
	const directory = look.word(address + map.offset("dirPtr")) ?? 0;
	const length = look.word(address + map.offset("dirLen")) ?? 0;
	if (directory === 0 || (look.word(address + map.offset("used")) ?? 0) === 0) return;
	const shape = groupShape(layout);
	if (length === 0) {
		visitGroup(look, directory, shape, visit);
		return;
	}
	const table = layout.struct("internal/runtime/maps.table");
	const seen = new Set<number>();
	let slots = MAX_SLOTS;
	for (let i = 0; i < Math.min(length, MAX_TABLES) && slots > 0; i++) {
		const at = look.word(directory + i * 8);
		if (at === undefined) return;
		if (at === 0 || seen.has(at)) continue;
		seen.add(at);
		slots -= visitTable(look, layout, table, at, shape, slots, visit);
	}
}

/** internal/runtime/maps/table.go; returns the slots that were looked at. */
function visitTable(
	look: MemoryReader,
	layout: Layout,
	table: StructLayout,
	address: number,
	shape: GroupShape,
	limit: number,
	visit: VisitSlot,
): number {
	const groups = address + table.offset("groups");
	const reference = layout.struct("internal/runtime/maps.groupsReference");
	const data = look.word(groups + reference.offset("data")) ?? 0;
	const mask = look.word(groups + reference.offset("lengthMask")) ?? 0;
	const count = Math.min(mask + 1, Math.ceil(limit / SLOTS));
	if (data === 0) return 0;
	for (let i = 0; i < count; i++) if (!visitGroup(look, data + i * shape.size, shape, visit)) return i * SLOTS;
	return count * SLOTS;
}

interface GroupShape {
	readonly size: number;
	readonly keys: number;
	readonly keyStride: number;
	readonly elements: number;
	readonly elementStride: number;
}

/**
 * A group is a control word and then slots of key and element, or, with Go 1.27's GOEXPERIMENT=mapsplitgroup, the keys and
 * then the elements (internal/abi/map.go: MapType.KeysOff …; cmd/compile/internal/reflectdata/map.go builds it).
 */
function groupShape(layout: Layout): GroupShape {
	const split =
		layout.constants.has("goexperiment.MapSplitGroup") && layout.constants.number("goexperiment.MapSplitGroup") === 1;
	const size = 8 + SLOTS * (KEY + ELEMENT);
	return split
		? { size, keys: 8, keyStride: KEY, elements: 8 + SLOTS * KEY, elementStride: ELEMENT }
		: { size, keys: 8, keyStride: KEY + ELEMENT, elements: 8 + KEY, elementStride: KEY + ELEMENT };
}

/** A control byte's high bit says that its slot is empty or deleted (group.go: ctrlEmpty, ctrlDeleted). */
function visitGroup(look: MemoryReader, address: number, shape: GroupShape, visit: VisitSlot): boolean {
	const at = look.locate(address, shape.size);
	if (at < 0) return false;
	const { view } = look;
	for (let i = 0; i < SLOTS; i++) {
		if (view.getUint8(at + i) < 0x80)
			visit(view, at + shape.keys + i * shape.keyStride, at + shape.elements + i * shape.elementStride);
	}
	return true;
}

/** A top hash below this marks a slot that is empty or has moved to the new buckets (runtime/map.go: minTopHash). */
const MIN_TOP_HASH = 5;
/** hmap.flags: the map does not grow, its buckets are only put in order. */
const SAME_SIZE_GROW = 8;

/** runtime/map.go up to 1.23, map_noswiss.go: 2^B buckets and, while the map grows, half as many old ones or the same. */
function visitBuckets(look: MemoryReader, layout: Layout, address: number, visit: VisitSlot): void {
	const hmap = layout.struct("runtime.hmap");
	const at = look.locate(address, hmap.size);
	if (at < 0) return;
	const logBuckets = look.view.getUint8(at + hmap.offset("B"));
	const sameSize = (look.view.getUint8(at + hmap.offset("flags")) & SAME_SIZE_GROW) !== 0;
	const buckets = word(look.view, at + hmap.offset("buckets"));
	const old = word(look.view, at + hmap.offset("oldbuckets"));
	const filled = word(look.view, at + hmap.offset("count"));
	if (filled === 0 || logBuckets > 20) return;
	const budget = { buckets: MAX_SLOTS / SLOTS };
	visitArray(look, buckets, 2 ** logBuckets, budget, visit);
	if (old !== 0) visitArray(look, old, 2 ** (sameSize ? logBuckets : Math.max(0, logBuckets - 1)), budget, visit);
}

const BUCKET = SLOTS + SLOTS * (KEY + ELEMENT) + 8;

function visitArray(
	look: MemoryReader,
	array: number,
	count: number,
	budget: { buckets: number },
	visit: VisitSlot,
): void {
	for (let i = 0; i < count; i++) {
		for (let bucket = array + i * BUCKET; bucket !== 0 && budget.buckets > 0; budget.buckets--) {
			const at = look.locate(bucket, BUCKET);
			if (at < 0) break;
			const { view } = look;
			const overflow = word(view, at + BUCKET - 8);
			for (let slot = 0; slot < SLOTS; slot++) {
				if (view.getUint8(at + slot) < MIN_TOP_HASH) continue;
				visit(view, at + SLOTS + slot * KEY, at + SLOTS + SLOTS * KEY + slot * ELEMENT);
			}
			bucket = overflow;
		}
	}
}
