import { decodeUtf8 } from "../../bytes/cursor.ts";
import { ParseError } from "../../bytes/parse-error.ts";

/** The kernel allows 6 MiB of arguments (3/4 of _STK_LIM, fs/exec.c). */
const MAX_BYTES = 8 << 20;
const MAX_ARGUMENTS = 1 << 16;

/**
 * /proc/PID/cmdline: the arguments, the program's name first. A process may have overwritten it with a title, which then
 * comes as one argument. Empty for zombies and kernel threads. Throws ParseError where it is larger than Linux allows.
 */
export function parseCommandLine(bytes: Uint8Array): string[] {
	if (bytes.length > MAX_BYTES) {
		throw new ParseError({ format: "cmdline", expected: `at most ${MAX_BYTES} bytes`, actual: String(bytes.length) });
	}
	let end = bytes.length;
	// A title leaves the rest of the old arguments as NULs. An argument may be empty, so only one NUL is a terminator
	// where there is a proper list; several at the end are taken as padding.
	while (end > 0 && bytes[end - 1] === 0) end--;
	if (end === 0) return [];
	const args = decodeUtf8(bytes.subarray(0, end)).split("\0", MAX_ARGUMENTS + 1);
	if (args.length > MAX_ARGUMENTS) {
		throw new ParseError({ format: "cmdline", expected: `at most ${MAX_ARGUMENTS} arguments` });
	}
	return args;
}

export const REDACTED = "‹redacted›";

const SECRET_WORD =
	"pass(?:wd|word|phrase|code)?|pwd|secrets?|tokens?|api[-_.]?keys?|apikeys?|access[-_.]?keys?(?:[-_.]?ids?)?|private[-_.]?keys?|" +
	"secret[-_.]?keys?|signing[-_.]?keys?|encryption[-_.]?keys?|auth|authorization|credentials?|creds?|cookies?|jwt|bearer|dsn|sas";
/** A name with a secret's word as a word of its own: `db-password`, `AWS_SECRET_ACCESS_KEY`, `authToken`; not `author`. */
const SECRET_NAME = new RegExp(`(?:^|[-_.:/])(?:${SECRET_WORD})(?:$|[-_.])`, "i");
/** Names of files and switches about secrets are none: `--token-file=/x`, `--auth-enabled`, `-password-stdin`. */
const HARMLESS_NAME =
	/[-_.](?:files?|path|dir|url|uri|stdin|ttl|timeout|enabled?|mode|type|length|count|env|cmd|command)$/i;

const KNOWN_SECRETS = [
	// JSON Web Tokens and the tokens whose makers gave them a prefix to be found by
	/\beyJ[\w-]{8,2000}\.[\w-]{8,2000}(?:\.[\w-]{0,2000})?/g,
	/\b(?:gh[opsur]_|github_pat_|glpat-|xox[abeoprs]-|sk-|sk_live_|rk_live_|hf_|npm_|dop_v1_|AGE-SECRET-KEY-1)[\w-]{10,500}/g,
	/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
	/\b(?:Bearer|Basic) +[\w.~+/=-]{6,2000}/gi,
	/(?<=\bauthorization"?\s{0,4}[:=]\s{0,4})[^\s][^\r\n]*/gi,
	/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*/g,
];
/** user:password@ of a URL, and of a Go MySQL data source (user:password@tcp(host)). */
const USER_INFO = /(\/\/[^\s/?#:@]{0,256}:)[^\s/?#]{1,1024}(?=@)/g;
const MYSQL_USER_INFO = /(^|[\s="'])([^\s/:@="']{1,256}:)[^\s]{1,1024}(?=@(?:tcp\(|unix\(|\/))/g;
/** name=value inside an argument: query strings, libpq data sources, lists of settings, JSON members. */
const INNER_PAIR =
	/([\w.-]{1,64})("?\s{0,4}(?:=|:(?!\/\/))\s{0,4})((?:"(?:[^"\\]|\\[\s\S]){0,4096}"?)|(?:'[^']{0,4096}'?)|[^\s&;,"']{1,4096})/g;
/** Longer arguments are data, and looked at only so far. */
const MAX_LOOKED_AT = 16 << 10;

/**
 * The arguments with values that look like secrets replaced: those of options named like one, passwords inside URLs and
 * data sources, and known token forms. A help against accidents, not a proof: bundles leave the whole line out of what is
 * shared unless asked.
 */
export function redactCommandLine(args: readonly string[]): string[] {
	let redactWhole = false; // the value of the option before
	return args.map((argument) => {
		const whole = redactWhole;
		redactWhole = false;
		if (whole && !argument.startsWith("--")) return REDACTED;
		const option = /^(-{0,2}[A-Za-z_][\w.-]{0,127})(=[\s\S]*)?$/.exec(argument);
		if (option !== null && isSecretName(option[1] ?? "")) {
			// `-token VALUE`, yet not the subcommand `token`
			redactWhole = option[2] === undefined && argument.startsWith("-");
			return option[2] === undefined || option[2] === "=" ? argument : `${option[1]}=${REDACTED}`;
		}
		return redactText(argument);
	});
}

/** One text, such as a title or a log line, with the values in it that look like secrets replaced. */
export function redactText(text: string): string {
	const looked = text.slice(0, MAX_LOOKED_AT);
	let redacted = looked.replace(USER_INFO, `$1${REDACTED}`).replace(MYSQL_USER_INFO, `$1$2${REDACTED}`);
	for (const pattern of KNOWN_SECRETS) redacted = redacted.replace(pattern, REDACTED);
	redacted = redacted.replace(INNER_PAIR, (pair, name: string, separator: string, value: string) =>
		isSecretName(name) && value !== "" ? `${name}${separator}${REDACTED}` : pair,
	);
	return text.length > MAX_LOOKED_AT ? `${redacted}…` : redacted;
}

function isSecretName(name: string): boolean {
	// camelCase as words: authToken → auth-Token
	const words = name.replace(/([a-z0-9])([A-Z])/g, "$1-$2");
	return SECRET_NAME.test(words) && !HARMLESS_NAME.test(words);
}
