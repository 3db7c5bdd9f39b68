import { type Static, Type } from "typebox";
import { readAddedLayouts } from "../capture/added-layouts.ts";
import { knownMinors } from "../goruntime/layouts/layouts.ts";
import { LayoutsDocument } from "./layouts-shape.ts";
import { defineOperation } from "./operation.ts";
import { unreadable } from "./shapes.ts";

export type LayoutsResult = Static<typeof LayoutsDocument>;

export const layoutsInput = Type.Object({
	arch: Type.Optional(Type.Enum(["amd64", "arm64"], { description: "only those of this architecture" })),
});

export const operation = defineOperation({
	name: "layouts",
	summary: "The Go releases whose runtime gomem can read, and those you added",
	description:
		"A layout says where the fields of the runtime's structs lie; they move between releases. " +
		"`gomem layouts verify` says which one a program is read with, `gomem layouts add` teaches gomem another release.",
	group: "gomem itself",
	kind: "query",
	effect: "read",
	target: "none",
	input: layoutsInput,
	result: LayoutsDocument,
	examples: [
		{ command: "gomem layouts", says: "every release that is known" },
		{
			command: "gomem layouts verify ./orders-api",
			says: "which layout a program would be read with, and how sure that is",
		},
		{ command: "gomem layouts add go1.28rc1", says: "read the layout of a toolchain that gomem does not know yet" },
	],
	run: async (_ctx, input) => listLayouts(input.arch),
});

export async function listLayouts(arch: "amd64" | "arm64" | undefined): Promise<LayoutsResult> {
	const added = readAddedLayouts();
	const wanted = (one: { readonly arch: string }) => arch === undefined || one.arch === arch;
	return {
		minors: (await knownMinors()).filter(wanted).map((one) => ({
			...one,
			releases: [...one.releases],
			experiments: [...one.experiments],
			inert: [...one.inert],
		})),
		added: added.layouts
			.filter(({ record }) => wanted(record))
			.map(({ path, record: { goVersion, arch, from } }) => ({ goVersion, arch, from, path })),
		folder: added.folder,
		unavailable: unreadable(added.problems),
	};
}
