import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../subject-toolchain.ts";
import { ci, type Missing, root, type Stage, tests } from "./stage.ts";

export const stage: Stage = {
	name: "subjects",
	says: "Go programs with known memory, and what gomem says of them",
	order: 60,
	async needs(): Promise<Missing | undefined> {
		if (ci) return undefined;
		try {
			execFileSync("go", ["version"], { cwd: root, stdio: "ignore" });
		} catch {
			return {
				why: "there is no go on PATH",
				command: "install Go 1.24 or newer (https://go.dev/dl), or apt install golang",
			};
		}
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
