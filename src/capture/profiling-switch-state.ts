import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import type { ProcessIdentity } from "./linux/process-identity.ts";
import { errnoOf } from "./linux/system-error.ts";

/** What was changed in a process, and is to be undone some time. */
export interface RememberedSwitch {
	readonly address: number;
	readonly before: number;
	readonly after: number;
}

/** $XDG_STATE_HOME/gomem/profiling; ~/.local/state where that is unset. */
export function switchFolder(env: NodeJS.ProcessEnv = process.env): string {
	return join(env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"), "gomem", "profiling");
}

function pathOf({ pid, startTime }: ProcessIdentity): string {
	return join(switchFolder(), `${pid}-${startTime}.json`);
}

/** Writes it down, for the user alone, before anything is changed. */
export function rememberSwitch(process: ProcessIdentity, change: RememberedSwitch): Unavailable | undefined {
	const path = pathOf(process);
	try {
		mkdirSync(switchFolder(), { recursive: true, mode: 0o700 });
		// of a process that was switched, and has set the variable to 0 since
		rmSync(path, { force: true });
		writeFileSync(path, `${JSON.stringify({ ...process, ...change })}\n`, { flag: "wx", mode: 0o600, flush: true });
		return undefined;
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return {
			unavailable: `how to undo it cannot be written down in ${switchFolder()} (${errno}), so nothing was changed`,
			wouldHelp: "XDG_STATE_HOME set to a folder that can be written to",
		};
	}
}

/** What was written down for this very process. */
export function rememberedSwitch(process: ProcessIdentity): RememberedSwitch | Unavailable {
	const none = {
		unavailable: `nothing says that gomem has switched profiling on in process ${process.pid} (${switchFolder()})`,
		wouldHelp: "--restore as the user that gave --enable-profiling, with the same XDG_STATE_HOME",
	};
	let text: string;
	try {
		text = readFileSync(pathOf(process), "utf8");
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return none;
	}
	const value = parsed(text);
	const [address, before, after] = [value["address"], value["before"], value["after"]].map(Number);
	if (value["bootId"] !== process.bootId || !isCount(address) || before !== 0 || !isCount(after)) return none;
	return { address, before, after };
}

export function forgetSwitch(process: ProcessIdentity): void {
	rmSync(pathOf(process), { force: true });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
		return {};
	}
}

function isCount(value: number | undefined): value is number {
	return Number.isSafeInteger(value) && Number(value) > 0;
}
