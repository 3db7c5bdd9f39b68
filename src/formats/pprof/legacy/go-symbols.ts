import type { DraftLabel, DraftLine, LegacyDraft } from "./draft.ts";
import { type Exact, hexadecimal } from "./lines.ts";

/**
 * What Go writes below a stack for people: `#\t0x46a5f8\tmain.work+0x38\t/src/main.go:12` for each frame (printStackRecord in
 * runtime/pprof/pprof.go, Go 1.26), inlined frames with the address of their caller, and `# labels: {"key":"value"}` (Go
 * 1.13 and later). `go tool pprof` passes over it and wants the program instead; with it, no program is needed. Frames of the
 * runtime at the leaf are left out there, so some locations stay without a name.
 */
export class GoSymbols {
	readonly #draft: LegacyDraft;
	#stack: readonly Exact[] = [];
	#frames: Frame[] = [];
	/** by the line: stacks share most of theirs */
	readonly #known = new Map<string, Frame | undefined>();

	constructor(draft: LegacyDraft) {
		this.#draft = draft;
	}

	/** The stack of the sample that was read last: its addresses as the draft has them. */
	begin(addresses: readonly Exact[]): void {
		this.end();
		this.#stack = addresses;
	}

	comment(line: string): void {
		if (!this.#known.has(line)) this.#known.set(line, frameOf(line));
		const frame = this.#known.get(line);
		if (frame !== undefined) this.#frames.push(frame);
	}

	/** Gives the frames to the locations of the stack. A location that stands in it twice was printed twice. */
	end(): void {
		const frames = this.#frames;
		for (let i = 0; i < frames.length; ) {
			const address = frames[i]?.address ?? 0;
			let next = i;
			while (frames[next]?.address === address) next++;
			this.#name(
				address,
				frames.slice(i, next).map(({ line }) => line),
			);
			i = next;
		}
		this.#frames = [];
		this.#stack = [];
	}

	#name(address: Exact, lines: readonly DraftLine[]): void {
		const location = this.#draft.find(address);
		const times = longestRun(this.#stack, address);
		if (location === undefined || times === 0 || lines.length % times !== 0) return;
		const own = lines.slice(0, lines.length / times);
		// at the leaf of another stack, inlined frames of the runtime may have been left out
		if (own.length > (this.#draft.lines[location]?.length ?? 0)) this.#draft.lines[location] = own;
	}
}

interface Frame {
	readonly address: Exact;
	readonly line: DraftLine;
}

function frameOf(line: string): Frame | undefined {
	const [, digits, name, filename, number] =
		/^#\t0x([0-9a-f]{1,16})\t(\S.{0,8191})\+0x[0-9a-f]{1,16}\t+(.{1,4096}):(\d{1,15})$/.exec(line) ?? [];
	const address = hexadecimal(digits ?? "");
	if (digits === undefined || address === undefined) return undefined;
	return { address, line: { name: (name ?? "").trimEnd(), filename: filename ?? "", line: Number(number) } };
}

/** how often an address stands side by side with itself: recursion in one place */
function longestRun(addresses: readonly Exact[], address: Exact): number {
	let longest = 0;
	let run = 0;
	for (const one of addresses) {
		run = one === address ? run + 1 : 0;
		longest = Math.max(longest, run);
	}
	return longest;
}

/** `# labels: {"worker":"7"}` below a stack: a map of strings as %q prints them, which is JSON but for rare escapes. */
export function labelsOf(line: string): readonly DraftLabel[] {
	const text = /^# labels: (\{.*\})$/.exec(line)?.[1];
	if (text === undefined) return [];
	try {
		const object: unknown = JSON.parse(text.replace(/\\x([0-9a-f]{2})/g, "\\u00$1").replace(/\\a/g, "\\u0007"));
		return Object.entries(object as Record<string, unknown>).flatMap(([key, value]) => {
			return typeof value === "string" ? [{ key, value }] : [];
		});
	} catch {
		return [];
	}
}
