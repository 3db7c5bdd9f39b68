import { check, type Stage } from "./stage.ts";

export const stage: Stage = {
	name: "types",
	says: "the type checker over everything",
	order: 10,
	run: () =>
		check(
			["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"],
			// the pages have a window and a document, which nothing else may take for granted
			["node_modules/typescript/bin/tsc", "-p", "src/ui/tsconfig.json"],
		),
};
