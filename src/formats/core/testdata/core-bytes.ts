// For tests: cores made from what is to be in them. Not imported by anything that ships.
import { EM_AARCH64, EM_X86_64, ET_CORE, PN_XNUM, PT_LOAD, PT_NOTE } from "../../elf/constants.ts";
import { NT_AUXV, NT_FILE, NT_PRPSINFO, NT_PRSTATUS, PRPSINFO, PRSTATUS, REGISTERS } from "../constants.ts";

export interface MadeSegment {
	readonly start: number;
	readonly size: number;
	readonly flags: number;
	/** what the dump holds of it, from its start on */
	readonly bytes: Uint8Array;
}

export interface MadeCore {
	readonly arch?: "amd64" | "arm64";
	readonly maker?: "kernel" | "gdb";
	readonly segments: readonly MadeSegment[];
	readonly threads?: readonly {
		readonly tid: number;
		readonly pc: number;
		readonly sp: number;
		/** of machines that have a link register */
		readonly lr?: number;
		readonly signal?: number;
	}[];
	readonly name?: string;
	readonly files?: readonly {
		readonly start: number;
		readonly end: number;
		readonly offset: number;
		readonly path: string;
	}[];
	readonly auxv?: readonly (readonly [type: number, value: number])[];
	/** as with 65,535 mappings and more: the count stands in the first section header */
	readonly extended?: boolean;
}

const PAGE = 4096;

/** A core in the order of Linux (notes, then memory) or of gdb (memory, notes, sections). */
export function makeCore(core: MadeCore): Uint8Array {
	const { segments, maker = "kernel", extended = false } = core;
	const notes = makeNotes(core);
	const count = segments.length + 1;
	let at = 64 + count * 56;
	const notesAt = maker === "kernel" ? at : undefined;
	if (maker === "kernel") at = roundUp(at + notes.length);
	const places = segments.map((s) => {
		const place = at;
		at += s.bytes.length;
		return place;
	});
	const noteOffset = notesAt ?? at;
	if (maker === "gdb") at += notes.length;
	const sectionsAt = at;
	const out = new Uint8Array(at + (extended ? 64 : 0));
	const view = new DataView(out.buffer);
	const word = (offset: number, value: number) => view.setBigUint64(offset, BigInt(value), true);
	out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
	view.setUint16(16, ET_CORE, true);
	view.setUint16(18, (core.arch ?? "amd64") === "amd64" ? EM_X86_64 : EM_AARCH64, true);
	view.setUint32(20, 1, true);
	word(32, 64);
	view.setUint16(52, 64, true);
	view.setUint16(54, 56, true);
	view.setUint16(56, extended ? PN_XNUM : count, true);
	if (extended) {
		word(40, sectionsAt);
		view.setUint16(58, 64, true);
		view.setUint16(60, 1, true);
		view.setUint32(sectionsAt + 44, count, true);
	}
	const header = (i: number, type: number, flags: number, fields: readonly number[]) => {
		view.setUint32(64 + i * 56, type, true);
		view.setUint32(68 + i * 56, flags, true);
		for (const [k, value] of fields.entries()) word(72 + i * 56 + k * 8, value);
	};
	header(0, PT_NOTE, 0, [noteOffset, 0, 0, notes.length, 0, 4]);
	segments.forEach((s, i) => {
		header(i + 1, PT_LOAD, s.flags, [places[i] ?? 0, s.start, 0, s.bytes.length, s.size, PAGE]);
		out.set(s.bytes, places[i]);
	});
	out.set(notes, noteOffset);
	return out;
}

function roundUp(n: number): number {
	return Math.ceil(n / PAGE) * PAGE;
}

function makeNotes(core: MadeCore): Uint8Array {
	const [first, ...others] = (core.threads ?? []).map((t) => note(NT_PRSTATUS, prstatus(core.arch ?? "amd64", t)));
	const info = note(NT_PRPSINFO, prpsinfo(core));
	const rest = [
		note(NT_AUXV, words((core.auxv ?? []).flat().concat(0, 0))),
		...(core.files === undefined ? [] : [note(NT_FILE, mappedFiles(core.files))]),
		...others,
	];
	const parts = core.maker === "gdb" ? [info, ...(first === undefined ? [] : [first])] : [first ?? info, info];
	return concat([...parts, ...rest]);
}

function note(type: number, content: Uint8Array): Uint8Array {
	const head = new Uint8Array(20);
	const view = new DataView(head.buffer);
	view.setUint32(0, 5, true);
	view.setUint32(4, content.length, true);
	view.setUint32(8, type, true);
	head.set(new TextEncoder().encode("CORE"), 12);
	return concat([head, content, new Uint8Array((4 - (content.length % 4)) % 4)]);
}

function prstatus(arch: "amd64" | "arm64", thread: NonNullable<MadeCore["threads"]>[number]): Uint8Array {
	const spec = REGISTERS[arch];
	const bytes = new Uint8Array(PRSTATUS.registers + spec.words * 8 + 8);
	const view = new DataView(bytes.buffer);
	view.setInt16(PRSTATUS.cursig, thread.signal ?? 0, true);
	view.setInt32(PRSTATUS.pid, thread.tid, true);
	view.setBigUint64(PRSTATUS.registers + spec.pc * 8, BigInt(thread.pc), true);
	view.setBigUint64(PRSTATUS.registers + spec.sp * 8, BigInt(thread.sp), true);
	if (spec.lr !== undefined) view.setBigUint64(PRSTATUS.registers + spec.lr * 8, BigInt(thread.lr ?? 0), true);
	return bytes;
}

function prpsinfo(core: MadeCore): Uint8Array {
	const bytes = new Uint8Array(PRPSINFO.size);
	const view = new DataView(bytes.buffer);
	bytes[PRPSINFO.state] = 0x53;
	view.setInt32(PRPSINFO.pid, core.threads?.[0]?.tid ?? 1, true);
	bytes.set(new TextEncoder().encode(core.name ?? "made"), PRPSINFO.name);
	return bytes;
}

function mappedFiles(files: NonNullable<MadeCore["files"]>): Uint8Array {
	const table = files.flatMap((f) => [f.start, f.end, f.offset / PAGE]);
	const names = new TextEncoder().encode(files.map((f) => `${f.path}\0`).join(""));
	return concat([words([files.length, PAGE, ...table]), names]);
}

export function words(values: readonly number[]): Uint8Array {
	return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
	return new Uint8Array(Buffer.concat(parts));
}
