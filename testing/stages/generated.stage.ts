import { check, type Stage } from "./stage.ts";

export const stage: Stage = {
	name: "generated",
	says: "registries, published schemas and cited paths are in date",
	order: 40,
	run: () =>
		check(
			["tools/generate-registries.ts", "--check"],
			["tools/generate-schemas.ts", "--check"],
			["tools/check-docs.ts"],
		),
};
