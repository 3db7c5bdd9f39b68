import { goMissing } from "./go-on-path.ts";
import { type Stage, tests } from "./stage.ts";

export const stage: Stage = {
	name: "go-tools",
	says: "tests beside their sources that read Go's own programs, and compare with what Go's tools say",
	order: 52,
	needs: async () => goMissing(),
	run: () => tests(["src/**/*.go.test.ts"]),
};
