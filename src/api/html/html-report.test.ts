import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { unpackValue } from "../../bytes/packed-value.ts";
import { escapeHtml, htmlReport } from "./html-report.ts";
import { readKit } from "./kit.ts";

const data = { text: "</script><!-- <script>", column: Float64Array.of(1, 2, 3) };

test("a page holds its script, style and data, and its policy names just these", async () => {
	for (const kit of ["flame", "report"] as const) {
		const html = Buffer.from(await htmlReport({ title: "<a> & b", kit, data })).toString("utf8");
		assert.equal(/<title>(.*?)<\/title>/.exec(html)?.[1], "&lt;a&gt; &amp; b");
		const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
		assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; img-src data:; /);
		const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
		const script = /<script>([\s\S]*?)<\/script>/.exec(html)?.[1] ?? "";
		const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? "";
		assert.ok(script.length > 10_000 && style.length > 1000);
		assert.ok(policy.includes(hash(script)) && policy.includes(hash(style)));
		const packed = /<script id="data"[^>]*>([^<]*)<\/script>/.exec(html)?.[1] ?? "";
		assert.deepEqual(unpackValue(inflateRawSync(Buffer.from(packed, "base64"))), data);
		assert.equal(html.match(/<script/g)?.length, 2);
		// a browser would ask for these
		assert.doesNotMatch(
			html.replaceAll("http://www.w3.org/", ""),
			/\b(src|href)="(?!data:)|url\(|@import|https?:\/\/(?!git\.io)/,
		);
	}
});

test("a page is small without its data", async () => {
	const { script, style } = await readKit("flame");
	assert.ok(script.length + style.length < 80_000, `${script.length} + ${style.length}`);
});

test("text is escaped, and what xml cannot hold is replaced", () => {
	const control = String.fromCharCode(1, 0xd800);
	assert.equal(escapeHtml(`<a href="x">'&${control}😀`), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\ufffd\ufffd😀");
});
