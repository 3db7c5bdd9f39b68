import { type Static, Type } from "typebox";
import { ByteCount, Count, Milliseconds } from "./operation.ts";

const State = Type.Enum(["yes", "partly", "no", "unknown"], {
	description: "yes; partly: some of it, or less exactly; no; unknown: it could not be tried",
});

const Capability = Type.Object({
	id: Type.String(),
	group: Type.String(),
	title: Type.String(),
	state: State,
	evidence: Type.String({ description: "what was tried or looked at, and what came of it" }),
	gives: Type.String({ description: "what gomem does with it" }),
	commands: Type.Array(Type.String(), { description: "commands of this version that use it" }),
	without: Type.Optional(Type.String({ description: "what is lost; where the state is partly or no" })),
	grant: Type.Optional(Type.Array(Type.String(), { description: "ids in grants, the least far-reaching first" })),
});
export type Capability = Static<typeof Capability>;

const Grant = Type.Object({
	id: Type.String(),
	title: Type.String(),
	commands: Type.Array(Type.String(), { description: "to be typed as they are, capitals replaced" }),
	gives: Type.Array(Type.String(), { description: "ids of capabilities" }),
	risk: Type.String(),
	note: Type.Optional(Type.String()),
});
export type Grant = Static<typeof Grant>;

const Fact = Type.Object({
	id: Type.String(),
	value: Type.String(),
	means: Type.Optional(Type.String({ description: "what follows for gomem or its figures" })),
});
export type Fact = Static<typeof Fact>;

const Reading = Type.Object({
	id: Type.String(),
	title: Type.String(),
	state: State,
	evidence: Type.String({ description: "what came of trying it; where it failed, why" }),
	wouldHelp: Type.Optional(Type.String()),
	without: Type.Optional(Type.String({ description: "what is lost; where the state is not yes" })),
});
export type TargetReading = Static<typeof Reading>;

const Target = Type.Object({
	pid: Type.Integer(),
	name: Type.String({ description: "the command's name" }),
	uid: Type.Optional(Type.Integer({ description: "effective user id" })),
	container: Type.Optional(Type.String({ description: "short container id, or systemd unit" })),
	goVersion: Type.Optional(Type.String({ description: "as the linker wrote it" })),
	layout: Type.Optional(Type.String({ description: "the runtime layout that fits, and how sure it is" })),
	dumpable: Type.Optional(Type.Boolean({ description: "absent where it cannot be told, as for root's processes" })),
	sameUserNamespace: Type.Optional(Type.Boolean({ description: "absent where gomem may not look" })),
	samePidNamespace: Type.Optional(Type.Boolean({ description: "absent where gomem may not look" })),
	readings: Type.Array(Reading),
	grant: Type.Optional(Type.Array(Type.String(), { description: "ids in grants that would open it" })),
});
export type DoctorTarget = Static<typeof Target>;

export const result = Type.Object({
	summary: Type.String({ description: "one sentence: what gomem reads here, what not, and why" }),
	host: Type.Object({
		kernel: Type.String({ description: "uname -r" }),
		machine: Type.String({ description: "uname -m" }),
		place: Type.Enum(["host", "container", "kubernetes"]),
		placeSign: Type.String({ description: "how that was told" }),
		cgroup: Type.Enum(["v1", "v2", "none"], { description: "which hierarchy accounts memory" }),
	}),
	identity: Type.Object({
		uid: Type.Integer({ description: "effective" }),
		capabilities: Type.Array(Type.String(), { description: "of the effective ones, those that matter to gomem" }),
		initialUserNamespace: Type.Boolean({ description: "false: capabilities count inside of a container only" }),
		initialPidNamespace: Type.Boolean({ description: "false: only a container's processes are shown" }),
		noNewPrivs: Type.Boolean({ description: "sudo and file capabilities give nothing" }),
		seccomp: Type.Optional(Type.Enum(["off", "strict", "filter"])),
		confinedBy: Type.Optional(Type.String({ description: "label of a confining security module" })),
	}),
	target: Type.Optional(Target),
	capabilities: Type.Array(Capability),
	grants: Type.Array(Grant, {
		description: "how to grant what is missing, here; with --all every way that gomem knows",
	}),
	facts: Type.Array(Fact),
	processes: Type.Object({
		looked: Count({ description: "processes with memory of their own" }),
		executablesReadable: Count({ description: "of these, those whose executable gomem may look at" }),
	}),
	cost: Type.Object({
		wallMs: Milliseconds({}),
		heapLimitBytes: ByteCount({ description: "the most that this Node lets gomem's own heap grow" }),
	}),
});
export type DoctorResult = Static<typeof result>;
