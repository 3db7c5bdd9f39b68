import { reportOperation } from "./profile-artifact-operation.ts";

export const operation = reportOperation("proto", {
	summary: "A profile in the form that go tool pprof and others read",
	description:
		"Of a running process it is what its own /debug/pprof/heap would give. Several sources are added up, bases taken off, " +
		"filters applied; then written as gzipped protobuf.",
	examples: [
		{ command: "gomem profile proto 4242 -o heap.pb.gz", says: "the heap profile of a process that serves none" },
		{ command: "gomem profile proto day/*.pb.gz -o all.pb.gz", says: "many profiles added up" },
	],
});
