import { createHash, createHmac } from "node:crypto";
import { hostFacts } from "./linux/host-facts.ts";
import { readSmallText } from "./linux/proc-text.ts";
import { errnoOf } from "./linux/system-error.ts";

/**
 * Eight hexadecimal digits for a name: the same on this machine in every bundle, so that captures compare, and not to be
 * found by trying names without the machine's own id, which no bundle holds (machine-id(5): it should be kept confidential
 * and used through a keyed hash only).
 */
export function pseudonymOf(name: string): string {
	return createHmac("sha256", machineKey()).update(`name\0${name}`).digest("hex").slice(0, 8);
}

/** Names this boot without being the boot's id; with pid and start time it names a process for good. */
export function bootDigest(): string {
	return createHash("sha256").update(`gomem boot ${hostFacts().bootId}`).digest("hex").slice(0, 32);
}

let known: string | undefined;

function machineKey(): string {
	known ??= `gomem ${machineId() ?? hostFacts().bootId}`;
	return known;
}

/** Absent in most containers: there the boot's id stands in, and pseudonyms change with each boot. */
function machineId(): string | undefined {
	try {
		const id = readSmallText("/etc/machine-id").trim();
		return /^[0-9a-f]{32}$/.test(id) ? id : undefined;
	} catch (error) {
		if (errnoOf(error) === undefined) throw error;
		return undefined;
	}
}
