import { type Static, Type } from "typebox";
import type { CoreEvidence } from "../evidence/reading.ts";
import { ByteCount } from "./operation-values.ts";

/** What results say of the core that they were read from. */
export const CoreShape = Type.Object(
	{
		file: Type.String(),
		maker: Type.Enum(["kernel", "gdb", "other"], { description: "who wrote it, by its notes" }),
		signal: Type.Optional(Type.Integer({ description: "the signal that ended the process" })),
		executable: Type.Optional(
			Type.String({ description: "the file that was read beside it; absent where the core alone was read" }),
		),
		zeroBytes: ByteCount({
			description: "pages in the file that are all zero and not counted: never touched, or touched and zero",
		}),
		fileBytesLeftOut: ByteCount({ description: "pages of mapped files that were not dumped" }),
		anonymousBytesLeftOut: ByteCount({
			description: "writable memory without a file that was not dumped: never touched, or excluded",
		}),
		missingBytes: ByteCount({ description: "what the file should hold and does not, as it ends early" }),
		uncheckedBytes: ByteCount({ description: "counted without a look for zero pages" }),
	},
	{ description: "there where the target is a core: sizes are then of pages in the file, not of resident ones" },
);

export function coreShape(core: CoreEvidence): Static<typeof CoreShape> {
	return {
		file: core.file,
		maker: core.maker,
		...(core.signal === undefined ? {} : { signal: core.signal }),
		...(core.executable === undefined ? {} : { executable: core.executable }),
		zeroBytes: core.zeroBytes,
		fileBytesLeftOut: core.fileBytesLeftOut,
		anonymousBytesLeftOut: core.anonymousBytesLeftOut,
		missingBytes: core.cutBytes,
		uncheckedBytes: core.uncheckedBytes,
	};
}
