import { readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../subject-toolchain.ts";
import { goMissing } from "./go-on-path.ts";
import { type Missing, type Stage, tests } from "./stage.ts";

export const stage: Stage = {
	name: "subjects",
	says: "Go programs with known memory, and what gomem says of them",
	order: 60,
	async needs(): Promise<Missing | undefined> {
		const missing = goMissing();
		if (missing !== undefined) return missing;
		try {
			if (readdirSync(join(cacheFolder(), "subjects")).length > 0) return undefined;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		}
		return { why: "the Go programs are not built, which takes minutes", command: "npm run subjects -- build" };
	},
	// the programs share two cores with what measures them
	run: () => tests(["testing/*.test.ts", "testing/integration/**/*.test.ts"], { concurrency: 2 }),
};
