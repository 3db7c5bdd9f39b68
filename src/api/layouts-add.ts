import { statSync } from "node:fs";
import { type Static, Type } from "typebox";
import type { ReadLayout } from "../capture/layout-add.ts";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { GomemError } from "./errors.ts";
import { dwarfShape, LayoutsAddDocument, sizeOfRecord } from "./layouts-shape.ts";
import { defineOperation, type OperationContext } from "./operation.ts";

export type LayoutsAddResult = Static<typeof LayoutsAddDocument>;

export const operation = defineOperation({
	name: "layouts add",
	summary: "Learn the layout of a Go release from a toolchain or a program",
	description:
		"TOOLCHAIN is a release that the go command fetches (go1.28rc1), the folder of a toolchain (its GOROOT), or a program with " +
		"DWARF that the toolchain built. Of a toolchain a small program is built, which is read and never run. The layout is kept " +
		"in $XDG_CONFIG_HOME/gomem/layouts and used from then on for processes of that very version, stripped ones too.",
	group: "gomem itself",
	kind: "job",
	effect: "runs-command",
	target: "none",
	input: Type.Object({
		toolchain: Type.String({
			description: "go1.28rc1, a GOROOT, or a program that was built with it",
			positional: true,
			minLength: 1,
		}),
		arch: Type.Optional(
			Type.Enum(["amd64", "arm64"], { description: "build for this architecture; this machine's own by default" }),
		),
		experiment: Type.Optional(
			Type.String({
				description: "GOEXPERIMENT to build with, as the program was",
				placeholder: "names",
				pattern: "^[a-z0-9]+(,[a-z0-9]+)*$",
			}),
		),
	}),
	result: LayoutsAddDocument,
	examples: [
		{ command: "gomem layouts add go1.28rc1", says: "fetches that toolchain, if need be, and reads its runtime" },
		{ command: "gomem layouts add /opt/acme-go", says: "a vendor's or one's own toolchain, by its folder" },
		{ command: "gomem layouts add ./orders-api.unstripped", says: "from a program with DWARF; runs nothing" },
	],
	async run(ctx, input) {
		const commands: string[] = [];
		const read = isFile(input.toolchain) ? await ofProgram(input.toolchain) : await ofToolchain(ctx, input, commands);
		if (isUnavailable(read)) throw failed(read);
		const { writeAddedLayout, readAddedLayouts } = await import("../capture/added-layouts.ts");
		const { record } = read;
		const same = (one: { goVersion: string; arch: string }) =>
			one.goVersion === record.goVersion && one.arch === record.arch;
		const replaced = readAddedLayouts().layouts.some((one) => same(one.record));
		let path: string;
		try {
			path = writeAddedLayout(record);
		} catch (error) {
			throw new GomemError({
				code: "layout-not-written",
				message: "the layout was read but could not be kept",
				hint: "make $XDG_CONFIG_HOME/gomem/layouts (or ~/.config/gomem/layouts) writable",
				cause: error,
			});
		}
		const { structs, constants } = sizeOfRecord(record);
		const { goVersion, arch, from } = record;
		return { goVersion, arch, from, path, replaced, structs, constants, ...dwarfShape(read), commands };
	},
});

function isFile(path: string): boolean {
	try {
		return statSync(path).isFile();
	} catch {
		return false;
	}
}

async function ofProgram(path: string): Promise<ReadLayout | Unavailable> {
	const { readLayoutOf } = await import("../capture/layout-add.ts");
	return readLayoutOf(path, `program ${path}`);
}

async function ofToolchain(
	ctx: OperationContext,
	input: { readonly toolchain: string; readonly arch?: "amd64" | "arm64"; readonly experiment?: string },
	commands: string[],
): Promise<ReadLayout | Unavailable> {
	const { buildProbe, toolchainOf } = await import("../capture/toolchain-probe.ts");
	const { readLayoutOf } = await import("../capture/layout-add.ts");
	const toolchain = toolchainOf(input.toolchain);
	if (toolchain === undefined) {
		throw new GomemError({
			code: "toolchain-unknown",
			message: `${input.toolchain} is neither a Go release, nor the folder of a toolchain, nor a program`,
			hint: "go1.28rc1; a folder that has bin/go in it; an executable file with DWARF",
		});
	}
	const probe = await buildProbe(toolchain, {
		arch: input.arch ?? (process.arch === "arm64" ? "arm64" : "amd64"),
		experiments: input.experiment ?? "",
		signal: ctx.signal,
		announce: (command) => {
			commands.push(command);
			ctx.warn(`runs ${command}`);
		},
	});
	if (isUnavailable(probe)) return probe;
	try {
		const from = toolchain.kind === "named" ? toolchain.name : toolchain.goroot;
		return await readLayoutOf(probe.path, `toolchain ${from}`, probe.greenTeaSource);
	} finally {
		probe.remove();
	}
}

function failed(problem: Unavailable): GomemError {
	return new GomemError({
		code: "layout-not-read",
		message: problem.unavailable,
		...(problem.wouldHelp === undefined ? {} : { hint: problem.wouldHelp }),
	});
}
