import { installMissing, missing } from "../debian-packages.ts";
import { ci, type Missing, type Stage, tests } from "./stage.ts";

export const stage: Stage = {
	name: "browser",
	says: "html pages in a real browser",
	order: 65,
	async needs(): Promise<Missing | undefined> {
		if (ci || missing("chromium") === false || process.getuid?.() === 0) return undefined;
		return { why: "there is no chromium", command: "apt-get install chromium, as root" };
	},
	run() {
		if (missing("chromium") !== false) installMissing();
		return tests(["testing/browser/*.test.ts"], { concurrency: 1 });
	},
};
