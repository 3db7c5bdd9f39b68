/**
 * Standard output and error. The reader of a pipe may go away (`gomem ps | head`): that ends gomem quietly, with whatever
 * cleanup an operation has, not with a stack trace.
 */
let closed = false;
const onClosed = new Set<() => void>();

/** Takes the EPIPE of standard output and standard error; any other error of theirs is thrown. */
export function listenForClosedOutput(): void {
	for (const stream of [process.stdout, process.stderr]) {
		stream.on("error", (error: NodeJS.ErrnoException) => {
			if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
			closed = true;
			for (const callback of onClosed) callback();
		});
	}
}

export function outputClosed(): boolean {
	return closed;
}

export function whenOutputCloses(callback: () => void): void {
	if (closed) callback();
	else onClosed.add(callback);
}

/** Writes to standard output and waits until it took it, so that a slow reader slows a stream down. */
export async function write(text: string | Uint8Array): Promise<void> {
	if (closed) return;
	await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
}

export function writeError(text: string): void {
	if (!closed) process.stderr.write(text);
}

/**
 * Text that came from other processes (names, command lines, paths) may hold escape sequences that drive the terminal.
 * Everything but colour (SGR), newlines and tabs is made visible as \xNN.
 */
export function visibleText(text: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
	return text.replace(/(\x1b\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (control, color: string | undefined) =>
		color === undefined ? escaped(control) : color,
	);
}

/** The strings in a document, before it is laid out: a newline in one would be a row, and an escape sequence a colour. */
export function visibleStrings<T>(value: T): T {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
	if (typeof value === "string") return value.replace(/[\x00-\x1f\x7f-\x9f]/g, escaped) as T;
	if (Array.isArray(value)) return value.map(visibleStrings) as T;
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, visibleStrings(one)])) as T;
}

function escaped(control: string): string {
	return `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
