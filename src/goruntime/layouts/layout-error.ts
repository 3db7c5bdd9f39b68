export interface LayoutErrorDetail {
	/** the build whose layout was asked: "go1.26.8 amd64" */
	readonly release: string;
	/** the struct, variable, constant or table */
	readonly struct: string;
	readonly field?: string;
	/** default "struct" */
	readonly kind?: "struct" | "variable" | "constant" | "table";
}

/** A reader asked for something that this build of the Go runtime does not have. Ask has() first where that may be. */
export class LayoutError extends Error {
	readonly detail: LayoutErrorDetail;

	constructor(detail: LayoutErrorDetail) {
		const what = detail.field === undefined ? detail.struct : `${detail.struct}.${detail.field}`;
		super(
			`runtime layout of ${detail.release}: no ${detail.field === undefined ? (detail.kind ?? "struct") : "field"} ${what}`,
		);
		this.name = "LayoutError";
		this.detail = detail;
	}
}
