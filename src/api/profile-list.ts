import { type Static, Type } from "typebox";
import { SourceFiles } from "../capture/profile-code.ts";
import { figure } from "../profile/figure.ts";
import { listing, listReport } from "../profile/listing.ts";
import { divided } from "../profile/prepare.ts";
import { defineOperation, type OperationContext } from "./operation.ts";
import { profileProperties, regexpProperty } from "./profile-input.ts";
import type { ViewInput } from "./profile-options.ts";
import { headOf, linesOf, prepareView, reportError } from "./profile-report.ts";
import { Figure, pprofText, profileHead } from "./profile-shape.ts";
import { type OpenedProfile, openProfile } from "./profile-source.ts";

const Line = Type.Object({ line: Type.Integer(), text: Type.String(), flat: Figure, cum: Figure });
const result = Type.Object({
	...profileHead,
	functions: Type.Array(
		Type.Object({
			function: Type.String(),
			file: Type.String({ description: '"" where the profile does not say' }),
			flat: Figure,
			cum: Figure,
			lines: Type.Array(Line),
			problem: Type.Optional(Type.String({ description: "why there are no lines" })),
		}),
		{ description: "by name, then by file" },
	),
	pprof: pprofText,
});
export type ProfileListResult = Static<typeof result>;

export const operation = defineOperation({
	name: "profile list",
	summary: "The source of the functions that match, with the weight of each line",
	description:
		"Sources are looked for where the profile says, in --source-path (after --trim-path is taken off), and for programs " +
		"built elsewhere in GOROOT and the module cache.",
	group: "Profiles",
	kind: "query",
	effect: "read",
	target: "none",
	input: Type.Object({ regexp: regexpProperty, ...profileProperties }),
	result,
	examples: [
		{ command: "gomem profile list 'cache..Put' 4242", says: "which line of it holds the memory" },
		{
			command: "gomem profile list main cpu.pb.gz --source-path ~/src/app --trim-path /build",
			says: "of a program that was built in /build",
		},
	],
	async run(ctx, input) {
		return profileList(ctx, await openProfile(ctx, input), input, input.regexp);
	},
});

/** Throws GomemError where no function matches. */
export function profileList(
	ctx: Pick<OperationContext, "warn">,
	opened: OpenedProfile,
	input: ViewInput & { readonly style?: string },
	regexp: string,
): ProfileListResult {
	const prepared = prepareView(ctx, opened, input, { format: "list", regexp });
	const files = new SourceFiles({
		sourcePath: input.sourcePath ?? "",
		trimPath: input.trimPath ?? "",
		// pprof looks nowhere else, and the text is to be its own
		...(input.style === "pprof" ? { goroots: [], moduleCaches: [] } : {}),
	});
	const functions = listing(prepared, (path) => files.read(path));
	if ("error" in functions) throw reportError(functions.error);
	const told = (value: number): Figure => figure(divided(prepared, value));
	return {
		...headOf(opened, prepared),
		functions: functions.map((one) => ({
			...one,
			flat: told(one.flat),
			cum: told(one.cum),
			lines: one.lines.map((line) => ({ ...line, flat: told(line.flat), cum: told(line.cum) })),
		})),
		...(input.style === "pprof" ? { pprof: linesOf(listReport(prepared, functions)) } : {}),
	};
}
