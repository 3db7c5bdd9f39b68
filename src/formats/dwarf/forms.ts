/**
 * How attribute values are stored: DWARF 5, section 7.5.6, table 7.6; the GNU extensions of DWARF 4 (split units, dwz) from
 * gcc's include/dwarf2.def. A form is what its value means and how many bytes it takes.
 */
export const FORM_CLASS = {
	address: 0,
	/** index into .debug_addr */
	addrx: 1,
	constant: 2,
	signed: 3,
	/** a string that stands in the entry itself */
	string: 4,
	/** offset in .debug_str */
	strp: 5,
	/** offset in .debug_line_str */
	lineStrp: 6,
	/** index into .debug_str_offsets */
	strx: 7,
	/** offset from the start of the unit */
	reference: 8,
	/** offset in .debug_info */
	refAddr: 9,
	/** offset in another section */
	offset: 10,
	block: 11,
	/** the value stands in the abbreviation */
	implicit: 12,
	present: 13,
	/** a type signature, a supplementary file: not followed */
	elsewhere: 14,
	/** the form itself stands in the entry */
	indirect: 15,
} as const;

/** A width that is not a fixed number of bytes. */
export const WIDTH = {
	uleb: -1,
	sleb: -2,
	cstring: -3,
	block1: -4,
	block2: -5,
	block4: -6,
	blockUleb: -7,
	indirect: -8,
} as const;

type Width = number | "offset" | "address" | "ref_addr" | keyof typeof WIDTH;

const TABLE: readonly (readonly [code: number, name: string, of: keyof typeof FORM_CLASS, width: Width])[] = [
	[0x01, "DW_FORM_addr", "address", "address"],
	[0x03, "DW_FORM_block2", "block", "block2"],
	[0x04, "DW_FORM_block4", "block", "block4"],
	[0x05, "DW_FORM_data2", "constant", 2],
	[0x06, "DW_FORM_data4", "constant", 4],
	[0x07, "DW_FORM_data8", "constant", 8],
	[0x08, "DW_FORM_string", "string", "cstring"],
	[0x09, "DW_FORM_block", "block", "blockUleb"],
	[0x0a, "DW_FORM_block1", "block", "block1"],
	[0x0b, "DW_FORM_data1", "constant", 1],
	[0x0c, "DW_FORM_flag", "constant", 1],
	[0x0d, "DW_FORM_sdata", "signed", "sleb"],
	[0x0e, "DW_FORM_strp", "strp", "offset"],
	[0x0f, "DW_FORM_udata", "constant", "uleb"],
	[0x10, "DW_FORM_ref_addr", "refAddr", "ref_addr"],
	[0x11, "DW_FORM_ref1", "reference", 1],
	[0x12, "DW_FORM_ref2", "reference", 2],
	[0x13, "DW_FORM_ref4", "reference", 4],
	[0x14, "DW_FORM_ref8", "reference", 8],
	[0x15, "DW_FORM_ref_udata", "reference", "uleb"],
	[0x16, "DW_FORM_indirect", "indirect", "indirect"],
	[0x17, "DW_FORM_sec_offset", "offset", "offset"],
	[0x18, "DW_FORM_exprloc", "block", "blockUleb"],
	[0x19, "DW_FORM_flag_present", "present", 0],
	[0x1a, "DW_FORM_strx", "strx", "uleb"],
	[0x1b, "DW_FORM_addrx", "addrx", "uleb"],
	[0x1c, "DW_FORM_ref_sup4", "elsewhere", 4],
	[0x1d, "DW_FORM_strp_sup", "elsewhere", "offset"],
	[0x1e, "DW_FORM_data16", "elsewhere", 16],
	[0x1f, "DW_FORM_line_strp", "lineStrp", "offset"],
	[0x20, "DW_FORM_ref_sig8", "elsewhere", 8],
	[0x21, "DW_FORM_implicit_const", "implicit", 0],
	[0x22, "DW_FORM_loclistx", "elsewhere", "uleb"],
	[0x23, "DW_FORM_rnglistx", "elsewhere", "uleb"],
	[0x24, "DW_FORM_ref_sup8", "elsewhere", 8],
	[0x25, "DW_FORM_strx1", "strx", 1],
	[0x26, "DW_FORM_strx2", "strx", 2],
	[0x27, "DW_FORM_strx3", "strx", 3],
	[0x28, "DW_FORM_strx4", "strx", 4],
	[0x29, "DW_FORM_addrx1", "addrx", 1],
	[0x2a, "DW_FORM_addrx2", "addrx", 2],
	[0x2b, "DW_FORM_addrx3", "addrx", 3],
	[0x2c, "DW_FORM_addrx4", "addrx", 4],
	[0x1f01, "DW_FORM_GNU_addr_index", "addrx", "uleb"],
	[0x1f02, "DW_FORM_GNU_str_index", "strx", "uleb"],
	[0x1f20, "DW_FORM_GNU_ref_alt", "elsewhere", "offset"],
	[0x1f21, "DW_FORM_GNU_strp_alt", "elsewhere", "offset"],
];

export const FORM_IMPLICIT_CONST = 0x21;

/** A form as a unit reads it. */
export interface Form {
	readonly name: string;
	/** a value of FORM_CLASS */
	readonly of: number;
	/** bytes, or a value of WIDTH */
	readonly width: number;
}

/** What the widths of a unit depend on: offsets of 4 or 8 bytes, and whether DW_FORM_ref_addr is an address (version 2). */
export interface FormSizes {
	readonly offsetSize: 4 | 8;
	readonly refAddrSize: 4 | 8;
}

const made = new Map<number, ReadonlyMap<number, Form>>();

/** The forms by code. Addresses are of 8 bytes: other units are not read. */
export function formsFor(sizes: FormSizes): ReadonlyMap<number, Form> {
	const key = sizes.offsetSize * 16 + sizes.refAddrSize;
	let forms = made.get(key);
	if (forms === undefined) {
		forms = new Map(
			TABLE.map(([code, name, of, width]) => [code, { name, of: FORM_CLASS[of], width: widthOf(width, sizes) }]),
		);
		made.set(key, forms);
	}
	return forms;
}

function widthOf(width: Width, sizes: FormSizes): number {
	if (typeof width === "number") return width;
	if (width === "address") return 8;
	if (width === "offset") return sizes.offsetSize;
	if (width === "ref_addr") return sizes.refAddrSize;
	return WIDTH[width];
}
