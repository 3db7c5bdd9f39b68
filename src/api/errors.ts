/** What went wrong, in a form that every surface can show. */
export interface GomemErrorDetail {
	/** stable, kebab-case: "target-not-found", "unknown-flag" … */
	readonly code: string;
	/** what happened, one line, no full stop */
	readonly message: string;
	/** why it happened, one line; where absent, the cause's message stands in */
	readonly why?: string;
	/** what the user can do about it, one line */
	readonly hint?: string;
	readonly cause?: unknown;
}

/** The JSON form of a failure: what `--json` prints, and the body of an HTTP or MCP error. */
export interface ErrorDocument {
	readonly schema: "gomem.error/1";
	readonly error: {
		readonly code: string;
		readonly message: string;
		readonly why?: string;
		readonly hint?: string;
	};
}

/** A failure that is told to the user: expected, explained, without a stack trace. */
export class GomemError extends Error {
	readonly code: string;
	readonly why: string | undefined;
	readonly hint: string | undefined;

	constructor(detail: GomemErrorDetail) {
		super(detail.message, detail.cause === undefined ? undefined : { cause: detail.cause });
		this.name = "GomemError";
		this.code = detail.code;
		this.why = detail.why ?? (detail.cause instanceof Error ? firstLine(detail.cause.message) : undefined);
		this.hint = detail.hint;
	}
}

/** The error as a GomemError: itself, an interruption, or a bug of gomem (code `internal-error`), cause kept. */
export function toGomemError(error: unknown): GomemError {
	if (error instanceof GomemError) return error;
	if (isAbort(error)) return new GomemError({ code: "interrupted", message: "interrupted before it was done" });
	return new GomemError({
		code: "internal-error",
		message: "gomem failed in a way it did not expect",
		why: error instanceof Error ? `${error.name}: ${firstLine(error.message)}` : firstLine(String(error)),
		hint: "this is a bug of gomem: run the command again with --debug and report what it prints",
		cause: error,
	});
}

export function errorDocument(error: GomemError): ErrorDocument {
	return {
		schema: "gomem.error/1",
		error: {
			code: error.code,
			message: error.message,
			...(error.why !== undefined && { why: error.why }),
			...(error.hint !== undefined && { hint: error.hint }),
		},
	};
}

export function isAbort(error: unknown): boolean {
	return (
		error instanceof Error && (error.name === "AbortError" || (error as NodeJS.ErrnoException).code === "ABORT_ERR")
	);
}

function firstLine(text: string): string {
	const end = text.indexOf("\n");
	return end < 0 ? text : text.slice(0, end);
}
