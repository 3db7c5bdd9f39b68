import { Type } from "typebox";
import { defineOperation } from "./operation.ts";

export const operation = defineOperation({
	name: "settings",
	summary: "The settings in effect, and where each came from",
	description:
		"A flag stands above the environment (GOMEM_<SECTION>_<KEY>), which stands above gomem.toml, " +
		"which stands above the default. The file is the first of --config, $GOMEM_CONFIG, ./gomem.toml and ~/.config/gomem/gomem.toml.",
	group: "gomem itself",
	kind: "query",
	effect: "read",
	target: "none",
	input: Type.Object({
		changed: Type.Boolean({ description: "only those that are not the default", default: false }),
	}),
	result: Type.Object({
		file: Type.Optional(Type.String({ description: "the settings file that was read" })),
		searched: Type.Array(Type.String(), { description: "the files that were looked for, in order" }),
		settings: Type.Array(
			Type.Object({
				key: Type.String({ description: "section.key" }),
				value: Type.Optional(Type.Unknown({ description: "as written; absent where it is not set" })),
				origin: Type.Enum(["default", "file", "environment"]),
				from: Type.Optional(Type.String({ description: "file:line, or the variable" })),
				description: Type.String(),
			}),
		),
	}),
	examples: [
		{ command: "gomem settings", says: "every setting, its value and its origin" },
		{ command: "GOMEM_OUTPUT_COLOR=never gomem settings --changed", says: "what differs from the defaults" },
	],
	async run(ctx, input) {
		const all = await ctx.settings.list();
		return {
			...(ctx.settings.file !== undefined && { file: ctx.settings.file }),
			searched: [...ctx.settings.searched],
			settings: all.filter((one) => !input.changed || one.origin !== "default"),
		};
	},
});
