/** A module of a build, as in go.sum. */
export interface GoModule {
	readonly path: string;
	/** "v1.2.3", "(devel)", or "" where the go command recorded none */
	readonly version: string;
	/** "h1:…"; absent for the main module and replaced ones */
	readonly sum?: string;
	/** what a replace directive put in its place */
	readonly replace?: GoModule;
}

/** The module text of a build. */
export interface BuildInfoText {
	/** package path of main, "" if unknown */
	readonly path: string;
	readonly main: GoModule | undefined;
	readonly dependencies: readonly GoModule[];
	/** build settings: "-race", "CGO_ENABLED", "GOARCH", "vcs.revision" …; made without a prototype */
	readonly settings: Readonly<Record<string, string>>;
}

interface MutableModule {
	path: string;
	version: string;
	sum?: string;
	replace?: GoModule;
}

/**
 * Reads the text that runtime/debug.BuildInfo.String writes (Go 1.27, runtime/debug/mod.go): lines of "path", "mod", "dep",
 * "=>" and "build". Lines that do not parse are left out. Never throws.
 */
export function parseBuildInfoText(text: string): BuildInfoText {
	let path = "";
	let main: MutableModule | undefined;
	let last: MutableModule | undefined;
	const dependencies: MutableModule[] = [];
	const settings: Record<string, string> = Object.create(null);
	for (const line of text.split("\n")) {
		const tab = line.indexOf("\t");
		if (tab < 0) continue;
		const rest = line.slice(tab + 1);
		switch (line.slice(0, tab)) {
			case "path":
				path = rest;
				break;
			case "mod":
				main = last = parseModule(rest);
				break;
			case "dep":
				last = parseModule(rest);
				if (last !== undefined) dependencies.push(last);
				break;
			case "=>": {
				const replace = parseModule(rest);
				if (last !== undefined && replace !== undefined) last.replace = replace;
				last = undefined;
				break;
			}
			case "build": {
				const setting = parseSetting(rest);
				if (setting !== undefined) settings[setting.key] = setting.value;
				break;
			}
		}
	}
	return { path, main, dependencies, settings };
}

function parseModule(text: string): MutableModule | undefined {
	const [path, version, sum, ...more] = text.split("\t");
	if (path === undefined || version === undefined || more.length > 0) return undefined;
	return sum === undefined || sum === "" ? { path, version } : { path, version, sum };
}

function parseSetting(text: string): { key: string; value: string } | undefined {
	let key: string;
	let raw: string;
	if (text.startsWith('"') || text.startsWith("`")) {
		const end = closingQuote(text);
		const unquoted = end < 0 ? undefined : unquoteGo(text.slice(0, end + 1));
		if (unquoted === undefined || text[end + 1] !== "=") return undefined;
		key = unquoted;
		raw = text.slice(end + 2);
	} else {
		const equals = text.indexOf("=");
		if (equals <= 0) return undefined;
		key = text.slice(0, equals);
		raw = text.slice(equals + 1);
	}
	const value = raw.startsWith('"') || raw.startsWith("`") ? unquoteGo(raw) : raw;
	return value === undefined ? undefined : { key, value };
}

/** Index of the quote that closes the quoted string at the start of `text`, or -1. */
function closingQuote(text: string): number {
	const quote = text[0];
	for (let i = 1; i < text.length; i++) {
		if (text[i] === "\\" && quote === '"') i++;
		else if (text[i] === quote) return i;
	}
	return -1;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
	a: "\x07",
	b: "\b",
	f: "\f",
	n: "\n",
	r: "\r",
	t: "\t",
	v: "\v",
	"\\": "\\",
	'"': '"',
};

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gsu;

/** strconv.Unquote for the two quotes that build settings use; undefined if malformed. */
function unquoteGo(text: string): string | undefined {
	if (text.length < 2 || closingQuote(text) !== text.length - 1) return undefined;
	const inner = text.slice(1, -1);
	if (text[0] === "`") return inner;
	let valid = true;
	const unquoted = inner.replace(ESCAPE, (_, hex, octal, u4, u8, simple) => {
		if (simple !== undefined) {
			const character = SIMPLE_ESCAPES[simple];
			valid &&= character !== undefined;
			return character ?? "";
		}
		const code = octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex ?? u4 ?? u8, 16);
		valid &&= code <= 0x10ffff;
		return code <= 0x10ffff ? String.fromCodePoint(code) : "";
	});
	return valid ? unquoted : undefined;
}
