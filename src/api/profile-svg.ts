import { artifactOperation } from "./profile-artifact-operation.ts";
import { profileGraph } from "./profile-picture.ts";

export const operation = artifactOperation(
	"svg",
	{
		summary: "The call graph of a profile as a picture, without graphviz",
		description: "Boxes are functions, as large as their own weight; arrows are calls. Graphviz comes with gomem.",
		examples: [
			{ command: "gomem profile svg 4242 -o heap.svg", says: "who calls the allocators" },
			{ command: "gomem profile svg cpu.pb.gz --focus json -o json.svg", says: "only what goes through json" },
		],
	},
	(ctx, opened, input) => profileGraph(ctx, opened, input, "svg"),
);
