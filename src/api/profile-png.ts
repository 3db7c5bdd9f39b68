import { artifactOperation } from "./profile-artifact-operation.ts";
import { profileGraph } from "./profile-picture.ts";

export const operation = artifactOperation(
	"png",
	{
		summary: "The call graph of a profile as a picture in pixels",
		description: "As gomem profile svg, for where svg is not shown.",
		examples: [{ command: "gomem profile png 4242 -o heap.png", says: "for a ticket or a chat" }],
	},
	(ctx, opened, input) => profileGraph(ctx, opened, input, "png"),
);
