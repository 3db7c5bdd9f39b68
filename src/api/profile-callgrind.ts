import { reportOperation } from "./profile-artifact-operation.ts";

export const operation = reportOperation("callgrind", {
	summary: "The call graph of a profile for KCachegrind",
	examples: [
		{ command: "gomem profile callgrind cpu.pb.gz -o callgrind.out", says: "then: kcachegrind callgrind.out" },
	],
});
