import { type Stage, tests } from "./stage.ts";

export const stage: Stage = {
	name: "unit",
	says: "tests beside their sources, without Go",
	order: 50,
	run: () => tests(["src/**/!(*.go).test.ts", "tools/**/*.test.ts"]),
};
