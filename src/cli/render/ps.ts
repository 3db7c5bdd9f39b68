import type { PsResult } from "../../api/ps.ts";
import { bytes, count, duration } from "../../figures/figures.ts";
import { clip, table, visible } from "../table.ts";
import type { Terminal } from "../terminal.ts";

type Process = PsResult["processes"][number];

interface Column {
	readonly head: string;
	readonly right?: boolean;
	readonly cell: (process: Process) => string;
}

const optionalBytes = (value: number | undefined) => (value === undefined ? "" : bytes(value));

/** What every terminal shows. */
const ALWAYS: readonly Column[] = [
	{ head: "PID", right: true, cell: (p) => String(p.pid) },
	{ head: "NAME", cell: (p) => (p.exeDeleted === true ? `${p.name}*` : p.name) },
	{ head: "GO", cell: (p) => p.goVersion.replace(/^go(?=\d)/, "") },
	{ head: "RSS", right: true, cell: (p) => bytes(p.rssBytes) },
	{ head: "LIVE HEAP", right: true, cell: (p) => optionalBytes(p.heapLiveBytes) },
	{
		head: "GC AT",
		right: true,
		cell: (p) => (p.gogc !== undefined && p.nextGcBytes === undefined ? "off" : optionalBytes(p.nextGcBytes)),
	},
	{ head: "GOROUTINES", right: true, cell: goroutines },
	{ head: "UP", right: true, cell: (p) => up(p.uptimeSeconds) },
];

/** What joins them while it fits, in this order, and where any process has it. Each goes before the column it names. */
const MORE: readonly (Column & { readonly before?: string })[] = [
	{ head: "GOGC", right: true, before: "UP", cell: gogc },
	{ head: "GOMEMLIMIT", right: true, before: "UP", cell: memoryLimit },
	{
		head: "LIMIT",
		right: true,
		before: "LIVE HEAP",
		cell: (p) => (p.limit === undefined || p.limit.source === "machine" ? "" : bytes(p.limit.bytes)),
	},
	{ head: "CONTAINER", cell: (p) => p.container ?? "" },
	{ head: "HEAPALLOC", right: true, before: "GC AT", cell: (p) => optionalBytes(p.heapAllocBytes) },
	{
		head: "SWAP",
		right: true,
		before: "LIVE HEAP",
		cell: (p) => (p.swapBytes === undefined || p.swapBytes === 0 ? "" : bytes(p.swapBytes)),
	},
	{ head: "VSZ", right: true, before: "LIVE HEAP", cell: (p) => bytes(p.vszBytes) },
	{ head: "PPID", right: true, before: "NAME", cell: (p) => String(p.ppid) },
	{ head: "VERSION", cell: (p) => p.version ?? "" },
	{ head: "MODULE", cell: (p) => p.module ?? "" },
];

/** A line per process; what could not be read below, grouped by why; how many were looked at. */
export function render(r: PsResult, terminal: Terminal): string {
	const out =
		r.processes.length === 0
			? [r.unreadable.length === 0 ? "no Go processes" : "no Go processes that gomem may look into"]
			: rows(r, terminal);
	const notes = [...missing(r, terminal), ...unknown(r, terminal)];
	if (r.processes.some((p) => p.exeDeleted === true))
		notes.push("* the executable was replaced or removed since the start");
	if (r.processes.some((p) => p.goroutinesFrom === "states"))
		notes.push("~ counted by state, the runtime's own goroutines included");
	if (notes.length > 0) out.push("", ...notes);
	out.push("", terminal.style("dim", clip(cost(r), terminal.columns)));
	return out.join("\n");
}

function rows(r: PsResult, terminal: Terminal): string[] {
	const columns = choose(r, terminal.rowColumns);
	const cells = r.processes.map((process) => columns.map((column) => column.cell(process)));
	const [head = "", ...lines] = table(columns, cells, terminal.rowColumns).split("\n");
	return [terminal.style("dim", head), ...lines];
}

/** The columns that fit beside each other, uncut; all that say something where rows have no end. */
function choose(r: PsResult, width: number): Column[] {
	const chosen = [...ALWAYS];
	const widthOf = ({ head, cell }: Column) => Math.max(visible(head), ...r.processes.map((p) => visible(cell(p))));
	let used = chosen.reduce((sum, column) => sum + widthOf(column) + 2, -2);
	for (const column of MORE) {
		const more = widthOf(column) + 2;
		if (used + more > width || r.processes.every((p) => column.cell(p) === "")) continue;
		const at = chosen.findIndex(({ head }) => head === column.before);
		chosen.splice(at < 0 ? chosen.length : at, 0, column);
		used += more;
	}
	return chosen;
}

function goroutines(p: Process): string {
	if (p.goroutines === undefined) return "";
	return p.goroutinesFrom === "states" ? `~${count(p.goroutines)}` : count(p.goroutines);
}

function gogc(p: Process): string {
	if (p.gogc === undefined) return p.environment?.["GOGC"] ?? "";
	return p.gogc < 0 ? "off" : String(p.gogc);
}

function memoryLimit(p: Process): string {
	return p.gogc === undefined ? (p.environment?.["GOMEMLIMIT"] ?? "") : optionalBytes(p.memoryLimitBytes);
}

/** The largest unit alone: a column is for comparing. */
function up(seconds: number): string {
	const [number = "", unit = ""] = duration(seconds * 1000).split(" ");
	return `${number} ${unit}`;
}

const NAMES = 6;

interface Group {
	readonly why: string;
	readonly wouldHelp: string | undefined;
	readonly names: string[];
}

/** Processes that fail for the same reason are told together. */
function grouped(entries: readonly { pid: number; name: string; why: string; wouldHelp?: string }[]): Group[] {
	const groups = new Map<string, Group>();
	for (const { pid, name, why, wouldHelp } of entries) {
		const same = why.replace(`process ${pid} `, "");
		const key = `${same}\n${wouldHelp ?? ""}`;
		const group = groups.get(key) ?? { why: same, wouldHelp, names: [] };
		group.names.push(`${pid} ${name}`);
		groups.set(key, group);
	}
	return [...groups.values()].sort((a, b) => b.names.length - a.names.length);
}

function named(names: readonly string[]): string {
	const shown = names.slice(0, NAMES).join(", ");
	return names.length > NAMES ? `${shown} and ${count(names.length - NAMES)} more` : shown;
}

function missing(r: PsResult, terminal: Terminal): string[] {
	const entries = r.processes.flatMap((p) =>
		p.missing.map(({ part, why, wouldHelp }) => ({
			pid: p.pid,
			name: p.name,
			why: `no ${part}: ${why.replace(`process ${p.pid} `, "")}`,
			...(wouldHelp === undefined ? {} : { wouldHelp }),
		})),
	);
	return grouped(entries).flatMap((group) => told(named(group.names), group, terminal));
}

function unknown(r: PsResult, terminal: Terminal): string[] {
	if (r.unreadable.length === 0) return [];
	const many = r.unreadable.length === 1 ? "1 process" : `${count(r.unreadable.length)} processes`;
	return [
		`${terminal.style("bold", many)} not looked into, so maybe Go:`,
		...grouped(r.unreadable).flatMap((group) => told(named(group.names), group, terminal)),
	];
}

function told(names: string, { why, wouldHelp }: Group, terminal: Terminal): string[] {
	const width = terminal.columns;
	return [
		clip(`  ${names}`, width),
		...wrapped(why, width, "    "),
		...(wouldHelp === undefined ? [] : wrapped(`→ ${wouldHelp}`, width, "    ")),
	];
}

function wrapped(text: string, width: number, indent: string): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		if (line !== "" && indent.length + line.length + 1 + word.length > width) {
			lines.push(indent + line);
			line = "";
		}
		line += line === "" ? word : ` ${word}`;
	}
	return [...lines, indent + line];
}

function cost(r: PsResult): string {
	const many = `${count(r.processes.length)} Go of ${count(r.looked)} processes`;
	return `${many} · RSS is VmRSS of /proc/PID/status · read in ${duration(r.cost.wallMs)} · ${bytes(r.cost.bytesRead)}`;
}
