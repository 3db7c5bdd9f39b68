import type { OwnCommand } from "./words.ts";

/** The commands that are no operations. Their code is loaded when they run. */
export const ownCommands: readonly OwnCommand[] = [
	{
		name: "schema",
		summary: "The JSON Schema of an operation's result, or a list of them",
		group: "gomem itself",
		usage: "[OPERATION] [--input]",
		load: () => import("./schema-command.ts").then((m) => m.schemaCommand),
	},
];
