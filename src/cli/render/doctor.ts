import type { DoctorResult } from "../../api/doctor.ts";
import { count, duration } from "../../figures/figures.ts";
import { align } from "../table.ts";
import type { Style, Terminal } from "../terminal.ts";

type State = DoctorResult["capabilities"][number]["state"];

const STYLES: Readonly<Record<State, Style>> = { yes: "green", partly: "yellow", no: "red", unknown: "dim" };
/** Columns of the state and the title, each with the space behind it. */
const STATE = 11;
const TITLE = 30;

/** The sentence; a row per capability with what it rests on; how to be granted the rest; what figures mean here. */
export function render(result: DoctorResult, terminal: Terminal): string {
	const target = result.target;
	return [
		...wrap(result.summary, terminal.columns, 0).map((line) => terminal.style("bold", line)),
		...wrap(where(result), terminal.columns, 0).map((line) => terminal.style("dim", line)),
		...(target === undefined ? capabilities(result, terminal) : readings(target, terminal)),
		...grants(result, terminal),
		...(target === undefined ? facts(result, terminal) : []),
		"",
		...wrap(foot(result), terminal.columns, 0).map((line) => terminal.style("dim", line)),
	].join("\n");
}

function where({ host, identity, target }: DoctorResult): string {
	const caps = identity.capabilities.map((name) => name.replace("CAP_", "")).join(" ");
	const place = { host: "host", container: "container", kubernetes: "Kubernetes" }[host.place];
	return [
		...(target === undefined ? [] : about(target)),
		`${target === undefined ? "" : "gomem: "}uid ${identity.uid}`,
		caps === "" ? "no capabilities" : caps,
		...(identity.initialUserNamespace ? [] : ["in a user namespace"]),
		...(identity.noNewPrivs ? ["no_new_privs"] : []),
		...(identity.seccomp === "filter" ? ["seccomp filter"] : []),
		...(identity.confinedBy === undefined ? [] : [identity.confinedBy]),
		host.place === "host" ? place : `${place} (${host.placeSign})`,
		`Linux ${host.kernel} ${host.machine}`,
		host.cgroup === "none" ? "no memory cgroup" : `cgroup ${host.cgroup}`,
	].join(" · ");
}

function about(target: NonNullable<DoctorResult["target"]>): string[] {
	return [
		`process ${target.pid}: uid ${target.uid ?? "unknown"}`,
		...(target.goVersion === undefined ? [] : [target.goVersion]),
		...(target.container === undefined ? [] : [target.container]),
		...(target.dumpable === false ? ["not dumpable"] : []),
		...(target.sameUserNamespace === false ? ["another user namespace"] : []),
		...(target.samePidNamespace === false ? ["another pid namespace"] : []),
	];
}

function capabilities(result: DoctorResult, terminal: Terminal): string[] {
	const groups = [...new Set(result.capabilities.map((one) => one.group))];
	return groups.flatMap((group) => [
		"",
		terminal.style("bold", group),
		...result.capabilities
			.filter((one) => one.group === group)
			.flatMap((one) => [
				...row(one, terminal),
				...(one.without === undefined ? [] : indented(`without: ${one.without}`, terminal)),
				...(one.grant === undefined ? [] : indented(`→ ${one.grant.join(", ")}`, terminal)),
			]),
	]);
}

function readings(target: NonNullable<DoctorResult["target"]>, terminal: Terminal): string[] {
	const told = new Set<string>();
	let before: string | undefined;
	const lines = target.readings.flatMap((reading) => {
		const again = reading.state === "no" && reading.evidence === before;
		const one = again ? { ...reading, evidence: "for the same reason" } : reading;
		if (reading.state === "no") before = reading.evidence;
		const help = one.wouldHelp === undefined || told.has(one.wouldHelp) ? [] : indented(`→ ${one.wouldHelp}`, terminal);
		if (one.wouldHelp !== undefined) told.add(one.wouldHelp);
		return [
			...row(one, terminal),
			...(one.without === undefined ? [] : indented(`without: ${one.without}`, terminal)),
			...help,
		];
	});
	return ["", terminal.style("bold", "Readings"), ...lines];
}

function row(
	one: { readonly state: State; readonly title: string; readonly evidence: string },
	terminal: Terminal,
): string[] {
	const [first = "", ...rest] = wrap(one.evidence, terminal.columns - STATE - TITLE, 0);
	const state = terminal.style(STYLES[one.state], align(one.state, STATE - 4, false));
	return [
		`  ${state}  ${align(one.title, TITLE, false)}${first}`.trimEnd(),
		...rest.map((line) => " ".repeat(STATE + TITLE) + line),
	].map((line) => line.trimEnd());
}

function indented(text: string, terminal: Terminal): string[] {
	return wrap(text, terminal.columns, STATE).map((line) => terminal.style("dim", line));
}

function grants(result: DoctorResult, terminal: Terminal): string[] {
	if (result.grants.length === 0) return [];
	const lines = result.grants.flatMap((grant) => [
		"",
		`  ${terminal.style("bold", grant.id)}  ${grant.title}`,
		...grant.commands.map((command) => `      ${command}`),
		...wrap(`risk: ${grant.risk}`, terminal.columns, 4).map((line) => terminal.style("dim", line)),
		...(grant.note === undefined
			? []
			: wrap(grant.note, terminal.columns, 4).map((line) => terminal.style("dim", line))),
	]);
	return ["", terminal.style("bold", "To be granted more"), ...lines.slice(1)];
}

function facts(result: DoctorResult, terminal: Terminal): string[] {
	const width = Math.max(...result.facts.map((one) => one.id.length)) + 2;
	return [
		"",
		terminal.style("bold", "Settings"),
		...result.facts.flatMap((one) => {
			const text = one.means === undefined ? one.value : `${one.value}: ${one.means}`;
			const [first = "", ...rest] = wrap(text, terminal.columns - width - 2, 0);
			return [`  ${align(one.id, width, false)}${first}`, ...rest.map((line) => " ".repeat(width + 2) + line)];
		}),
	];
}

function foot({ processes, cost, target }: DoctorResult): string {
	const looked = `${count(processes.executablesReadable)} of ${count(processes.looked)} processes may be looked into`;
	const next =
		target === undefined ? "gomem doctor PID asks the same of one process" : "gomem doctor says it of this host";
	return `${looked} · looked for ${duration(cost.wallMs)} · ${next}`;
}

/** Lines of at most `width` columns, each after `indent` spaces; words longer than that stand alone. */
function wrap(text: string, width: number, indent: number): string[] {
	const space = " ".repeat(indent);
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		if (line !== "" && indent + line.length + 1 + word.length > width) {
			lines.push(space + line);
			line = "";
		}
		line += line === "" ? word : ` ${word}`;
	}
	return [...lines, space + line];
}
