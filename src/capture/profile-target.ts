import { statSync } from "node:fs";
import { ET_CORE } from "../formats/elf/constants.ts";
import { isElf } from "../formats/elf/magic.ts";
import { firstBytes } from "./first-bytes.ts";
import { type HttpAddress, parseHttpAddress } from "./http-address.ts";
import { errnoOf } from "./linux/system-error.ts";
import { standardInput } from "./standard-input.ts";
import type { UnresolvedTarget } from "./target.ts";

/** Where a profile comes from. */
export type ProfileTarget =
	| { readonly kind: "file" | "directory" | "bundle" | "core" | "program"; readonly path: string }
	| { readonly kind: "stdin" }
	/** insecure: https+insecure://, the server's certificate is not checked */
	| { readonly kind: "url"; readonly address: HttpAddress; readonly insecure: boolean }
	| { readonly kind: "process"; readonly pid: number };

/**
 * What a SOURCE on the command line is: a pid, a URL, "-", a file by its first bytes, a directory, HOST:PORT/PATH without a
 * scheme as `go tool pprof` takes it, or a process by name or :port.
 */
export async function resolveProfileTarget(text: string): Promise<ProfileTarget | UnresolvedTarget> {
	if (text === "-") return byStandardInput();
	if (/^(?:https?|https\+insecure|unix):|^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return byUrl(text);
	if (/^\d+$/.test(text) || /^:\d+$/.test(text)) return asProcess(text);
	const there = byPath(text);
	if (there !== undefined) return there;
	if (/^(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d+(?:\/|$)/.test(text)) return byUrl(`http://${text}`);
	return text.includes("/") ? nothingCalled(text) : asProcess(text);
}

/** A word without a slash may be the name of a process as well, of which there is none by now. */
function nothingCalled(text: string): UnresolvedTarget {
	return {
		problem: "not-found",
		message: `there is no file ${text}${text.includes("/") ? "" : ", and no process here has that name"}`,
		hint: "give a profile, a directory of profiles, a URL, a capture, or a pid: `gomem ps` lists the Go processes here",
	};
}

/** A capture is taken here, too, and a core is told from a profile that is damaged. */
async function byStandardInput(): Promise<ProfileTarget | UnresolvedTarget> {
	const stdin = { kind: "stdin" } as const;
	if (process.stdin.isTTY === true) return stdin;
	const head = await standardInput().head();
	if (!isZip(head) && !isElf(head)) return stdin;
	const { standardInputTarget } = await import("./target.ts");
	const target = await standardInputTarget();
	if ("problem" in target) standardInput().close();
	return "problem" in target || target.kind === "bundle" ? target : stdin;
}

function isZip(head: Uint8Array): boolean {
	return head[0] === 0x50 && head[1] === 0x4b;
}

function byUrl(text: string): ProfileTarget | UnresolvedTarget {
	const insecure = text.startsWith("https+insecure:");
	const address = parseHttpAddress(insecure ? text.replace("+insecure", "") : text);
	if (address !== undefined) return { kind: "url", address, insecure };
	return {
		problem: "not-found",
		message: "the URL cannot be read",
		hint: "http://HOST:PORT, https://…, https+insecure://… or unix:app.sock, with a path such as /debug/pprof/heap or without",
	};
}

async function asProcess(text: string): Promise<ProfileTarget | UnresolvedTarget> {
	// a file needs nothing of /proc
	const { resolveTarget } = await import("./target.ts");
	const target = resolveTarget(text);
	if ("problem" in target && target.problem === "not-found" && !/^:?\d+$/.test(text)) return nothingCalled(text);
	if ("problem" in target || target.kind === "process") return target;
	return { problem: "unknown-file", message: `${text} is no profile`, hint: "give a file, a URL or a pid" };
}

/** undefined where there is nothing of that name. */
function byPath(path: string): ProfileTarget | UnresolvedTarget | undefined {
	let head: Uint8Array;
	try {
		const there = statSync(path);
		if (there.isDirectory()) return { kind: "directory", path };
		// a pipe (process substitution) can be read but once
		if (!there.isFile()) return { kind: "file", path };
		head = firstBytes(path, 64);
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
		return {
			problem: "not-found",
			message: `the file ${path} cannot be read (${errno})`,
			hint: "the right to read it, or another profile, directory of profiles, URL or pid",
		};
	}
	if (isElf(head)) return { kind: ((head[16] ?? 0) | ((head[17] ?? 0) << 8)) === ET_CORE ? "core" : "program", path };
	if (head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4) return { kind: "bundle", path };
	if (Buffer.from(head.subarray(0, 8)).toString("latin1") === "PERFILE2") {
		return {
			problem: "unknown-file",
			message: `${path} is what perf recorded, not a profile`,
			hint: "perf_to_profile (github.com/google/perf_data_converter) makes one of it",
		};
	}
	return { kind: "file", path };
}
