import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { packValue } from "../../bytes/packed-value.ts";
import { type KitName, readKit } from "./kit.ts";

export interface HtmlReport {
	/** of the window */
	readonly title: string;
	readonly kit: KitName;
	/** what the page draws: JSON with typed arrays in it */
	readonly data: unknown;
}

/**
 * One html file that holds all it needs and asks for nothing: script, style and data are in it, and its
 * content-security-policy lets nothing else run or load. It works from a disk as from a server.
 */
export async function htmlReport({ title, kit, data }: HtmlReport): Promise<Uint8Array> {
	const [{ script, style }, packed] = await Promise.all([
		readKit(kit),
		promisify(deflateRaw)(packValue(data), { level: 5 }),
	]);
	const safeScript = inScript(script);
	const policy = [
		"default-src 'none'",
		`script-src '${sha256(safeScript)}'`,
		`style-src '${sha256(style)}'`,
		"img-src data:",
		"base-uri 'none'",
		"form-action 'none'",
	].join("; ");
	return Buffer.concat([
		Buffer.from(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<div id="page">This page needs JavaScript, which is all in this file.</div>
<script id="data" type="application/octet-stream">`),
		// in base64, so that nothing in the data can end the element
		Buffer.from(packed.toString("base64"), "latin1"),
		Buffer.from(`</script>
<script>${safeScript}</script>
</body>
</html>
`),
	]);
}

/**
 * A script as it may stand in a script element, where `</script` would end it and `<!--` could hide its end (HTML, 4.12.1.3,
 * Restrictions for contents of script elements). Both can only be in strings and regular expressions of ours, where the
 * escape means the same.
 */
function inScript(script: string): string {
	return script.replace(/<(?=!--|\/?script)/gi, "\\x3C");
}

function sha256(text: string): string {
	return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

const entities: Readonly<Record<string, string>> = {
	"&": "&amp;",
	"<": "&lt;",
	">": "&gt;",
	'"': "&quot;",
	"'": "&#39;",
};

/** Text as html and xml have it, in elements and in attributes; characters that xml does not allow become U+FFFD. */
export function escapeHtml(text: string): string {
	return text
		.replace(/[&<>"']/g, (letter) => entities[letter] ?? letter)
		.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}
