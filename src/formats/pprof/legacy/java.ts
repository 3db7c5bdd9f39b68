import { scaleHeapSample } from "../scale.ts";
import { LegacyDraft } from "./draft.ts";
import { divided } from "./heap.ts";
import { addressesOf, decimal, type Exact, hexadecimal, malformed, product, type TextLines } from "./lines.ts";

/** The text is one of Java's: its contentionz differs from that of C++ by its first attribute, `format = java`. */
export function isJava(text: string): boolean {
	return /^[\t ]*--- (?:heapz 1 ---[\t\r ]*\n|contentionz 1 ---[\t\r ]*\n\s*(?:format|resolution)\s*=)/.test(text);
}

/** the sampling rate of Java's heapz, which its text does not say (legacy_java_profile.go) */
const HEAP_RATE = 524_288;

/** The first line has been read. */
export function readJava(lines: TextLines): LegacyDraft {
	const heap = lines.line.includes("heapz");
	const draft = readAttributes(lines, heap);
	do {
		const line = lines.line.trim();
		if (line === "") continue;
		const match = /^ *(\d{1,40}) +(\d{1,40}) +@ +([ x0-9a-f]*)/.exec(line);
		if (match === null) break;
		readSample(lines, draft, heap, match);
	} while (lines.scan());
	readJavaLocations(lines, draft, true);
	return draft;
}

function readAttributes(lines: TextLines, heap: boolean): LegacyDraft {
	const types = (resolution: string) => {
		return heap
			? [
					{ type: "inuse_objects", unit: "count" },
					{ type: "inuse_space", unit: resolution },
				]
			: [
					{ type: "contentions", unit: "count" },
					{ type: "delay", unit: resolution },
				];
	};
	let draft = new LegacyDraft([], {});
	while (lines.scan()) {
		const line = lines.line.trim();
		if (line === "") continue;
		const match = /([\w ]{1,64})=([\w ]{1,64})/.exec(line);
		if (match === null) break;
		const [name, value] = [(match[1] ?? "").trim(), (match[2] ?? "").trim()];
		const figure = decimal(value);
		if (name === "resolution") draft = new LegacyDraft(types(value), draft.header);
		else if (!heap && name === "sampling period" && figure !== undefined) {
			draft.header = { ...draft.header, periodType: { type: "contentions", unit: "count" }, period: BigInt(figure) };
		} else if (!heap && name === "ms since reset" && figure !== undefined) {
			draft.header = { ...draft.header, durationNanos: BigInt(product(figure, 1_000_000)) };
		} else if (name !== "format" || value !== "java") throw malformed(lines, "an attribute of a Java profile");
	}
	return draft;
}

function readSample(lines: TextLines, draft: LegacyDraft, heap: boolean, match: RegExpExecArray): void {
	const bytes = decimal(match[1] ?? "");
	const count = decimal(match[2] ?? "");
	if (bytes === undefined || count === undefined) throw malformed(lines, "figures of 64 bits");
	if (draft.sampleTypes.length === 0) throw malformed(lines, "a resolution before the samples");
	const addresses = addressesOf(match[3] ?? "", lines);
	if (heap) {
		if (Number(count) === 0) throw malformed(lines, "a count that is not 0");
		const label = { key: "bytes", value: divided(bytes, count) };
		draft.sample(addresses, scaleHeapSample(count, bytes, HEAP_RATE), [label]);
		return;
	}
	const period: Exact = draft.header.period === undefined ? 0 : Number(draft.header.period);
	const scaled = (value: Exact) => (period === 0 ? value : product(value, period));
	draft.sample(addresses, [scaled(count), scaled(bytes)]);
}

/** The names of the addresses, one a line: `0x0000001f com.example.Main.run (Main.java:12)`. */
export function readJavaLocations(lines: TextLines, draft: LegacyDraft, begun = false): void {
	/** by function: the file that it was first named with */
	const files = new Map<string, string>();
	for (let more = begun || lines.scan(); more; more = lines.scan()) {
		const match = /^0x([0-9a-fA-F]+)[\t\n\f\r ]+(.*)$/s.exec(lines.line.trim());
		if (match === null) continue;
		const address = hexadecimal(match[1] ?? "");
		if (address === undefined) throw malformed(lines, "an address of 64 bits");
		const location = draft.find(address);
		if (location === undefined) continue;
		const { name, file, line } = functionOf((match[2] ?? "").trimEnd());
		const filename = files.get(name) ?? file;
		files.set(name, filename);
		draft.lines[location] = [{ name, filename, line }];
	}
}

/** `function (file:line)`, `function (path of a library)`, or a state such as `GC`. */
function functionOf(text: string): { readonly name: string; readonly file: string; readonly line: Exact } {
	const inner = text.endsWith(")") ? openingOf(text) : undefined;
	if (inner === undefined) return { name: text.includes("generated stub/JIT") ? "STUB" : text, file: "", line: 0 };
	const { name, content } = inner;
	const colon = content.lastIndexOf(":");
	const digits = content.slice(colon + 1);
	if (colon > 0 && /^-?[0-9]+$/.test(digits)) {
		const line = decimal(digits);
		return { name, file: content.slice(0, colon), line: line !== undefined && line > 0 ? line : 0 };
	}
	return { name, file: content.slice(content.replace(/\/+$/, "").lastIndexOf("/") + 1) || ".", line: 0 };
}

/** What stands before and in the last parenthesis that follows a space. */
function openingOf(text: string): { readonly name: string; readonly content: string } | undefined {
	for (let at = text.lastIndexOf("("); at > 0; at = text.lastIndexOf("(", at - 1)) {
		if (/[\t\n\f\r ]/.test(text[at - 1] ?? "")) {
			return { name: text.slice(0, at).replace(/[\t\n\f\r ]$/, ""), content: text.slice(at + 1, -1) };
		}
	}
	return undefined;
}
