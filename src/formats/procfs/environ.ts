import { decodeUtf8 } from "../../bytes/cursor.ts";

/** The settings of the Go runtime (package runtime, "Environment Variables") and of glibc's malloc (mallopt(3)). */
const READABLE = /^(?:GOGC|GOMEMLIMIT|GODEBUG|GOMAXPROCS|MALLOC_[A-Z0-9_]{1,40})$/;
/** The longest name above, with room. */
const MAX_NAME = 64;
/** GODEBUG holds a list; nothing sensible is longer. A longer value is cut. */
const MAX_VALUE = 4096;
const MAX_NAMES = 64;

/**
 * The part of /proc/PID/environ that gomem may know: GOGC, GOMEMLIMIT, GODEBUG, GOMAXPROCS and MALLOC_*. Everything
 * else, which may be secrets, never leaves this function and is not even decoded. Of equal names the first counts, as for
 * Go's runtime and glibc. The file shows the environment at exec: what the program set since is not there.
 */
export function readableEnvironment(bytes: Uint8Array): Readonly<Record<string, string>> {
	const found = new Map<string, string>();
	for (let at = 0; at < bytes.length; ) {
		const nul = bytes.indexOf(0, at);
		const end = nul < 0 ? bytes.length : nul;
		const equals = bytes.subarray(at, Math.min(end, at + MAX_NAME + 1)).indexOf(61);
		const initial = bytes[at];
		// G or M first: no other variable's name is decoded
		if (equals > 0 && (initial === 71 || initial === 77) && found.size < MAX_NAMES) {
			const name = decodeUtf8(bytes.subarray(at, at + equals));
			if (READABLE.test(name) && !found.has(name)) {
				const from = at + equals + 1;
				found.set(name, decodeUtf8(bytes.subarray(from, Math.min(end, from + MAX_VALUE))));
			}
		}
		at = end + 1;
	}
	return Object.fromEntries(found);
}
