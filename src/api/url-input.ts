import { type Static, type TArray, type TString, Type } from "typebox";
import { GomemError } from "./errors.ts";
import { ByteCount, Duration } from "./operation-values.ts";

/** The input that every operation on URLs has. */
export const headerInput: TArray<TString> = Type.Array(Type.String({ placeholder: "K: V", minLength: 1 }), {
	description: "for a URL: a header to send, as 'Authorization: Bearer …'; never printed",
	default: [],
	secret: true,
});

export const timeoutInput = Duration({ description: "how long a URL may take", default: "10s" });

export interface UrlFlags {
	readonly header: readonly string[];
	readonly timeout: number;
}

/** What MemStats says that the runtime obtained from the system. Address space: nothing here says what is resident. */
export const Obtained = Type.Object(
	{
		source: Type.String({ description: "the page it was read from, and what reading it did" }),
		sysBytes: ByteCount({ description: "MemStats.Sys" }),
		backedBytes: ByteCount({ description: "Sys less HeapReleased: the most of it that should be resident" }),
		lines: Type.Array(
			Type.Object({
				id: Type.String(),
				bytes: ByteCount({ description: "obtained, not resident" }),
				what: Type.String(),
				source: Type.String(),
			}),
			{ description: "every byte of Sys on exactly one line" },
		),
	},
	{ description: "in place of `lines` where the target is a URL" },
);
export type Obtained = Static<typeof Obtained>;

/** Reads `Name: value` lines. Throws GomemError, without the line. */
export function headersOf(lines: readonly string[]): [string, string][] {
	return lines.map((line) => {
		const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
		if (name !== undefined && value !== undefined) return [name, value];
		throw new GomemError({
			code: "invalid-input",
			message: "--header is no header",
			why: "expected 'Name: value'",
			hint: "as in --header 'Authorization: Bearer …'",
		});
	});
}
