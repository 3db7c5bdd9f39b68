import type { StacksResult } from "../../api/stacks.ts";
import { bytes, count, duration } from "../../figures/figures.ts";
import { align, clip } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { pauseText } from "./pause-text.ts";

type Group = StacksResult["groups"][number];
type Frame = Group["frames"][number];

/** Frames of a group that are shown without --full. */
const FRAMES = 12;
const NAME = 52;

/** The totals, then a block per group: what they have, what they wait for, where they stand, who made them. */
export function render(r: StacksResult, terminal: Terminal): string {
	const out = [header(r, terminal), "", ...totals(r, terminal)];
	if (r.groups.length === 0) out.push("", "  no goroutines like that");
	else out.push("", terminal.style("dim", columns(r)));
	for (const group of r.groups) out.push(...block(group, r, terminal));
	out.push(...leftOut(r), ...notes(r, terminal), ...missing(r, terminal));
	out.push("", terminal.style("dim", clip(cost(r), terminal.columns)));
	return out.join("\n");
}

function header(r: StacksResult, terminal: Terminal): string {
	const t = r.target;
	const parts = [
		terminal.style("bold", t.name),
		...(t.pid === undefined ? [] : [`pid ${t.pid}`]),
		...(t.goVersion === undefined ? [] : [t.goVersion]),
		many(r.goroutines, "goroutine"),
		`${count(r.systemGoroutines)} of the runtime's own`,
	];
	return parts.join(" · ");
}

function totals(r: StacksResult, terminal: Terminal): string[] {
	const t = r.totals;
	const line = (label: string, text: string) => `  ${align(terminal.style("bold", label), 12, false)}${text}`;
	const out = [
		line(
			"stacks",
			`${bytes(t.residentBytes)} ${r.core === undefined ? "resident" : "in the core"} of ${bytes(t.stackBytes)}: ${bytes(t.usedBytes)} in use, ${bytes(t.slackBytes)} below the pointer · ${bytes(t.averageBytes)} each`,
		),
	];
	const a = r.accounts;
	if (a === undefined) return out;
	out.push(
		line(
			"StackInuse",
			`${bytes(a.stackInuseBytes)} = ${bytes(t.stackBytes)} goroutines + ${bytes(a.threadStackBytes)} threads + ${bytes(a.unusedBytes)} kept for more`,
		),
	);
	if (a.ledger.length > 0) {
		const lines = a.ledger.map((one) => `${one.id.slice(one.id.indexOf(".") + 1)} ${bytes(one.bytes)}`);
		out.push(
			line(
				"gomem why",
				`${lines.join(" + ")}, ${r.core === undefined ? "resident" : "in the core"}, threads' included`,
			),
		);
	}
	return out;
}

const COUNT = 9;
const SIZE = 12;

function columns(r: StacksResult): string {
	const grown = r.groups.some((group) => group.growth !== undefined);
	const held = r.core === undefined ? "resident" : "in the core";
	return `${"count".padStart(COUNT)}${held.padStart(SIZE)}${"each".padStart(SIZE)}${grown ? "grown by".padStart(SIZE) : ""}   state`;
}

function block(g: Group, r: StacksResult, terminal: Terminal): string[] {
	const grown = r.groups.some((group) => group.growth !== undefined);
	const growth = g.growth === undefined ? "" : g.growth.count > 0 ? `+${count(g.growth.count)}` : count(g.growth.count);
	const figures =
		terminal.style("bold", count(g.count).padStart(COUNT)) +
		bytes(g.residentBytes).padStart(SIZE) +
		bytes(g.averageBytes).padStart(SIZE) +
		(grown ? terminal.style((g.growth?.count ?? 0) > 0 ? "yellow" : "dim", growth.padStart(SIZE)) : "");
	const state = [
		terminal.style("cyan", r.by === "state" ? g.state : g.waitReason),
		age(g),
		...(g.system ? ["of the runtime"] : []),
		...(g.stacks > 1 ? [`${count(g.stacks)} different stacks, the most common:`] : []),
		...(r.filtered || g.count === 1 ? [`goroutine ${g.goroutines.join(", ")}`] : []),
	];
	return ["", `${figures}   ${state.filter((part) => part !== "").join(" · ")}`, ...frames(g, r, terminal)];
}

function age(g: Group): string {
	if (g.oldestWaitSeconds === undefined) return "";
	return `${g.count > 1 ? "the longest " : ""}for about ${duration(g.oldestWaitSeconds * 1000)}`;
}

function frames(g: Group, r: StacksResult, terminal: Terminal): string[] {
	const all = r.full ? g.frames : withoutParking(g.frames);
	const shown = r.full ? all : all.slice(0, FRAMES);
	const out = shown.map((frame) => place("", frame, terminal));
	if (shown.length < all.length)
		out.push(terminal.style("dim", `${INDENT}… ${count(all.length - shown.length)} more (--full)`));
	if (g.truncated) out.push(terminal.style("dim", `${INDENT}… the outer frames could not be walked`));
	if (g.frames.length === 0)
		out.push(
			`${INDENT}${terminal.style("dim", "in ")}${g.startFunction === "" ? "an unknown function" : g.startFunction}${terminal.style("dim", g.state === "running" ? ", which runs: where exactly is in a CPU's registers" : "")}`,
		);
	if (g.createdAt !== undefined) out.push(place("created by ", g.createdAt, terminal));
	return out;
}

const INDENT = " ".repeat(10);

/** How a goroutine parks is the runtime's affair: Go's own tracebacks begin with the first frame that is not. */
function withoutParking(all: readonly Frame[]): readonly Frame[] {
	const first = all.findIndex((frame) => !frame.function.startsWith("runtime."));
	return first > 0 ? all.slice(first) : all;
}

function place(label: string, frame: Frame, terminal: Terminal): string {
	const where = frame.file === "?" ? "" : `${shortPath(frame.file)}:${frame.line}`;
	const room = terminal.columns - INDENT.length - 2 - where.length;
	const name = label + shortName(frame.function, room - label.length);
	return `${INDENT}${align(name, Math.min(NAME, room), false)}  ${terminal.style("dim", where)}`.trimEnd();
}

/** The name, or where it is too long its end without the path of the package: what tells functions apart stands there. */
function shortName(name: string, room: number): string {
	if (name.length <= room) return name;
	// the path's last slash: there may be others in type arguments
	const slash = name.lastIndexOf("/", name.indexOf("[") < 0 ? name.length : name.indexOf("["));
	return clip(slash < 0 ? name : `…${name.slice(slash)}`, Math.max(20, room));
}

/** The last folder and the file: enough to find it, and short. */
function shortPath(path: string): string {
	return path.split("/").slice(-2).join("/");
}

function many(n: number, what: string): string {
	return `${count(n)} ${what}${n === 1 ? "" : "s"}`;
}

function leftOut(r: StacksResult): string[] {
	const { groups, goroutines, residentBytes } = r.leftOut;
	if (groups === 0) return [];
	return [
		"",
		`  left out: ${many(groups, "group")}, ${many(goroutines, "goroutine")}, ${bytes(residentBytes)} resident (--top, --min-count)`,
	];
}

function notes(r: StacksResult, terminal: Terminal): string[] {
	const out: string[] = [];
	if (r.groups.some((g) => (g.state === "waiting" || g.state === "syscall") && g.oldestWaitSeconds === undefined)) {
		out.push(
			"no age: the runtime dates a wait at a garbage collection, at the latest the second collection after it began",
		);
	}
	if (r.totals.torn > 0)
		out.push(`${count(r.totals.torn)} goroutines changed while they were read and are not counted (--pause)`);
	return out.length === 0 ? [] : ["", ...out.map((note) => terminal.style("dim", `  ${note}`))];
}

function missing(r: StacksResult, terminal: Terminal): string[] {
	return r.unavailable.map((part) => clip(`  missing: ${part.part}: ${part.why}`, terminal.columns));
}

function cost(r: StacksResult): string {
	if (r.core !== undefined) return `read in ${duration(r.cost.wallMs)} · ${bytes(r.cost.bytesRead)} read of a core`;
	return `read in ${duration(r.cost.wallMs)} · ${bytes(r.cost.bytesRead)} read · ${pauseText(r)}`;
}
