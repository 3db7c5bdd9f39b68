import { Type } from "typebox";
import { defineOperation } from "./operation.ts";
import { artifactResult, profileReport } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import { openProfile } from "./profile-source.ts";

export const operation = defineOperation({
	name: "profile proto",
	summary: "A profile in the form that go tool pprof and others read",
	description:
		"Of a running process it is what its own /debug/pprof/heap would give. Several sources are added up, bases taken off, " +
		"filters applied; then written as gzipped protobuf.",
	group: "Profiles",
	kind: "artifact",
	effect: "read",
	target: "none",
	input: Type.Object(profileProperties),
	result: artifactResult,
	examples: [
		{ command: "gomem profile proto 4242 -o heap.pb.gz", says: "the heap profile of a process that serves none" },
		{ command: "gomem profile proto day/*.pb.gz -o all.pb.gz", says: "many profiles added up" },
	],
	async run(ctx, input) {
		return profileReport(ctx, await openProfile(ctx, input), input, "proto");
	},
});
