import type { WhyCoreResult } from "../../api/why-shape.ts";
import { bytes } from "../../figures/figures.ts";
import type { Terminal } from "../terminal.ts";

/** What the core holds, and what it does not, in place of RSS and limit. */
export function coreTotals(r: WhyCoreResult, terminal: Terminal): string[] {
	const { core, runtime: rt } = r;
	const died = core.signal === undefined ? "" : ` · ended by ${signalName(core.signal)}`;
	const maker = core.maker === "other" ? "" : `, made by ${core.maker === "gdb" ? "gdb" : "the kernel"}`;
	const not = [
		...(core.zeroBytes > 0 ? [`zero pages ${bytes(core.zeroBytes)}`] : []),
		...(core.fileBytesLeftOut > 0 ? [`file pages not dumped ${bytes(core.fileBytesLeftOut)}`] : []),
		...(core.anonymousBytesLeftOut > 0 ? [`other memory not dumped ${bytes(core.anonymousBytesLeftOut)}`] : []),
		...(core.missingBytes > 0 ? [terminal.style("yellow", `cut off ${bytes(core.missingBytes)}`)] : []),
	];
	return [
		`  in the core ${terminal.style("bold", bytes(r.rssBytes))} of VSZ ${bytes(r.vszBytes)}${maker}${died}`,
		...(not.length === 0 ? [] : [`  not counted: ${not.join(" · ")}`]),
		...(rt === undefined
			? []
			: [
					`  Sys ${bytes(rt.sysBytes)} · HeapAlloc ${bytes(rt.heapAllocBytes)} · released ${bytes(rt.heapReleasedBytes)}`,
				]),
	];
}

/** signal(7), the numbers of amd64 and arm64; those that end a process with a core. */
const SIGNALS: ReadonlyMap<number, string> = new Map([
	[3, "SIGQUIT"],
	[4, "SIGILL"],
	[5, "SIGTRAP"],
	[6, "SIGABRT"],
	[7, "SIGBUS"],
	[8, "SIGFPE"],
	[11, "SIGSEGV"],
	[24, "SIGXCPU"],
	[25, "SIGXFSZ"],
	[31, "SIGSYS"],
]);

function signalName(signal: number): string {
	return SIGNALS.get(signal) ?? `signal ${signal}`;
}
