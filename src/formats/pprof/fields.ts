/**
 * The messages of profile.proto (github.com/google/pprof/proto): the name of field n stands at index n. The test compares
 * them with the .proto file.
 */
export const messages = {
	Profile: [
		undefined,
		"sample_type",
		"sample",
		"mapping",
		"location",
		"function",
		"string_table",
		"drop_frames",
		"keep_frames",
		"time_nanos",
		"duration_nanos",
		"period_type",
		"period",
		"comment",
		"default_sample_type",
		"doc_url",
	],
	ValueType: [undefined, "type", "unit"],
	Sample: [undefined, "location_id", "value", "label"],
	Label: [undefined, "key", "str", "num", "num_unit"],
	Mapping: [
		undefined,
		"id",
		"memory_start",
		"memory_limit",
		"file_offset",
		"filename",
		"build_id",
		"has_functions",
		"has_filenames",
		"has_line_numbers",
		"has_inline_frames",
	],
	Location: [undefined, "id", "mapping_id", "address", "line", "is_folded"],
	Line: [undefined, "function_id", "line", "column"],
	Function: [undefined, "id", "name", "system_name", "filename", "start_line"],
} as const satisfies Record<string, readonly (string | undefined)[]>;

export type Message = keyof typeof messages;

type FieldName<M extends Message> = Exclude<(typeof messages)[M][number], undefined>;

/** The number of a field. */
export function fieldNumber<M extends Message>(message: M, name: FieldName<M>): number {
	return (messages[message] as readonly (string | undefined)[]).indexOf(name);
}

/** `Sample.value`, for errors; a number where the field is none of the message. */
export function fieldName(message: Message, field: number): string {
	return `${message}.${messages[message][field] ?? field}`;
}
