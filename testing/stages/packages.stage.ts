import { debianPackages, installMissing, missing } from "../debian-packages.ts";
import { ci, type Stage } from "./stage.ts";

export const stage: Stage = {
	name: "packages",
	says: "programs of others that tests run beside gomem; CI installs what is missing",
	order: 5,
	async run() {
		const lacking = ci ? installMissing() : Object.keys(debianPackages).filter((program) => missing(program) !== false);
		for (const program of lacking) console.log(`${missing(program)}; the tests that need it are skipped`);
		return { pass: 1, fail: 0, skipped: 0 };
	},
};
