import { readFileSync } from "node:fs";
import type { HttpOptions, TlsOptions } from "../capture/http.ts";
import type { HttpAddress } from "../capture/http-address.ts";
import { errnoOf } from "../capture/linux/system-error.ts";
import { GomemError } from "./errors.ts";
import type { OperationContext } from "./operation.ts";
import type { SourceInput } from "./profile-input.ts";
import { headersOf } from "./url-input.ts";

/** Packed profiles are some megabytes; what is larger is no profile, or one that does not fit into memory unpacked. */
const MAX_BODY = 1 << 30;
/** A token or a password is a line. */
const MAX_SECRET = 64 << 10;

type Credentials = Pick<
	SourceInput,
	"header" | "bearerFile" | "user" | "passwordFile" | "cert" | "key" | "ca" | "timeout" | "follow"
>;

/** What a request to a URL is made with. Throws GomemError where a file cannot be read; no message holds a secret. */
export function requestOptions(ctx: OperationContext, input: Credentials, insecure: boolean): HttpOptions {
	const headers = headersOf(input.header);
	if (input.bearerFile !== undefined) {
		headers.push(["authorization", `Bearer ${secretIn(input.bearerFile, "--bearer-file")}`]);
	}
	if ((input.cert === undefined) !== (input.key === undefined)) {
		throw new GomemError({
			code: "invalid-input",
			message: "a client certificate needs --cert and --key",
			hint: "give both; they may be the same file",
		});
	}
	return {
		headers,
		timeoutMs: input.timeout,
		maxBytes: MAX_BODY,
		signal: ctx.signal,
		follow: input.follow,
		tls: tlsOptions(input, insecure),
	};
}

/** The address with the user and password to send. */
export function withUser(address: HttpAddress, input: Pick<Credentials, "user" | "passwordFile">): HttpAddress {
	if (input.user === undefined) return address;
	const password =
		input.passwordFile === undefined ? process.env["GOMEM_PASSWORD"] : secretIn(input.passwordFile, "--password-file");
	if (password === undefined) {
		throw new GomemError({
			code: "invalid-input",
			message: "--user needs a password",
			hint: "set GOMEM_PASSWORD, or name a file with --password-file: words of a command line can be read by others",
		});
	}
	const url = new URL(address.url);
	url.username = encodeURIComponent(input.user);
	url.password = encodeURIComponent(password);
	return { ...address, url };
}

function tlsOptions(input: Credentials, insecure: boolean): TlsOptions {
	return {
		...(input.ca === undefined ? {} : { ca: fileOf(input.ca, "--ca") }),
		...(input.cert === undefined ? {} : { cert: fileOf(input.cert, "--cert") }),
		...(input.key === undefined ? {} : { key: fileOf(input.key, "--key") }),
		insecure,
	};
}

function secretIn(path: string, flag: string): string {
	const text = Buffer.from(fileOf(path, flag)).toString("utf8").trim();
	// a line break would end the header
	if (/^[\x20-\x7e]+$/.test(text)) return text;
	throw new GomemError({
		code: "invalid-input",
		message: `the file of ${flag} holds no secret`,
		why: "expected one line of printable ASCII",
	});
}

function fileOf(path: string, flag: string): Uint8Array {
	try {
		const bytes = readFileSync(path);
		if (bytes.length <= MAX_SECRET * 16) return bytes;
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === undefined) throw error;
		throw new GomemError({ code: "invalid-input", message: `the file of ${flag}, ${path}, cannot be read (${errno})` });
	}
	throw new GomemError({ code: "invalid-input", message: `the file of ${flag}, ${path}, is too large for one` });
}
