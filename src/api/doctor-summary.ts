import type { HostSurvey } from "../capture/linux/host-survey.ts";
import { CHILDREN_ONLY } from "./doctor-capabilities.ts";
import type { Capability, DoctorTarget } from "./doctor-shape.ts";

/** One sentence: what gomem reads here, what not, and why. */
export function summaryOf({ identity }: HostSurvey, capabilities: readonly Capability[]): string {
	const find = (id: string) => capabilities.find((one) => one.id === id);
	const [memory, pages, others] = [find("memory"), find("pages"), find("other-users")];
	const where = identity.initialPidNamespace ? "here" : "in this container";
	const yours = `processes of uid ${identity.uid}`;
	const theirs =
		others?.state === "no" || others?.state === "partly"
			? `not ${others.state === "partly" ? "all of " : ""}others', because ${others.evidence}`
			: undefined;
	if (memory?.state === "yes" && pages?.state === "yes") {
		if (others?.state === "yes") return `gomem reads everything of every process ${where}.`;
		if (theirs !== undefined) return `gomem reads everything of ${yours}; ${theirs}.`;
		return `gomem reads everything of ${yours}; of other users' ${others?.evidence ?? "nothing is known"}.`;
	}
	const rest = theirs === undefined ? "" : `; nothing of ${theirs.slice(4)}`;
	if (pages?.state === "yes" && (memory?.state === "no" || memory?.state === "partly")) {
		const children = memory.evidence.startsWith(CHILDREN_ONLY);
		const but = children
			? "memory of its own children only"
			: memory.state === "no"
				? "not their memory"
				: "memory in part";
		const why = children ? memory.evidence.slice(CHILDREN_ONLY.length) : memory.evidence;
		return `gomem reads pages and mappings of ${yours}, but ${but}, because ${why}${rest}.`;
	}
	if (memory?.state === "unknown") return `gomem could not find out what it may read here: ${memory.evidence}.`;
	return `gomem reads next to nothing here, because ${pages?.evidence ?? "/proc tells nothing"}${rest}.`;
}

/** The same of one process. */
export function targetSummary(target: DoctorTarget): string {
	const of = `of process ${target.pid} (${target.name})`;
	const failed = target.readings.filter((one) => one.state === "no");
	const [first] = failed;
	const find = (id: string) => target.readings.find((one) => one.id === id);
	if (first === undefined) {
		const less = target.readings.find((one) => one.state === "partly");
		return less === undefined
			? `gomem reads everything ${of}.`
			: `gomem reads everything ${of}; ${less.title}: ${less.evidence}.`;
	}
	const memory = find("memory");
	if (memory?.state === "no" && find("smaps")?.state === "yes")
		return `gomem reads pages and mappings ${of}, but not its memory, because ${memory.evidence}.`;
	if (memory?.state === "yes") return `gomem reads the memory ${of}, but not ${first.title}: ${first.evidence}.`;
	return `gomem reads next to nothing ${of}, because ${first.evidence}.`;
}
