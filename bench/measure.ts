import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** One run of a whole process. */
export interface Run {
	readonly wallMs: number;
	/** user and system, of the process itself, as last seen */
	readonly cpuMs: number;
	/** VmHWM as last seen */
	readonly peakBytes: number;
}

/** Runs a command to its end, its output dropped. A process that it starts itself is not counted. */
export function measure(command: string, args: readonly string[]): Promise<Run> {
	return new Promise((resolve, reject) => {
		const started = performance.now();
		const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
		let peakBytes = 0;
		let cpuMs = 0;
		let complaint = "";
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			if (complaint.length < 2000) complaint += text;
		});
		const sample = () => {
			try {
				const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
				peakBytes = Math.max(peakBytes, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024);
				const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
				cpuMs = Math.max(cpuMs, (Number(fields[11]) + Number(fields[12])) * 10);
			} catch {
				// it has ended
			}
		};
		const timer = setInterval(sample, 2);
		child.once("error", reject);
		child.once("close", (code) => {
			clearInterval(timer);
			if (code === 0) resolve({ wallMs: performance.now() - started, cpuMs, peakBytes });
			else reject(new Error(`${command} ${args.join(" ")} ended with ${code}: ${complaint}`));
		});
	});
}

export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[sorted.length >> 1] ?? Number.NaN;
}

export const MiB = 2 ** 20;
