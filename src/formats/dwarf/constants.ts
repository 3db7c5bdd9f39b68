/**
 * The numbers of DWARF that gomem needs. Source: DWARF 5, section 7.5 (unit headers, tags, attributes), 7.12 (languages),
 * 7.7 (operations); Go's own attributes: cmd/internal/dwarf/dwarf.go (DW_AT_go_*), Go 1.27.
 */

/** DW_TAG_* */
export const TAG_ARRAY_TYPE = 0x01;
export const TAG_MEMBER = 0x0d;
export const TAG_POINTER_TYPE = 0x0f;
export const TAG_COMPILE_UNIT = 0x11;
export const TAG_STRUCTURE_TYPE = 0x13;
export const TAG_SUBROUTINE_TYPE = 0x15;
export const TAG_TYPEDEF = 0x16;
export const TAG_SUBRANGE_TYPE = 0x21;
export const TAG_BASE_TYPE = 0x24;
export const TAG_CONSTANT = 0x27;
export const TAG_VARIABLE = 0x34;
export const TAG_UNSPECIFIED_TYPE = 0x3b;

/** DW_LANG_Go */
export const LANG_GO = 0x16;

/** DW_UT_*: what a unit header of version 5 begins */
export const UT_COMPILE = 1;
export const UT_TYPE = 2;
export const UT_PARTIAL = 3;
export const UT_SKELETON = 4;
export const UT_SPLIT_COMPILE = 5;
export const UT_SPLIT_TYPE = 6;

/** DW_OP_* */
export const OP_ADDR = 0x03;
export const OP_PLUS_UCONST = 0x23;
export const OP_ADDRX = 0xa1;
export const OP_GNU_ADDR_INDEX = 0xfb;

/** What gomem keeps of an entry: the column of EntryReader.values that the attribute goes to. */
export const SLOT = {
	name: 0,
	type: 1,
	byteSize: 2,
	memberOffset: 3,
	location: 4,
	constValue: 5,
	count: 6,
	upperBound: 7,
	goKind: 8,
	goKey: 9,
	goElem: 10,
	goEmbedded: 11,
	goRuntimeType: 12,
	language: 13,
	strOffsetsBase: 14,
	addrBase: 15,
	producer: 16,
} as const;
export const SLOTS = 17;

/** DW_AT_* → slot. What is not here is skipped. */
export const ATTRIBUTES: readonly (readonly [code: number, name: string, slot: number])[] = [
	[0x02, "DW_AT_location", SLOT.location],
	[0x03, "DW_AT_name", SLOT.name],
	[0x0b, "DW_AT_byte_size", SLOT.byteSize],
	[0x13, "DW_AT_language", SLOT.language],
	[0x1c, "DW_AT_const_value", SLOT.constValue],
	[0x25, "DW_AT_producer", SLOT.producer],
	[0x2f, "DW_AT_upper_bound", SLOT.upperBound],
	[0x37, "DW_AT_count", SLOT.count],
	[0x38, "DW_AT_data_member_location", SLOT.memberOffset],
	[0x49, "DW_AT_type", SLOT.type],
	[0x72, "DW_AT_str_offsets_base", SLOT.strOffsetsBase],
	[0x73, "DW_AT_addr_base", SLOT.addrBase],
	[0x2133, "DW_AT_GNU_addr_base", SLOT.addrBase],
	[0x2900, "DW_AT_go_kind", SLOT.goKind],
	[0x2901, "DW_AT_go_key", SLOT.goKey],
	[0x2902, "DW_AT_go_elem", SLOT.goElem],
	[0x2903, "DW_AT_go_embedded_field", SLOT.goEmbedded],
	[0x2904, "DW_AT_go_runtime_type", SLOT.goRuntimeType],
];

/** What a type is, in the order of TYPE_KINDS; 0 is none. */
export type TypeKind =
	| "base"
	| "pointer"
	| "struct"
	| "array"
	| "typedef"
	| "subroutine"
	/** unsafe.Pointer, and the zero type of some generics */
	| "unspecified";

/** DW_TAG_* → kind, by index + 1. */
export const TYPE_TAGS: readonly (readonly [tag: number, kind: TypeKind])[] = [
	[TAG_BASE_TYPE, "base"],
	[TAG_POINTER_TYPE, "pointer"],
	[TAG_STRUCTURE_TYPE, "struct"],
	[TAG_ARRAY_TYPE, "array"],
	[TAG_TYPEDEF, "typedef"],
	[TAG_SUBROUTINE_TYPE, "subroutine"],
	[TAG_UNSPECIFIED_TYPE, "unspecified"],
];

/** reflect.Kind, which DW_AT_go_kind holds (internal/abi/type.go); the same since Go 1.0 */
export const GO_KIND = {
	array: 17,
	chan: 18,
	func: 19,
	interface: 20,
	map: 21,
	pointer: 22,
	slice: 23,
	string: 24,
	struct: 25,
	unsafePointer: 26,
} as const;
