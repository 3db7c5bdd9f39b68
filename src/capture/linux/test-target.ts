import { type ChildProcess, spawn } from "node:child_process";
import { readTaskStat } from "./task-state.ts";

/** For tests: a process to look at, ended with the test that started it. */
export interface TestTarget {
	readonly pid: number;
	readonly child: ChildProcess;
	/** the first line that it printed */
	readonly said: string;
	/** ends the process and waits for that */
	end(): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
}

export interface TargetSpawn {
	readonly uid?: number;
	readonly detached?: boolean;
	readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a command that prints one line when it is ready. */
export async function startTarget(
	command: string,
	args: readonly string[],
	options: TargetSpawn = {},
): Promise<TestTarget> {
	const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...environment } = process.env;
	const child = spawn(command, args, {
		stdio: ["pipe", "pipe", "inherit"],
		cwd: "/",
		env: { ...environment, ...options.environment },
		...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
		detached: options.detached ?? false,
	});
	const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
	const said = await firstLine(child);
	if (child.pid === undefined) throw new Error(`${command} did not start`);
	const end = async (): Promise<void> => {
		child.kill("SIGKILL");
		await closed;
	};
	return { pid: child.pid, child, said, end, [Symbol.asyncDispose]: end };
}

/** Starts a Node process that runs `script`, which prints a line when it is ready. */
export function startNode(script: string, options: TargetSpawn = {}): Promise<TestTarget> {
	return startTarget(process.execPath, ["--input-type=module", "-e", script], options);
}

function firstLine(child: ChildProcess): Promise<string> {
	return new Promise((resolve, reject) => {
		let text = "";
		child.stdout?.setEncoding("utf8");
		child.stdout?.on("data", (part: string) => {
			text += part;
			const end = text.indexOf("\n");
			if (end >= 0) resolve(text.slice(0, end));
		});
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`ended with ${code} before it said anything`)));
	});
}

/** The state letter of a process: R S D T t Z, or "gone". */
export function stateOf(pid: number): string {
	return readTaskStat(`/proc/${pid}/stat`)?.state ?? "gone";
}

/** Waits until `holds`, or fails after `timeoutMs`. Returns the milliseconds it took. */
export async function until(holds: () => boolean, timeoutMs: number, what: string): Promise<number> {
	const start = performance.now();
	while (!holds()) {
		if (performance.now() - start > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 2));
	}
	return performance.now() - start;
}
