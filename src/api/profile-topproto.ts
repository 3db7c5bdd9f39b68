import { reportOperation } from "./profile-artifact-operation.ts";

export const operation = reportOperation("topproto", {
	summary: "The rows of top as a profile of their own",
	examples: [{ command: "gomem profile topproto 4242 -o top.pb.gz", says: "a small profile to keep" }],
});
