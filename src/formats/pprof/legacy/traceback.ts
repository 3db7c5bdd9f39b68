import { type LabelParts, ProfileBuilder } from "../builder.ts";
import type { Profile } from "../model.ts";
import type { TextLines } from "./lines.ts";

const heading = /^goroutine (\d{1,20}) (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[([^\]\n]{1,200})\](?: \{.*\})?:$/;

/** Whether a line begins a goroutine in a traceback: `goroutine 7 [chan receive, 12 minutes]:`. */
export function isTraceback(line: string): boolean {
	return heading.test(line);
}

/**
 * goroutine?debug=2: the traceback of each goroutine (goroutineheader and traceback2 in runtime/traceback.go, Go 1.26), as a
 * profile of goroutines. Those with the same stack, state, wait, creator are one sample. Frames have no addresses: a location
 * is a function, file and line. The labels are `state`, `created_by`, and `wait` in minutes where the text has them.
 */
export function readTraceback(lines: TextLines): Profile {
	const reader = new TracebackReader();
	do reader.line(lines.line);
	while (lines.scan());
	return reader.finish();
}

class TracebackReader {
	readonly #builder = new ProfileBuilder([{ type: "goroutine", unit: "count" }]);
	readonly #locations = new Map<string, number>();
	/** by stack and labels: the sample's locations, labels and count */
	readonly #samples = new Map<string, { readonly stack: number[]; readonly labels: LabelParts[]; count: number }>();
	#stack: number[] = [];
	#labels: LabelParts[] | undefined;
	/** the function whose file and line come next */
	#function: string | undefined;

	line(line: string): void {
		const match = heading.exec(line);
		if (match !== null) {
			this.#end();
			this.#labels = stateLabels(match[2] ?? "");
		} else if (this.#labels === undefined) return;
		else if (line.startsWith("\t")) this.#place(line);
		else if (line.startsWith("created by ")) {
			const creator = line.slice("created by ".length).replace(/ in goroutine \d+$/, "");
			this.#labels.push({ key: "created_by", value: creator });
			this.#function = undefined;
		} else if (line === "" || line.startsWith("...")) this.#function = undefined;
		else this.#function = withoutArguments(line);
	}

	/** `\t/src/main.go:12 +0x1d`: where the call in the function of the line before stands */
	#place(line: string): void {
		const match = /^\t(.{1,4096}):(\d{1,15})(?: [+-]0x[0-9a-f]+)?(?: fp=.*)?$/.exec(line);
		if (match === null || this.#function === undefined) return;
		const [, filename = "", number] = match;
		const key = `${this.#function}\n${filename}\n${number}`;
		let location = this.#locations.get(key);
		if (location === undefined) {
			const row = this.#builder.internFunction({ name: this.#function, filename });
			location = this.#builder.location({ lines: [{ function: row, line: Number(number) }] });
			this.#locations.set(key, location);
		}
		this.#stack.push(location);
		this.#function = undefined;
	}

	#end(): void {
		const labels = this.#labels;
		if (labels === undefined) return;
		const key = `${this.#stack.join()} ${JSON.stringify(labels)}`;
		const known = this.#samples.get(key);
		if (known !== undefined) known.count++;
		else this.#samples.set(key, { stack: this.#stack, labels, count: 1 });
		this.#stack = [];
		this.#labels = undefined;
		this.#function = undefined;
	}

	finish(): Profile {
		this.#end();
		for (const { stack, labels, count } of this.#samples.values()) this.#builder.sample(stack, [count], labels);
		return this.#builder.finish({ periodType: { type: "goroutine", unit: "count" }, period: 1n });
	}
}

/** `chan receive, 12 minutes, locked to thread` */
function stateLabels(text: string): LabelParts[] {
	const [state = "", ...rest] = text.split(", ");
	const labels: LabelParts[] = [{ key: "state", value: state }];
	for (const part of rest) {
		const minutes = /^(\d{1,9}) minutes$/.exec(part)?.[1];
		if (minutes !== undefined) labels.push({ key: "wait", value: Number(minutes), unit: "minutes" });
		else labels.push({ key: "attribute", value: part });
	}
	return labels;
}

/** `main.(*server).run(0xc000012345, {0x1, 0x2})` without what the call was given, and `panic({…})` likewise */
function withoutArguments(line: string): string {
	if (!line.endsWith(")")) return line;
	let depth = 0;
	for (let at = line.length - 1; at >= 0; at--) {
		if (line[at] === ")") depth++;
		else if (line[at] === "(" && --depth === 0) return line.slice(0, at);
	}
	return line;
}
