import { Type } from "typebox";
import type { Reading } from "../evidence/reading.ts";

/** How results name a process. */
export const ProcessSummary = Type.Object({
	pid: Type.Optional(Type.Integer({ description: "absent for what is no process" })),
	name: Type.String({ description: "the command's name" }),
	goVersion: Type.Optional(
		Type.String({ description: "as the linker wrote it; absent where it is no Go program or unknown" }),
	),
	exe: Type.String({ description: "path of the executable in the process's own mount namespace" }),
	exeDeleted: Type.Optional(Type.Boolean({ description: "the file was replaced or removed since" })),
	module: Type.Optional(Type.String({ description: "main module" })),
	version: Type.Optional(Type.String({ description: "its version" })),
	container: Type.Optional(Type.String({ description: "short container id, or systemd unit" })),
	uptimeSeconds: Type.Optional(Type.Number()),
	gogc: Type.Optional(Type.String({ description: "GOGC in the environment at start" })),
	gomemlimit: Type.Optional(Type.String({ description: "GOMEMLIMIT in the environment at start" })),
	layout: Type.Optional(
		Type.String({ description: "the runtime layout that the numbers were read with, and how sure it is" }),
	),
});

/** A part that could not be read. */
export const Unreadable = Type.Object({
	part: Type.String(),
	why: Type.String(),
	wouldHelp: Type.Optional(Type.String()),
});

export function unreadable(parts: Reading["unavailable"]): { part: string; why: string; wouldHelp?: string }[] {
	return parts.map((p) => ({
		part: p.part,
		why: p.unavailable,
		...(p.wouldHelp === undefined ? {} : { wouldHelp: p.wouldHelp }),
	}));
}
