/**
 * A process for gomem doctor to try its rights on (host-trial.ts starts it). Started with "orphan" it starts itself once more and
 * ends, so that the second process is nobody's descendant but init's: Yama treats gomem's own children better than it
 * treats any other process of the same user. It says its pid and ends with the pipe on descriptor 3: Node closes a child's
 * standard input when the child itself has ended.
 */
import { spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { Socket } from "node:net";

const LONGEST_MS = 60_000;

if (process.argv[2] === "orphan") {
	const script = process.argv[1] ?? "";
	const stdio = ["ignore", "inherit", "ignore", "inherit"] as const;
	const child = spawn(process.execPath, [script, String(process.pid)], { stdio: [...stdio], detached: true });
	child.on("error", () => process.exit(1));
	child.on("spawn", () => process.exit(0));
} else {
	setTimeout(() => process.exit(0), LONGEST_MS);
	const gomem = new Socket({ fd: 3 });
	gomem.on("close", () => process.exit(0)).on("error", () => process.exit(0));
	gomem.resume();
	sayPid(Number(process.argv[2]));
}

/** Not before its starter, where it has one that ends, is no longer its parent. */
function sayPid(starter: number): void {
	if (process.ppid === starter) setTimeout(sayPid, 1, starter);
	// as this /proc numbers it: /proc may be of another pid namespace
	else process.stdout.write(`${readlinkSync("/proc/self")}\n`);
}
