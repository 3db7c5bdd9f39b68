import type { MemoryReader } from "../bytes/block-reader.ts";
import { decodeUtf8, word } from "../bytes/cursor.ts";
import type { GoroutineLabel, GoroutineLabels } from "../evidence/stacks.ts";
import type { GoroutineTable } from "./goroutines.ts";

/** Requests carry some; a longer list is not believed. */
const MAX_LABELS = 64;
/** Longer keys and values are no labels that anyone looks at. */
const MAX_TEXT = 1024;
/** Of distinct sets; goroutines beyond count as unread. */
const MAX_SETS = 1 << 16;
/** A string header each for key and value (runtime/pprof/label.go: label). */
const LABEL_BYTES = 32;

/**
 * Reads what g.labels points to: a slice of keys and values, sorted by key (runtime/pprof: labelMap, LabelSet, Go 1.24 and
 * later). Before, it is a map, which this does not read: what it finds is then no such list, and counts as unread.
 *
 * @param rows of the table that are wanted; the result is by index of these. Undefined where none of them has labels.
 */
export function readGoroutineLabels(
	goroutines: GoroutineTable,
	rows: Uint32Array,
	look: MemoryReader,
): GoroutineLabels | undefined {
	const set = new Int32Array(rows.length).fill(-1);
	const sets: (readonly GoroutineLabel[])[] = [];
	const byAddress = new Map<number, number>();
	let unread = 0;
	let any = false;
	rows.forEach((row, i) => {
		const address = goroutines.labels[row] ?? 0;
		if (address === 0) return;
		any = true;
		let known = byAddress.get(address);
		if (known === undefined) {
			const list = sets.length < MAX_SETS ? readList(look, address) : undefined;
			known = list === undefined ? -1 : sets.push(list) - 1;
			byAddress.set(address, known);
		}
		if (known < 0) unread++;
		set[i] = known;
	});
	return any ? { set, sets, unread } : undefined;
}

function readList(look: MemoryReader, address: number): GoroutineLabel[] | undefined {
	const at = look.locate(address, 24);
	if (at < 0) return undefined;
	const [data, length, capacity] = [0, 8, 16].map((offset) => word(look.view, at + offset));
	if (data === undefined || length === undefined || capacity === undefined) return undefined;
	// a set without labels is none that anyone sets, but a map looks like one where 0 follows its pointer
	if (length === 0 || length > MAX_LABELS || capacity < length || capacity > MAX_LABELS * 16) return undefined;
	const bytes = look.copy(data, length * LABEL_BYTES);
	if (bytes === undefined) return undefined;
	const headers = new DataView(bytes.buffer, bytes.byteOffset);
	const labels: GoroutineLabel[] = [];
	for (let i = 0; i < length; i++) {
		const key = readText(look, word(headers, i * LABEL_BYTES), word(headers, i * LABEL_BYTES + 8));
		const value = readText(look, word(headers, i * LABEL_BYTES + 16), word(headers, i * LABEL_BYTES + 24));
		if (key === undefined || key === "" || value === undefined) return undefined;
		labels.push({ key, value });
	}
	return labels;
}

function readText(look: MemoryReader, data: number, length: number): string | undefined {
	if (length === 0) return "";
	if (length > MAX_TEXT) return undefined;
	const bytes = look.copy(data, length);
	return bytes === undefined ? undefined : decodeUtf8(bytes);
}
