import { reportOperation } from "./profile-artifact-operation.ts";

export const operation = reportOperation("speedscope", {
	summary: "A profile for speedscope.app, all sample types in it",
	examples: [
		{
			command: "gomem profile speedscope 4242 -o heap.speedscope.json",
			says: "open it at speedscope.app, or with npx speedscope",
		},
	],
});
