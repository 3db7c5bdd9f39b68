import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { flameSvg } from "../../src/api/html/flame-svg.ts";
import { graphSvg } from "../../src/api/html/graph-svg.ts";
import { svgToPng } from "../../src/api/html/png.ts";
import { reportHtml } from "../../src/api/html/report-html.ts";
import { report } from "../../src/profile/report.ts";
import { missing } from "../debian-packages.ts";
import { heapProfile, loaded, Pages } from "./pages.ts";

const profile = loaded(
	heapProfile([
		["main.main orders.Load", 10, 60 << 20],
		["main.main cache.Put", 10, 40 << 20],
	]),
);
const sources = [
	{
		function: "orders.Load",
		file: "/src/orders.go",
		flat: 60 << 20,
		cum: 60 << 20,
		lines: [
			{ line: 6, flat: 0, cum: 0, text: "func Load() {" },
			{ line: 7, flat: 60 << 20, cum: 60 << 20, text: '\trows := make([]row, n) // <img src="x">' },
		],
	},
];

describe("the report page", { skip: missing("chromium") }, () => {
	let pages: Pages;
	before(async () => {
		pages = await Pages.open();
	});
	after(async () => await pages?.[Symbol.asyncDispose]());

	test("has the functions, the flame graph, the graph of calls and the source of a profile", async () => {
		const made = await reportHtml(profile, { sources });
		assert.ok("bytes" in made);
		const shown = await pages.show(made.bytes);
		const tab = (name: string) => shown.page.getByRole("tab", { name });
		assert.deepEqual(await shown.rows(), [
			"60.0 MiB|60 %|60.0 MiB|60 %|orders.Load|/src/orders.go",
			"40.0 MiB|40 %|40.0 MiB|40 %|cache.Put|/src/cache.go",
			"0||100.0 MiB|100 %|main.main|/src/main.go",
		]);
		await tab("Flame graph").click();
		assert.equal(await shown.text(".crumbs"), "all 100.0 MiB");
		await tab("Call graph").click();
		const graph = shown.page.locator(".graph-view svg");
		assert.match((await graph.textContent()) ?? "", /orders[\s\S]*60MB \(60\.00%\)/);
		const fit = await graph.getAttribute("viewBox");
		await shown.page.locator(".graph-view").focus();
		await shown.page.keyboard.press("+");
		assert.notEqual(await graph.getAttribute("viewBox"), fit);
		await shown.page.keyboard.press("0");
		assert.deepEqual((await graph.getAttribute("viewBox"))?.split(" ").map(Number), fit?.split(" ").map(Number));
		await tab("Top").click();
		await shown.page.getByRole("button", { name: "orders.Load" }).click();
		assert.match(await shown.text(".listing"), /60\.0 MiB60\.0 MiB7\trows := make\(\[\]row, n\) \/\/ <img src="x">/);
		assert.equal(await tab("Source").getAttribute("aria-selected"), "true");
		await shown.close();
	});

	test("the graph of calls and the static flame graph are pictures that a browser and resvg draw alike", async () => {
		const dot = report(profile, { format: "dot" });
		assert.ok("text" in dot);
		const flame = flameSvg(profile);
		assert.ok("bytes" in flame);
		for (const svg of [await graphSvg([...dot.text].join("")), flame.bytes]) {
			const png = await svgToPng(svg, { zoom: 1 });
			const html = `<!doctype html><h1>x</h1><img id="ours" src="data:image/png;base64,${Buffer.from(png).toString("base64")}"><img id="theirs" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}">`;
			const shown = await pages.show(Buffer.from(html));
			// the mean difference of a channel: letters are drawn a little apart
			const difference = await shown.page.evaluate<number>(`(async () => {
				const data = async (id) => {
					const image = document.getElementById(id);
					await image.decode();
					const ours = document.getElementById("ours");
					const canvas = document.createElement("canvas");
					canvas.width = ours.naturalWidth; canvas.height = ours.naturalHeight;
					const to = canvas.getContext("2d");
					to.fillStyle = "#fff"; to.fillRect(0, 0, canvas.width, canvas.height);
					to.drawImage(image, 0, 0, canvas.width, canvas.height);
					return to.getImageData(0, 0, canvas.width, canvas.height).data;
				};
				const [a, b] = [await data("ours"), await data("theirs")];
				return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
			})()`);
			assert.ok(difference < 8, `${difference}`);
			await shown.page.close();
		}
	});
});
