import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { flameHtml } from "../../src/api/html/flame-html.ts";
import type { PictureOptions } from "../../src/api/html/profile-page.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { missing } from "../debian-packages.ts";
import { heapProfile, inPage, loaded, Pages, type ShownPage } from "./pages.ts";

const MiB = 2 ** 20;
const now = heapProfile([
	["main.main net/http.serve orders.Load", 10, 60 * MiB],
	["main.main net/http.serve encoding/json.Unmarshal", 80, 20 * MiB],
	["main.main cache.Put", 10, 20 * MiB],
]);
const base = heapProfile([
	["main.main net/http.serve orders.Load", 5, 20 * MiB],
	["main.main cache.Put", 30, 80 * MiB],
]);

async function page(profile: Profile, options: PictureOptions = {}): Promise<Uint8Array> {
	const made = await flameHtml(profile, options);
	assert.ok("bytes" in made);
	return made.bytes;
}

const status = (shown: ShownPage) => shown.text("#frame-status");

describe("the flame graph page", { skip: missing("chromium") }, () => {
	let pages: Pages;
	before(async () => {
		pages = await Pages.open();
	});
	after(async () => await pages?.[Symbol.asyncDispose]());

	test("opens from a disk, asks for nothing, and its totals are those of the profile", async () => {
		const shown = await pages.show(await page(loaded(now), { title: "orders </script><!--" }));
		assert.equal(await shown.text("h1"), "orders </script><!--");
		assert.equal(await shown.text(".crumbs"), "all 100.0 MiB");
		assert.deepEqual(await shown.rows(), [
			"60.0 MiB|60 %|60.0 MiB|60 %|orders.Load",
			"20.0 MiB|20 %|20.0 MiB|20 %|cache.Put",
			"20.0 MiB|20 %|20.0 MiB|20 %|json.Unmarshal",
			"0||100.0 MiB|100 %|main.main",
			"0||80.0 MiB|80 %|http.serve",
		]);
		await shown.close();
	});

	test("nothing but its own script runs", async () => {
		const html = Buffer.from(await page(loaded(now))).toString("utf8");
		const foreign = html.replace(
			"<body>",
			'<body><script>document.title = "foreign"</script><img src=x onerror="document.title=1">',
		);
		const shown = await pages.show(Buffer.from(foreign));
		assert.equal(await shown.page.title(), "orders · flame graph");
		assert.ok(
			shown.complaints.some((text) => /Content Security Policy/.test(text)),
			shown.complaints.join("\n"),
		);
		await shown.page.close();
	});

	test("the sample type switches, and the table sorts", async () => {
		const shown = await pages.show(await page(loaded(now)));
		await shown.page.getByRole("button", { name: "inuse_objects" }).click();
		assert.equal(await shown.text(".crumbs"), "all 100");
		assert.equal((await shown.rows())[0], "80|80 %|80|80 %|json.Unmarshal");
		await shown.page.getByRole("button", { name: "Cum" }).click();
		assert.equal((await shown.rows())[0], "0||100|100 %|main.main");
		assert.equal(await shown.page.locator("th").nth(1).getAttribute("aria-sort"), "descending");
		await shown.page.getByRole("button", { name: "Cum" }).click();
		assert.equal((await shown.rows())[0], "10|10 %|10|10 %|cache.Put");
		assert.match(shown.page.url(), /#type=inuse_objects$/);
		await shown.close();
	});

	test("a search tells how much matches and leaves other rows out; a wrong expression is said", async () => {
		const shown = await pages.show(await page(loaded(now)));
		await shown.page.keyboard.press("/");
		await shown.page.keyboard.type("json|cache");
		assert.equal(await shown.text("#search-result"), "2 functions · 40.0 MiB · 40 %");
		assert.equal((await shown.rows()).length, 2);
		await shown.page.getByRole("searchbox").fill("(");
		assert.match(await shown.text("#search-result"), /group/i);
		assert.equal(await shown.page.getByRole("searchbox").getAttribute("aria-invalid"), "true");
		await shown.close();
	});

	test("a click zooms, the way back is there, and the address leads to the same view", async () => {
		const html = await page(loaded(now));
		const shown = await pages.show(html);
		// rows of 19 pixels: all, main.main, net/http.serve; that has the left 80 % of the canvas
		await shown.page.locator("canvas").hover({ position: { x: 20, y: 2 * 19 + 8 } });
		assert.match(await shown.text(".tooltip"), /with callees80.0 MiB · 80 %/);
		await shown.page.locator("canvas").click({ position: { x: 20, y: 2 * 19 + 8 } });
		assert.equal(await shown.text(".crumbs"), "all › main.main › http.serve 80.0 MiB");
		const hash = new URL(shown.page.url()).hash;
		assert.match(hash, /^#frame=\d+$/);
		await shown.page.goBack();
		assert.equal(await shown.text(".crumbs"), "all 100.0 MiB");
		await shown.close();
		const again = await pages.show(html, { hash });
		assert.match(await again.text(".crumbs"), /http.serve 80.0 MiB$/);
		await again.page.getByRole("button", { name: "Reset zoom" }).click();
		assert.equal(await again.text(".crumbs"), "all 100.0 MiB");
		await again.close();
	});

	test("the keyboard goes from frame to frame, zooms, and is told where it is", async () => {
		const shown = await pages.show(await page(loaded(now)));
		await shown.page.locator("canvas").focus();
		for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) await shown.page.keyboard.press(key);
		assert.equal(await status(shown), "net/http.serve, depth 2; with callees 80.0 MiB · 80 %; itself 0 B");
		await shown.page.keyboard.press("ArrowRight");
		assert.match(await status(shown), /^cache\.Put, depth 2/);
		await shown.page.keyboard.press("Enter");
		assert.match(await shown.text(".crumbs"), /cache\.Put 20\.0 MiB$/);
		await shown.page.keyboard.press("Escape");
		assert.match(await shown.text(".crumbs"), /main\.main 100\.0 MiB$/);
		await shown.close();
	});

	test("flames stand on their root", async () => {
		const shown = await pages.show(await page(loaded(now)));
		const box = await shown.page.locator("canvas").boundingBox();
		assert.ok(box !== null);
		const ground = await shown.pixel(300, box.height - 40);
		await shown.page.getByRole("button", { name: "Flame", exact: true }).click();
		assert.deepEqual(await shown.pixel(300, 300), ground, "nothing is left above");
		assert.notDeepEqual(await shown.pixel(300, box.height - 40), ground);
		await shown.close();
	});

	test("of a difference what grew is red, what shrank is blue, and both are told", async () => {
		const shown = await pages.show(await page(loaded(now, base)));
		assert.equal(await shown.text(".crumbs"), "all 0 B");
		const rows = await shown.rows();
		assert.ok(rows.includes("+40.0 MiB|+40.0 MiB|20.0 MiB|orders.Load"), rows.join("\n"));
		assert.ok(rows.includes("-60.0 MiB|-60.0 MiB|80.0 MiB|cache.Put"), rows.join("\n"));
		// widths are before and now together: serve 60 + 40 of 200, cache.Put 100
		const canvas = shown.page.locator("canvas");
		const width = (await canvas.boundingBox())?.width ?? 0;
		const found: Record<string, readonly number[]> = {};
		for (const share of [0.1, 0.35, 0.6, 0.9]) {
			for (const row of [2, 3]) {
				await canvas.hover({ position: { x: width * share, y: row * 19 + 9 } });
				await shown.settled();
				const tooltip = shown.page.locator(".tooltip strong");
				if ((await tooltip.count()) === 0) continue;
				found[(await tooltip.textContent()) ?? ""] = await shown.pixel(width * share, row * 19 + 15);
			}
		}
		const [grew, shrank] = [found["orders.Load"], found["cache.Put"]];
		assert.ok(grew !== undefined && shrank !== undefined, Object.keys(found).join());
		assert.ok(grew[0]! > grew[2]! + 40, `red: ${grew}`);
		assert.ok(shrank[2]! > shrank[0]! + 40, `blue: ${shrank}`);
		await shown.close();
	});

	test("means stand beside the sums, and figures are divided", async () => {
		const shown = await pages.show(await page(loaded(now), { options: { mean: true, divide_by: 1024 } }));
		assert.match(await shown.text(".notes"), /divided by 1024mean has no meaning for stacks/);
		assert.equal(await shown.text(".crumbs"), "all 100.0 KiB");
		await shown.page.locator("canvas").hover({ position: { x: 20, y: 2 * 19 + 8 } });
		const tooltip = await shown.text(".tooltip");
		assert.match(tooltip, /with callees80\.0 KiB · 80 %itself0 Bmean910 B by inuse_objects$/);
		await shown.page.getByRole("button", { name: "Mean" }).click();
		assert.equal((await shown.rows())[0], "60.0 KiB|60 %|60.0 KiB|60 %|6.0 KiB|orders.Load");
		await shown.page.getByRole("button", { name: "inuse_objects" }).click();
		assert.equal((await shown.rows())[0], "0||0|100 %|main.main", "100 objects are none by 1024");
		await shown.close();
	});

	test("what was left out is told with its weight", async () => {
		const shown = await pages.show(await page(loaded(now), { most: 3 }));
		await shown.page.locator("canvas").hover({ position: { x: 20, y: 2 * 19 + 8 } });
		assert.match(await shown.text(".tooltip"), /not drawn2 smaller callees, 80\.0 MiB/);
		assert.equal((await shown.rows()).length, 5, "the table has them all");
		await shown.page.getByRole("searchbox").fill("serve");
		assert.equal(await shown.text("#search-result"), "1 function · at least 80.0 MiB · 80 %");
		await shown.close();
	});

	test("dark and light follow the system and the button", async () => {
		const html = await page(loaded(now));
		const lightness = async (shown: ShownPage) => {
			await shown.settled();
			const background = inPage<string>("return getComputedStyle(it).backgroundColor");
			return Number(/\d+/.exec(await shown.page.locator("html").evaluate(background))?.[0]);
		};
		const dark = await pages.show(html, { dark: true });
		assert.ok((await lightness(dark)) < 60);
		await dark.page.getByRole("button", { name: "Theme: auto" }).click();
		assert.ok((await lightness(dark)) > 200, "light");
		await dark.close();
	});

	test("controls have names, states and one heading; the page fits a narrow window", async () => {
		const shown = await pages.show(await page(loaded(now)), { width: 420 });
		const nameless = await shown.page
			.locator("button, input, select, canvas, table")
			.evaluateAll(
				inPage<string[]>(
					"return it.filter((e) => !(e.ariaLabel || e.textContent?.trim() || e.labels?.length || e.caption)).map((e) => e.outerHTML)",
				),
			);
		assert.deepEqual(nameless, []);
		assert.equal(await shown.page.locator("h1").count(), 1);
		assert.equal(await shown.page.locator("main").count(), 1);
		assert.equal(await shown.page.locator("html").getAttribute("lang"), "en");
		const overflow = await shown.page
			.locator("html")
			.evaluate(inPage<number>("return it.scrollWidth - it.clientWidth"));
		assert.ok(overflow <= 0, `${overflow} pixels too wide`);
		await shown.close();
	});

	test("a hundred thousand frames are drawn and searched without a pause that one feels", async () => {
		const stacks = Array.from({ length: 30_000 }, (_, i): [string, number, number] => {
			const path = [i % 7, i % 61, i % 997, i].map((n, depth) => `pkg${depth}.f${n}`);
			return [`main.main ${path.join(" ")}`, 1, 4096 + (i % 100)];
		});
		const shown = await pages.show(await page(loaded(heapProfile(stacks)), { least: 0 }));
		const before = await shown.cpuSeconds();
		await shown.page.getByRole("searchbox").fill("f99");
		await shown.page.locator("#search-result").filter({ hasText: "functions" }).waitFor();
		await shown.page.locator("canvas").click({ position: { x: 60, y: 2 * 19 + 8 } });
		await shown.page.locator(".crumbs").filter({ hasText: "pkg0" }).waitFor();
		const seconds = (await shown.cpuSeconds()) - before;
		assert.ok(seconds > 0 && seconds < 2, `${seconds} s`);
		await shown.close();
	});
});
