import { type Stage, tests } from "./stage.ts";

export const stage: Stage = {
	name: "package",
	says: "the published package, installed elsewhere; launchers on several Node.js versions",
	order: 70,
	run: () => tests(["testing/package/*.test.ts"], { concurrency: 1 }),
};
