import { execFileSync } from "node:child_process";
import { type Missing, root } from "./stage.ts";

/** Nothing is missing where `go` is on PATH. */
export function goMissing(): Missing | undefined {
	try {
		execFileSync("go", ["version"], { cwd: root, stdio: "ignore" });
		return undefined;
	} catch {
		return {
			why: "there is no go on PATH",
			command: "install Go 1.24 or newer (https://go.dev/dl), or apt install golang",
		};
	}
}
