import { BlockReader, type LookOptions, type MemoryReader, type TargetMemory } from "../bytes/block-reader.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import type { CoreSegment } from "../formats/core/model.ts";

/** [start, end) of the address space, whose bytes stand in `source` from `offset` on. */
export interface MemoryPiece {
	readonly start: number;
	readonly end: number;
	readonly source: ByteSource;
	readonly offset: number;
}

/**
 * The memory of a core as far as somebody has its bytes: what the file holds, and of the executable what the program could
 * not change. Everything else is missing: a page that was left out may have been zero, or not wanted in the dump.
 */
export class CoreMemory implements TargetMemory, ByteSource {
	#pieces: readonly MemoryPiece[];
	#bytesRead = 0;

	constructor(pieces: readonly MemoryPiece[]) {
		this.#pieces = [...pieces].sort((a, b) => a.start - b.start);
	}

	/** Adds pieces where nothing is yet: what is in the core comes first. */
	add(pieces: readonly MemoryPiece[]): void {
		const more = pieces.flatMap((piece) => uncovered(piece, this.#pieces));
		this.#pieces = [...this.#pieces, ...more].sort((a, b) => a.start - b.start);
	}

	get bytesRead(): number {
		return this.#bytesRead;
	}

	look(options: LookOptions = {}): MemoryReader {
		return new BlockReader(this, options);
	}

	readInto(offset: number, into: Uint8Array): number {
		let done = 0;
		while (done < into.length) {
			const address = offset + done;
			const piece = this.#pieceAt(address);
			if (piece === undefined) break;
			const count = Math.min(into.length - done, piece.end - address);
			const got = piece.source.readInto(piece.offset + (address - piece.start), into.subarray(done, done + count));
			this.#bytesRead += got;
			done += got;
			if (got < count) break;
		}
		return done;
	}

	/** The last piece that starts at or below the address, where it reaches to it. */
	#pieceAt(address: number): MemoryPiece | undefined {
		const pieces = this.#pieces;
		let low = 0;
		let high = pieces.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((pieces[middle]?.start ?? 0) <= address) low = middle + 1;
			else high = middle;
		}
		const piece = pieces[low - 1];
		return piece !== undefined && address < piece.end ? piece : undefined;
	}
}

/** What the core itself holds. */
export function piecesOf(segments: readonly CoreSegment[], source: ByteSource): MemoryPiece[] {
	return segments
		.filter((s) => s.present > 0)
		.map((s) => ({ start: s.start, end: s.start + s.present, source, offset: s.offset }));
}

/** The parts of a piece that none of the others (ascending) covers. */
function uncovered(piece: MemoryPiece, others: readonly MemoryPiece[]): MemoryPiece[] {
	const rests: MemoryPiece[] = [];
	let at = piece.start;
	for (const other of others) {
		if (other.end <= at) continue;
		if (other.start >= piece.end) break;
		if (other.start > at) rests.push(part(piece, at, other.start));
		at = other.end;
	}
	if (at < piece.end) rests.push(part(piece, at, piece.end));
	return rests;
}

function part(piece: MemoryPiece, start: number, end: number): MemoryPiece {
	return { start, end, source: piece.source, offset: piece.offset + (start - piece.start) };
}
