import { reportOperation } from "./profile-artifact-operation.ts";

export const operation = reportOperation("raw", {
	summary: "All that a profile holds, as text",
	examples: [{ command: "gomem profile raw heap.pb.gz", says: "samples, locations and mappings" }],
});
