import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { isUnavailable, type Unavailable } from "../evidence/bundle/unavailable.ts";
import { parseNetTcp, socketInode } from "../formats/procfs/sockets.ts";
import type { HttpOptions } from "./http.ts";
import type { HttpAddress } from "./http-address.ts";
import { errnoOf } from "./linux/system-error.ts";
import { type FetchedProfile, type FetchRequest, fetchProfile } from "./profile-url.ts";

/** Ports that are asked, at most: each is a connection to the process. */
const MAX_PORTS = 16;
/** A port that speaks another protocol may never answer. */
const PORT_TIMEOUT_MS = 3000;

/**
 * The profile that a process serves itself: looks at which ports it listens and asks each for /debug/pprof until one answers
 * with a profile. Connects to the process, so only where the user said so.
 */
export async function fetchOwnProfile(
	pid: number,
	request: FetchRequest,
	options: HttpOptions,
): Promise<FetchedProfile | Unavailable> {
	const addresses = listeningAddresses(pid);
	if (isUnavailable(addresses)) return addresses;
	const reasons: string[] = [];
	for (const address of addresses.slice(0, MAX_PORTS)) {
		const timeoutMs = Math.min(options.timeoutMs, PORT_TIMEOUT_MS);
		const fetched = await fetchProfile(address, request, { ...options, timeoutMs });
		if (!isUnavailable(fetched)) return fetched;
		reasons.push(fetched.unavailable);
	}
	return {
		unavailable: `process ${pid} serves no profile on the ports it listens on (${reasons.join("; ")})`,
		wouldHelp: "--endpoint=URL, if it is behind TLS, credentials or another path",
	};
}

/** Where a process listens for TCP, as its own network namespace has it; unavailable where that is not this one. */
export function listeningAddresses(pid: number): readonly HttpAddress[] | Unavailable {
	try {
		if (readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync("/proc/self/ns/net")) {
			return {
				unavailable: `process ${pid} is in another network namespace: its ports cannot be reached from here`,
				wouldHelp: "--endpoint=URL with an address that reaches it",
			};
		}
		const own = socketsOf(pid);
		const found = ["tcp", "tcp6"]
			.flatMap((file) => parseNetTcp(readFileSync(`/proc/${pid}/net/${file}`, "utf8"), "listen"))
			.filter((socket) => own.has(socket.inode))
			.map(({ localAddress, localPort }) => `http://${hostOf(localAddress)}:${localPort}/`);
		if (found.length === 0) return { unavailable: `process ${pid} listens on no TCP port` };
		return [...new Set(found)].map((url) => ({ url: new URL(url) }));
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		return {
			unavailable: `where process ${pid} listens cannot be seen (${errno})`,
			wouldHelp: "root, the user that it runs as, or --endpoint=URL",
		};
	}
}

function socketsOf(pid: number): ReadonlySet<number> {
	const inodes = new Set<number>();
	for (const fd of readdirSync(`/proc/${pid}/fd`)) {
		try {
			const inode = socketInode(readlinkSync(`/proc/${pid}/fd/${fd}`));
			if (inode !== undefined) inodes.add(inode);
		} catch (error) {
			if (errnoOf(error) === undefined) throw error; // closed meanwhile
		}
	}
	return inodes;
}

/** What listens on all addresses is reached on loopback. */
function hostOf(address: string): string {
	if (address === "0.0.0.0") return "127.0.0.1";
	if (address === "::") return "[::1]";
	return address.includes(":") ? `[${address}]` : address;
}
