import { FloatColumn, IntColumn } from "./columns.ts";
import { SLOT, TYPE_TAGS, type TypeKind } from "./constants.ts";
import { hashOf, isOwn, type NameRef, type Names } from "./names.ts";

/** Index of a type in DwarfTypes; -1 is none. */
export type TypeId = number;

/** Longest chain of typedefs that is followed; a hostile one may be a circle. */
const MAX_CHAIN = 64;
const POINTER_SIZE = 8;

/** Collects types while entries are read, in the order of their offsets. */
export class TypeColumns {
	readonly offset = new FloatColumn();
	readonly kind = new IntColumn();
	readonly name = new FloatColumn();
	readonly size = new FloatColumn();
	readonly target = new FloatColumn();
	readonly count = new FloatColumn();
	readonly goKind = new IntColumn();
	readonly goKey = new FloatColumn();
	readonly goElem = new FloatColumn();
	readonly runtimeType = new FloatColumn();
	readonly members = new IntColumn();
	readonly memberName = new FloatColumn();
	readonly memberOffset = new FloatColumn();
	readonly memberType = new FloatColumn();
	readonly memberEmbedded = new IntColumn();

	/** Takes an entry with a tag of TYPE_TAGS. */
	add(offset: number, kind: number, v: Float64Array): void {
		this.offset.push(offset);
		this.kind.push(kind);
		this.name.push(at(v, SLOT.name));
		this.size.push(at(v, SLOT.byteSize));
		this.target.push(at(v, SLOT.type));
		this.count.push(Number.NaN);
		this.goKind.push(at(v, SLOT.goKind) || 0);
		this.goKey.push(at(v, SLOT.goKey));
		this.goElem.push(at(v, SLOT.goElem));
		this.runtimeType.push(at(v, SLOT.goRuntimeType));
		this.members.push(this.memberName.length);
	}

	addMember(v: Float64Array): void {
		this.memberName.push(at(v, SLOT.name));
		// a union's members have no offset; neither has the first member of some C compilers
		this.memberOffset.push(at(v, SLOT.memberOffset) || 0);
		this.memberType.push(at(v, SLOT.type));
		this.memberEmbedded.push(at(v, SLOT.goEmbedded) === 1 ? 1 : 0);
	}
}

function at(values: Float64Array, slot: number): number {
	return values[slot] ?? Number.NaN;
}

/**
 * The types of a program, in columns. References between types are resolved when they are asked for; a reference to a type
 * that is not here (of a unit that was left out) is -1.
 */
export class DwarfTypes {
	readonly names: Names;
	readonly count: number;
	readonly #offset: Float64Array;
	readonly #kind: Int32Array;
	readonly #name: Float64Array;
	readonly #size: Float64Array;
	readonly #target: Float64Array;
	readonly #count: Float64Array;
	readonly #goKind: Int32Array;
	readonly #goKey: Float64Array;
	readonly #goElem: Float64Array;
	readonly #runtimeType: Float64Array;
	readonly #members: Int32Array;
	readonly #memberName: Float64Array;
	readonly #memberOffset: Float64Array;
	readonly #memberType: Float64Array;
	readonly #memberEmbedded: Int32Array;
	#byName: Int32Array | undefined;

	/** `counts`: elements of the array types, by type. */
	constructor(names: Names, columns: TypeColumns, counts: ReadonlyMap<TypeId, number>) {
		this.names = names;
		this.count = columns.offset.length;
		columns.members.push(columns.memberName.length);
		this.#offset = columns.offset.finish();
		this.#kind = columns.kind.finish();
		this.#name = columns.name.finish();
		this.#size = columns.size.finish();
		this.#target = columns.target.finish();
		this.#count = columns.count.finish();
		for (const [id, count] of counts) this.#count[id] = count;
		this.#goKind = columns.goKind.finish();
		this.#goKey = columns.goKey.finish();
		this.#goElem = columns.goElem.finish();
		this.#runtimeType = columns.runtimeType.finish();
		this.#members = columns.members.finish();
		this.#memberName = columns.memberName.finish();
		this.#memberOffset = columns.memberOffset.finish();
		this.#memberType = columns.memberType.finish();
		this.#memberEmbedded = columns.memberEmbedded.finish();
	}

	kind(id: TypeId): TypeKind | undefined {
		return TYPE_TAGS[(this.#kind[id] ?? 0) - 1]?.[1];
	}

	/** "runtime.mspan", "*main.node", "[]string", "map[string]int"; Go's full import paths, "" for no name */
	name(id: TypeId): string {
		return this.names.text(this.#name[id] ?? Number.NaN);
	}

	/** reflect.Kind (GO_KIND); 0 where it is not said, as for C */
	goKind(id: TypeId): number {
		return this.#goKind[id] ?? 0;
	}

	/** What a typedef stands for, a pointer points to, an array consists of, a function returns (C). */
	target(id: TypeId): TypeId {
		return this.idAt(this.#target[id]);
	}

	/** Of a map: its keys' type. */
	key(id: TypeId): TypeId {
		return this.idAt(this.#goKey[id]);
	}

	/** Of a map, slice, channel or array: its elements' type. */
	element(id: TypeId): TypeId {
		const element = this.idAt(this.#goElem[id]);
		return element < 0 && this.kind(id) === "array" ? this.target(id) : element;
	}

	/** Of an array; undefined where it is not said. */
	arrayCount(id: TypeId): number | undefined {
		return known(this.#count[id]);
	}

	/** The type's descriptor in the program: bytes from moduledata.types (Go 1.8 and later); undefined where it has none. */
	runtimeType(id: TypeId): number | undefined {
		return known(this.#runtimeType[id]);
	}

	/** Offset of the type's entry in .debug_info: a name for the type that holds within this file. */
	offset(id: TypeId): number {
		return this.#offset[id] ?? Number.NaN;
	}

	/** Without its typedefs; -1 where they lead nowhere. */
	underlying(id: TypeId): TypeId {
		let at = id;
		for (let i = 0; i < MAX_CHAIN; i++) {
			if (this.kind(at) !== "typedef") return this.kind(at) === undefined ? -1 : at;
			at = this.target(at);
		}
		return -1;
	}

	/** Bytes; undefined where it cannot be said. */
	size(id: TypeId): number | undefined {
		let scale = 1;
		let at = id;
		for (let i = 0; i < MAX_CHAIN; i++) {
			at = this.underlying(at);
			const own = known(this.#size[at]);
			if (own !== undefined) return own * scale;
			const kind = this.kind(at);
			if (kind === "pointer" || kind === "subroutine" || kind === "unspecified") return POINTER_SIZE * scale;
			const count = this.arrayCount(at);
			if (kind !== "array" || count === undefined) return undefined;
			scale *= count;
			at = this.target(at);
		}
		return undefined;
	}

	/** The members of a struct are memberStart(id) to memberEnd(id), in the order of the source. */
	memberStart(id: TypeId): number {
		return this.#members[id] ?? 0;
	}

	memberEnd(id: TypeId): number {
		return this.#members[id + 1] ?? 0;
	}

	memberName(member: number): string {
		return this.names.text(this.#memberName[member] ?? Number.NaN);
	}

	/** bytes from the start of the struct */
	memberOffset(member: number): number {
		return this.#memberOffset[member] ?? Number.NaN;
	}

	memberType(member: number): TypeId {
		return this.idAt(this.#memberType[member]);
	}

	memberEmbedded(member: number): boolean {
		return this.#memberEmbedded[member] === 1;
	}

	/** The type whose entry is at an offset of .debug_info; -1 where there is none. Binary search: entries ascend. */
	idAt(offset: number | undefined): TypeId {
		if (offset === undefined || Number.isNaN(offset)) return -1;
		let low = 0;
		let high = this.count;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.#offset[middle]! < offset)
				low = middle + 1; // low <= middle < high <= count
			else high = middle;
		}
		return this.#offset[low] === offset ? low : -1;
	}

	/** The first type of that name; -1 where there is none. */
	find(name: string): TypeId {
		const text = new TextEncoder().encode(name);
		const table = this.#index();
		const mask = table.length - 1;
		for (let i = hashOf(text) & mask; ; i = (i + 1) & mask) {
			const id = table[i]! - 1; // masked
			if (id < 0) return -1;
			if (this.names.equals(this.#nameRef(id), text)) return id;
		}
	}

	/** A hash table of ids + 1, at most half full, made when a name is first asked for. */
	#index(): Int32Array {
		if (this.#byName !== undefined) return this.#byName;
		const table = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(8, this.count * 2))));
		const mask = table.length - 1;
		const seen = new Set<number>();
		for (let id = 0; id < this.count; id++) {
			const ref = this.#nameRef(id);
			if (Number.isNaN(ref)) continue;
			// many entries may share one name in .debug_str: each is entered once
			if (!isOwn(ref)) {
				if (seen.has(ref)) continue;
				seen.add(ref);
			}
			let i = this.names.hash(ref) & mask;
			for (let probes = 0; table[i] !== 0 && probes < MAX_PROBES; probes++) i = (i + 1) & mask;
			if (table[i] === 0) table[i] = id + 1;
		}
		this.#byName = table;
		return table;
	}

	#nameRef(id: TypeId): NameRef {
		return this.#name[id] ?? Number.NaN;
	}
}

/** Names that fall together in a hash table: a program has some; more are an attack, and the later ones are not found. */
const MAX_PROBES = 4096;

function known(value: number | undefined): number | undefined {
	return value === undefined || Number.isNaN(value) ? undefined : value;
}
