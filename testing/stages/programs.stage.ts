import { installed, wantedPrograms } from "../real-programs.ts";
import type { Stage } from "./stage.ts";

export const stage: Stage = {
	name: "programs",
	says: "Go programs that others wrote, installed once for the tests that read them",
	order: 55,
	async run() {
		for (const name of wantedPrograms()) {
			try {
				console.log(`${name}: ${await installed(name)}`);
			} catch (error) {
				// the tests that need it say so, and are skipped
				console.log(`${name} could not be installed: ${(error as Error).message.split("\n")[0]}`);
			}
		}
		return { pass: 1, fail: 0, skipped: 0 };
	},
};
