import { check, type Stage } from "./stage.ts";

export const stage: Stage = {
	name: "imports",
	says: "layers, purity, cycles",
	order: 30,
	run: () => check(["tools/check-imports.ts"]),
};
