import { type Static, Type } from "typebox";
import { CoreShape } from "./core-shape.ts";
import { Address, ByteCount, Count, Milliseconds, Moment } from "./operation-values.ts";
import { ProcessSummary, Unreadable } from "./shapes.ts";

/** What is summed over mappings. Absent where only the address space could be read. */
const sums = {
	rssBytes: Type.Optional(ByteCount({ description: "resident" })),
	pssBytes: Type.Optional(ByteCount({ description: "Rss with shared pages divided by their users" })),
	privateDirtyBytes: Type.Optional(ByteCount({ description: "resident, this process's alone, and written to" })),
	swapBytes: Type.Optional(ByteCount({ description: "swapped out" })),
	hugeBytes: Type.Optional(
		ByteCount({ description: "in huge pages: AnonHugePages, ShmemPmdMapped, FilePmdMapped, hugetlb (not in Rss)" }),
	),
};

/** The kernel's other counters of a mapping, by their names in smaps. */
const Counters = Type.Object(
	{
		pssDirtyBytes: Type.Optional(ByteCount()),
		sharedCleanBytes: ByteCount(),
		sharedDirtyBytes: ByteCount(),
		privateCleanBytes: ByteCount(),
		referencedBytes: ByteCount(),
		anonymousBytes: ByteCount({ description: "pages without a file, copies of a private file mapping among them" }),
		ksmBytes: Type.Optional(ByteCount()),
		lazyFreeBytes: ByteCount({ description: "MADV_FREE: resident until the kernel needs it" }),
		anonHugePagesBytes: ByteCount(),
		shmemPmdMappedBytes: ByteCount(),
		filePmdMappedBytes: ByteCount(),
		sharedHugetlbBytes: ByteCount(),
		privateHugetlbBytes: ByteCount(),
		swapPssBytes: ByteCount(),
		lockedBytes: ByteCount(),
		kernelPageSizeBytes: ByteCount(),
		thpEligible: Type.Optional(Type.Boolean()),
		vmFlags: Type.Array(Type.String(), { description: "two-letter codes, see proc_pid_smaps(5)" }),
	},
	{ description: "the rest of smaps; with --all" },
);

const changes = Type.Enum(["new", "gone", "grown", "shrunk"]);

const MappingShape = Type.Object({
	start: Address(),
	end: Address({ description: "one past the last byte" }),
	owner: Type.String({ description: "whose it is: an id as in gomem why, or heap (Go's arenas), anon.reserved" }),
	name: Type.String({ description: "in words: the file, stack of thread 12, syscall.Mmap" }),
	sizeBytes: ByteCount({ description: "address space" }),
	...sums,
	dirtyBytes: Type.Optional(ByteCount({ description: "resident and written to, shared or private; Dirty of pmap -x" })),
	permissions: Type.String({ description: "rwx, and p for private or s for shared" }),
	offset: Address({ description: "into the file" }),
	device: Type.String({ description: "major:minor, hexadecimal; 00:00 where there is no file" }),
	inode: Type.String(),
	path: Type.Optional(Type.String({ description: "as the kernel names it" })),
	deleted: Type.Optional(Type.Boolean({ description: "the file's name was removed since" })),
	shares: Type.Optional(
		Type.Array(Type.Object({ owner: Type.String(), sizeBytes: ByteCount(), rssBytes: Type.Optional(ByteCount()) }), {
			description: "where the kernel joined mappings of several owners: each one's part; owner is the largest",
		}),
	),
	registered: Type.Optional(
		Type.Object(
			{ count: Count({ description: "mappings" }), bytes: ByteCount({ description: "as asked for" }) },
			{ description: "what the lists of packages syscall and golang.org/x/sys/unix have here" },
		),
	),
	counters: Type.Optional(Counters),
	change: Type.Optional(
		Type.Object(
			{ kind: changes, rssBytes: ByteCount(), sizeBytes: ByteCount() },
			{ description: "since the first reading or the baseline" },
		),
	),
});

const Owner = Type.Object({
	owner: Type.String(),
	what: Type.String({ description: "in plain words" }),
	mappings: Count(),
	sizeBytes: Type.Optional(ByteCount()),
	...sums,
	growthRssBytes: Type.Optional(ByteCount({ description: "change since the first reading or the baseline" })),
	growthSizeBytes: Type.Optional(ByteCount()),
});

export const MapsDocument = Type.Object({
	target: ProcessSummary,
	at: Moment({ description: "when the reading began" }),
	core: Type.Optional(CoreShape),
	sizeBytes: ByteCount({ description: "address space of all mappings" }),
	...sums,
	rssBytes: Type.Optional(
		ByteCount({ description: "Rss: the sum over the mappings; VmRSS where they could not be read" }),
	),
	vmRssBytes: Type.Optional(
		ByteCount({ description: "VmRSS of /proc/PID/status, which the kernel keeps apart and lets lag a little" }),
	),
	view: Type.Object({ all: Type.Boolean(), owner: Type.Optional(Type.String()) }),
	owners: Type.Array(Owner, { description: "every mapping counts for its owner; largest Rss first" }),
	mappings: Type.Array(MappingShape, { description: "by address; with --owner those of that owner" }),
	growth: Type.Optional(
		Type.Object({
			seconds: Type.Number(),
			rssBytes: ByteCount(),
			sizeBytes: ByteCount(),
			new: Count(),
			gone: Type.Array(
				Type.Object({
					start: Address(),
					end: Address(),
					owner: Type.String(),
					name: Type.String(),
					sizeBytes: ByteCount(),
					rssBytes: ByteCount(),
				}),
				{ description: "mappings that are there no more, and what they had" },
			),
		}),
	),
	unavailable: Type.Array(Unreadable),
	cost: Type.Object({ wallMs: Milliseconds({}), pausedMs: Milliseconds({}), bytesRead: ByteCount({}) }),
});

export type MapsResult = Static<typeof MapsDocument>;
export type MapsMapping = MapsResult["mappings"][number];
export type MapsOwner = MapsResult["owners"][number];
