import { Cursor, decodeUtf8 } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";
import type { CoreMappedFile } from "./model.ts";

const FORMAT = "core NT_FILE";
const ENTRY = 24;
const DELETED = " (deleted)";

/**
 * NT_FILE (fill_files_note in fs/binfmt_elf.c): the count of files, the unit of file offsets (the page size; gdb writes 1),
 * then start, end and offset of each, then their paths. Ascending by address. Throws ParseError.
 */
export function parseMappedFiles(content: Uint8Array): CoreMappedFile[] {
	const cursor = new Cursor(content, FORMAT);
	const count = cursor.u64("count");
	const unit = cursor.u64("page_size");
	if (count * ENTRY > cursor.remaining) {
		throw new ParseError({
			format: FORMAT,
			field: "count",
			expected: `at most ${Math.floor(cursor.remaining / ENTRY)} files`,
			actual: String(count),
		});
	}
	const table = new Cursor(cursor.take(count * ENTRY, "table"), FORMAT, cursor.base + 16);
	const names = content.subarray(cursor.at);
	const files: CoreMappedFile[] = [];
	let name = 0;
	for (let i = 0; i < count; i++) {
		const start = table.u64("start");
		const end = table.u64("end");
		const offset = table.u64("file_ofs") * unit;
		if (end <= start || !Number.isSafeInteger(offset)) throw cursor.error("table", "a range", `${start} to ${end}`);
		const stop = names.indexOf(0, name);
		if (stop < 0) throw cursor.error("filename", "a NUL-terminated path", "the end of the note");
		const path = decodeUtf8(names.subarray(name, stop));
		name = stop + 1;
		// the kernel writes d_path, which marks removed files so
		const deleted = path.endsWith(DELETED);
		files.push({ start, end, offset, path: deleted ? path.slice(0, -DELETED.length) : path, deleted });
	}
	return files.sort((a, b) => a.start - b.start);
}
