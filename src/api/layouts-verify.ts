import { closeSync, openSync, readSync, statSync } from "node:fs";
import { type Static, Type } from "typebox";
import type { LayoutCheck } from "../capture/layout-check.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { isElf } from "../formats/elf/magic.ts";
import { GomemError } from "./errors.ts";
import { dwarfShape, LayoutsVerifyDocument, sizeOfRecord } from "./layouts-shape.ts";
import { targetOf } from "./observe.ts";
import { defineOperation } from "./operation.ts";
import { unreadable } from "./shapes.ts";

export type LayoutsVerifyResult = Static<typeof LayoutsVerifyDocument>;

export const operation = defineOperation({
	name: "layouts verify",
	summary: "Which layout a Go program is read with, and whether it is right",
	description:
		"Holds the program's own DWARF, where it has one, against what gomem knows of its release, field by field. " +
		"For a process it also tries each layout on the live runtime. A file is an executable.",
	group: "gomem itself",
	kind: "query",
	effect: "read",
	target: "required",
	input: Type.Object({}),
	result: LayoutsVerifyDocument,
	examples: [
		{ command: "gomem layouts verify ./orders-api", says: "a program on disk" },
		{ command: "gomem layouts verify 4242", says: "a running one: which layouts fit it" },
	],
	async run(_ctx, input) {
		const { checkProcess, checkProgramFile } = await import("../capture/layout-check.ts");
		const checked = isProgramFile(input.target)
			? await checkProgramFile(input.target)
			: await checkProcess(pidOf(input.target));
		if (isUnavailable(checked)) throw notChecked(input.target, checked);
		return resultOf(checked);
	},
});

/** An ELF file of that name; a process of that name would have to be given by its pid. */
function isProgramFile(path: string): boolean {
	try {
		if (/^\d+$/.test(path) || !statSync(path).isFile()) return false;
		const fd = openSync(path, "r");
		try {
			const head = new Uint8Array(4);
			return readSync(fd, head, 0, 4, 0) === 4 && isElf(head);
		} finally {
			closeSync(fd);
		}
	} catch {
		return false; // the resolver of targets says what is wrong
	}
}

function pidOf(text: string): number {
	const target = targetOf(text);
	if (target.kind === "process") return target.pid;
	throw new GomemError({
		code: "target-not-program",
		message: `${text} is neither a program nor a process`,
		hint: "give an executable file, a pid, a name or :port",
	});
}

function notChecked(text: string, problem: Unavailable): GomemError {
	return new GomemError({
		code: "program-unreadable",
		message: `${text}: ${problem.unavailable}`,
		...(problem.wouldHelp === undefined ? {} : { hint: problem.wouldHelp }),
	});
}

function resultOf(check: LayoutCheck): LayoutsVerifyResult {
	const { file, choice, dwarf, use } = check;
	const missing = [
		...check.problems,
		...(isUnavailable(dwarf) ? [{ part: "DWARF", ...dwarf }] : []),
		...(use !== undefined && isUnavailable(use) ? [{ part: "runtime", ...use }] : []),
	];
	return {
		program: {
			path: check.path,
			...(check.pid === undefined ? {} : { pid: check.pid }),
			goVersion: file.goVersion,
			arch: file.arch,
			stripped: file.stripped,
			dwarfBytes: check.dwarfBytes,
		},
		...(use === undefined || isUnavailable(use) ? {} : { use: { label: use.label, certainty: use.certainty } }),
		table: {
			knows: choice.kind,
			layouts:
				choice.kind === "unknown"
					? []
					: "layouts" in choice
						? choice.layouts.map((l) => l.label)
						: [choice.layout.label],
			...("why" in choice ? { why: choice.why } : {}),
		},
		...(isUnavailable(dwarf) ? {} : { dwarf: { ...sizeOfRecord(dwarf.record), ...dwarfShape(dwarf) } }),
		fits: check.fits.map(({ layout, of, found }) => ({
			label: layout.label,
			of,
			fits: found !== undefined,
			...(found === undefined ? {} : { variablesFrom: found.from }),
		})),
		unavailable: unreadable(missing),
	};
}
