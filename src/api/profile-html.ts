import { artifactOperation } from "./profile-artifact-operation.ts";
import { profilePage } from "./profile-picture.ts";

export const operation = artifactOperation(
	"html",
	{
		summary: "One html file: top, flame graph, call graph and source of a profile",
		description:
			"It needs no network and no server; attach it to a ticket. Source of the heaviest functions is in it as far as it is found here.",
		examples: [{ command: "gomem profile html 4242 -o heap.html", says: "all of it to look at later" }],
	},
	(ctx, opened, input) => profilePage(ctx, opened, input),
);
