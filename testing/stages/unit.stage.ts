import { type Stage, tests } from "./stage.ts";

export const stage: Stage = {
	name: "unit",
	says: "tests beside their sources",
	order: 50,
	run: () => tests(["src/**/*.test.ts", "tools/**/*.test.ts"]),
};
