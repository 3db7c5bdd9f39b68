import { check, type Stage } from "./stage.ts";

export const stage: Stage = {
	name: "lint",
	says: "lint and format",
	order: 20,
	run: () => check(["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."]),
};
