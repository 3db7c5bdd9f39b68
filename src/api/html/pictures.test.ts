import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { unpackValue } from "../../bytes/packed-value.ts";
import { ProfileBuilder } from "../../formats/pprof/builder.ts";
import type { Profile } from "../../formats/pprof/model.ts";
import { loadProfiles } from "../../profile/combine/load.ts";
import { GomemError } from "../errors.ts";
import { flameHtml } from "./flame-html.ts";
import { flameSvg } from "./flame-svg.ts";
import { graphSvg } from "./graph-svg.ts";
import type { ReportPage } from "./page-data.ts";
import { svgToPng } from "./png.ts";
import { reportHtml } from "./report-html.ts";

function profileOf(...stacks: readonly (readonly [path: string, bytes: number])[]): Profile {
	const b = new ProfileBuilder([{ type: "inuse_space", unit: "bytes" }]);
	for (const [path, bytes] of stacks) {
		const rows = path
			.split(" ")
			.map((name) => b.location({ address: 1, lines: [{ function: b.internFunction({ name }) }] }));
		b.sample(rows.reverse(), [bytes]);
	}
	return b.finish();
}

function loaded(profile: Profile, base?: Profile): Profile {
	const made = loadProfiles([profile], base === undefined ? {} : { bases: [base], diffBase: true });
	assert.ok("profile" in made);
	return made.profile;
}

/** What a page carries. */
function dataOf(html: Uint8Array): ReportPage {
	const packed = /<script id="data"[^>]*>([^<]*)<\/script>/.exec(Buffer.from(html).toString("utf8"))?.[1] ?? "";
	return unpackValue<ReportPage>(inflateRawSync(Buffer.from(packed, "base64")));
}

const profile = loaded(profileOf(["main.main pkg.Map[...].Get&x", 3 << 20], ["main.main other.F", 1 << 20]));

test("a static flame graph has a frame with its figures for each context", () => {
	const made = flameSvg(profile, { width: 820 });
	assert.ok("bytes" in made);
	const titles = [...made.bytes.matchAll(/<title>([^<]*)<\/title>/g)].map(([, title]) => title);
	assert.deepEqual(titles, [
		"all\n4.0 MiB, 100.0 %",
		"main.main\n4.0 MiB, 100.0 %",
		"pkg.Map[...].Get&amp;x\n3.0 MiB, 75.0 %",
		"other.F\n1.0 MiB, 25.0 %",
	]);
	const widths = [...made.bytes.matchAll(/<title>.*?width="([\d.]+)"/gs)].map(([, width]) => Number(width));
	assert.deepEqual(widths, [799.5, 799.5, 599.5, 199.5]);
	assert.doesNotMatch(made.bytes, /<script|href=/);
});

test("a static difference is coloured by the change", () => {
	const made = flameSvg(loaded(profileOf(["a", 10], ["b", 1]), profileOf(["a", 1], ["b", 10])));
	assert.ok("bytes" in made);
	assert.match(made.bytes, /<title>a\n\+9 B<\/title><rect [^>]*fill="hsl\(8 /);
	assert.match(made.bytes, /<title>b\n-9 B<\/title><rect [^>]*fill="hsl\(214 /);
});

test("a static flame graph tells figures after divide_by, and draws the same widths", () => {
	const made = flameSvg(profile, { width: 820, options: { divide_by: 1000 } });
	assert.ok("bytes" in made);
	const titles = [...made.bytes.matchAll(/<title>([^<]*)<\/title>/g)].map(([, title]) => title);
	// 4194304, 3145728 and 1048576, divided by 1000 and cut
	assert.deepEqual(titles.slice(1), [
		"main.main\n4.1 KiB, 100.0 %",
		"pkg.Map[...].Get&amp;x\n3.1 KiB, 75.0 %",
		"other.F\n1.0 KiB, 25.0 %",
	]);
	assert.match(made.bytes, /inuse_space 4\.1 KiB</);
	assert.match(made.bytes, />figures divided by 1000</);
	const widths = [...made.bytes.matchAll(/<title>.*?width="([\d.]+)"/gs)].map(([, width]) => Number(width));
	assert.deepEqual(widths, [799.5, 799.5, 599.5, 199.5]);
});

test("a flame graph says that it has no means", async () => {
	const options = { mean: true };
	const [plain, made] = [flameSvg(profile), flameSvg(profile, { options })];
	assert.ok("bytes" in plain && "bytes" in made);
	assert.deepEqual(plain.warnings, []);
	assert.match(made.warnings.join(), /^mean has no meaning/);
	assert.ok(made.bytes.includes(made.warnings[0]!), "in the picture, too");
	const page = await flameHtml(profile, { options });
	assert.ok("bytes" in page);
	const { notes, tree } = dataOf(page.bytes);
	assert.deepEqual([notes, tree.mean], [made.warnings, true]);
});

test("the report's source is divided, and where it has means that is said", async () => {
	const source = {
		function: "f",
		file: "f.go",
		flat: 29,
		cum: -9,
		lines: [{ line: 1, flat: 29, cum: -9, text: "f()" }],
	};
	const pageOf = async (options: { readonly divide_by?: number; readonly mean?: boolean }) => {
		const made = await reportHtml(profile, { options, sources: [source] });
		assert.ok("bytes" in made);
		return dataOf(made.bytes);
	};
	const plain = await pageOf({});
	assert.deepEqual([plain.sources, plain.sourceNote, plain.graphNote, plain.notes], [[source], "", "", []]);
	const divided = await pageOf({ divide_by: 10, mean: true });
	const weights = { flat: 2, cum: 0 };
	assert.deepEqual(divided.sources, [{ ...source, ...weights, lines: [{ ...source.lines[0], ...weights }] }]);
	assert.deepEqual([divided.sourceNote, divided.graphNote], ["Means by inuse_space.", "Means by inuse_space."]);
	assert.deepEqual([divided.notes[0], divided.tree.divideBy], ["figures divided by 10", 10]);
});

test("options that cannot be followed are an error in pprof's words", async () => {
	const options = { sample_index: "nonsense" };
	assert.deepEqual(flameSvg(profile, { options }), { error: 'sample_index "nonsense" must be one of: [inuse_space]' });
	assert.ok("error" in (await reportHtml(profile, { options })));
});

test("a graph is laid out and drawn", async () => {
	const svg = await graphSvg('digraph "g" { N1 [label="main" tooltip="main (1)"] N1 -> N2 }');
	assert.match(svg, /<svg[\s\S]*>main<\/text>/);
	const png = await svgToPng(svg, { zoom: 2 });
	assert.deepEqual([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
	const [width, height] = /width="(\d+)pt" height="(\d+)pt"/.exec(svg)?.slice(1).map(Number) ?? [];
	const view = new DataView(png.buffer, png.byteOffset);
	// resvg takes a point for four thirds of a pixel
	assert.ok(Math.abs(view.getUint32(16) - (width ?? 0) * (8 / 3)) < 3, `${view.getUint32(16)} of ${width}`);
	assert.ok(Math.abs(view.getUint32(20) - (height ?? 0) * (8 / 3)) < 3);
});

test("letters are drawn: the font is there", async () => {
	const picture = (text: string) =>
		svgToPng(
			`<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20"><text y="15" font-family="Times">${text}</text></svg>`,
		);
	assert.notDeepEqual(await picture("main.main"), await picture(""));
});

test("what is no graph, no picture, or too large is said", async () => {
	await assert.rejects(
		graphSvg("digraph {"),
		(error: unknown) => error instanceof GomemError && error.code === "graph-refused",
	);
	await assert.rejects(
		svgToPng("<svg"),
		(error: unknown) => error instanceof GomemError && error.code === "picture-refused",
	);
	const large = `digraph g {${"a -> b;".repeat(10_001)}}`;
	await assert.rejects(
		graphSvg(large),
		(error: unknown) => error instanceof GomemError && error.code === "graph-too-large",
	);
	const huge = await svgToPng('<svg xmlns="http://www.w3.org/2000/svg" width="900000" height="3000"></svg>');
	assert.equal(new DataView(huge.buffer, huge.byteOffset).getUint32(16), 12_000);
});
