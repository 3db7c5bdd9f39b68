import { Type } from "typebox";
import { type HostSurvey, surveyHost } from "../capture/linux/host-survey.ts";
import { isUnavailable } from "../evidence/bundle/unavailable.ts";
import { capabilitiesOf } from "./doctor-capabilities.ts";
import { factsOf, seccompWord } from "./doctor-facts.ts";
import { grantsFor } from "./doctor-grants.ts";
import { type Capability, type DoctorResult, type DoctorTarget, result } from "./doctor-shape.ts";
import { summaryOf, targetSummary } from "./doctor-summary.ts";
import { noProc } from "./no-proc.ts";
import { defineOperation } from "./operation.ts";

export type { DoctorResult } from "./doctor-shape.ts";

const input = Type.Object({
	all: Type.Boolean({
		description: "every way to grant rights, also those for other places than this",
		default: false,
	}),
});

export const operation = defineOperation({
	name: "doctor",
	summary: "What this host, kernel, container and these rights let gomem read",
	description:
		"Tries each reading on a process of its own that it starts for that, and opens (without reading) those of one other " +
		"user's process. With a TARGET, says which of gomem's readings would work on that process and which would fail, and why.",
	group: "gomem itself",
	kind: "query",
	effect: "read",
	target: "optional",
	input,
	result,
	examples: [
		{ command: "gomem doctor", says: "what may be read here, and how to be granted the rest" },
		{ command: "gomem doctor 1234", says: "why a command says less of process 1234 than expected" },
		{ command: "gomem doctor --all", says: "the ways for hosts, containers and pods alike" },
	],
	async run(ctx, { target, all }): Promise<DoctorResult> {
		const started = ctx.clock.monotonic();
		// what reads a runtime is loaded only where there is one to read
		const one = target === undefined ? undefined : await import("./doctor-target.ts");
		const pid = target === undefined ? undefined : one?.pidOf(target);
		const unusable = noProc();
		if (unusable !== undefined) throw unusable;
		const survey = await surveyHost(ctx.signal);
		const examined = pid === undefined ? undefined : await one?.examineTarget(pid, survey);
		return document(survey, examined, all, () => ctx.clock.monotonic() - started);
	},
});

function document(
	survey: HostSurvey,
	target: DoctorTarget | undefined,
	all: boolean,
	elapsed: () => number,
): DoctorResult {
	const { identity, cgroup, executables } = survey;
	// of one process, only what would open it
	const wanted = target === undefined ? undefined : (target.grant ?? []);
	const capabilities = capabilitiesOf(survey).map((one) => only(one, all ? undefined : wanted));
	const ids = all ? "all" : (wanted ?? capabilities.flatMap((one) => one.grant ?? []));
	const seccomp = seccompWord(identity.seccomp);
	return {
		summary: target === undefined ? summaryOf(survey, capabilities) : targetSummary(target),
		host: {
			kernel: survey.kernel.release,
			machine: survey.machine,
			place: identity.place.kind,
			placeSign: identity.place.sign,
			cgroup: isUnavailable(cgroup) ? "none" : cgroup.version === 1 ? "v1" : "v2",
		},
		identity: {
			uid: identity.uid,
			capabilities: [...identity.effective],
			initialUserNamespace: identity.initialUserNamespace,
			initialPidNamespace: identity.initialPidNamespace,
			noNewPrivs: identity.noNewPrivs,
			...(seccomp === undefined ? {} : { seccomp }),
			...(identity.confinedBy === undefined ? {} : { confinedBy: identity.confinedBy }),
		},
		...(target === undefined ? {} : { target }),
		capabilities,
		grants: [...grantsFor(capabilities, ids)],
		facts: [...factsOf(survey)],
		processes: { looked: executables.looked, executablesReadable: executables.readable },
		cost: { wallMs: elapsed(), heapLimitBytes: survey.node.heapLimit },
	};
}

/** The capability without the ways that are not told. */
function only({ grant, ...rest }: Capability, wanted: readonly string[] | undefined): Capability {
	const kept = grant?.filter((id) => wanted === undefined || wanted.includes(id)) ?? [];
	return { ...rest, ...(kept.length === 0 ? {} : { grant: kept }) };
}
