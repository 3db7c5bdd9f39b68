import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { ProfileBuilder } from "../../src/formats/pprof/builder.ts";
import type { Profile } from "../../src/formats/pprof/model.ts";
import { loadProfiles } from "../../src/profile/combine/load.ts";

/** However busy the machine is. */
const LONGEST_MS = 120_000;

/** Pages as files in a browser, with all that they complain of. */
export class Pages {
	readonly #browser: Browser;
	readonly #folder: string;
	#count = 0;

	private constructor(browser: Browser, folder: string) {
		this.#browser = browser;
		this.#folder = folder;
	}

	static async open(): Promise<Pages> {
		// chromium's own sandbox does not start as root
		const browser = await chromium.launch({
			executablePath: "/usr/bin/chromium",
			chromiumSandbox: false,
			timeout: LONGEST_MS,
		});
		return new Pages(browser, await mkdtemp(join(tmpdir(), "gomem-pages-")));
	}

	/** Opens a page from a file. `hash` is what follows # in its address. */
	async show(html: Uint8Array, { hash = "", dark = false, width = 1280 } = {}): Promise<ShownPage> {
		const path = join(this.#folder, `${this.#count++}.html`);
		await writeFile(path, html);
		const page = await this.#browser.newPage({
			viewport: { width, height: 760 },
			colorScheme: dark ? "dark" : "light",
		});
		page.setDefaultTimeout(LONGEST_MS);
		const shown = new ShownPage(page);
		await page.goto(`${pathToFileURL(path)}${hash}`);
		await page.locator("h1").waitFor();
		await shown.settled();
		return shown;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#browser.close();
		await rm(this.#folder, { recursive: true, force: true });
	}
}

export class ShownPage {
	readonly page: Page;
	/** console errors and warnings (violations of the content-security-policy are among them), exceptions, requests */
	readonly complaints: string[] = [];
	#devtools: Promise<CDPSession> | undefined;

	constructor(page: Page) {
		this.page = page;
		page.on("console", (message) => {
			// pixel() reads back what is drawn, which no page does
			if (message.type() === "log" || message.text().includes("willReadFrequently")) return;
			this.complaints.push(`${message.type()}: ${message.text()}`);
		});
		page.on("pageerror", (error) => this.complaints.push(`exception: ${error.message}`));
		page.on("request", (request) => {
			if (!/^(file|data|blob):/.test(request.url())) this.complaints.push(`request: ${request.url()}`);
		});
	}

	/** Waits until the page has drawn what was done to it: effects run behind the frame that is drawn next. */
	async settled(): Promise<void> {
		const frame = "new Promise((next) => requestAnimationFrame(next))";
		await this.page.evaluate(`${frame}.then(() => ${frame}).then(() => new Promise((next) => setTimeout(next)))`);
	}

	/** What the page's thread has computed so far, whatever else the machine has to do. */
	async cpuSeconds(): Promise<number> {
		this.#devtools ??= this.page.context().newCDPSession(this.page);
		const devtools = await this.#devtools;
		await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
		const { metrics } = await devtools.send("Performance.getMetrics");
		return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
	}

	/** The text of an element once the page has settled; "" where it has none. */
	async text(selector: string): Promise<string> {
		await this.settled();
		return (await this.page.locator(selector).textContent()) ?? "";
	}

	/** Rows of the table of functions as text, cells joined by a bar. */
	async rows(): Promise<string[]> {
		await this.settled();
		const cells = await this.page
			.locator(".functions tbody tr")
			.evaluateAll(inPage<string[][]>("return it.map((row) => [...row.cells].map((cell) => cell.textContent))"));
		return cells.map((row) => row.join("|"));
	}

	/** The colour of the canvas at a point, as red, green, blue. */
	async pixel(x: number, y: number): Promise<readonly number[]> {
		await this.settled();
		const read = "return [...it.getContext('2d').getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data]";
		const colour = await this.page
			.locator("canvas")
			.evaluate(inPage<number[]>(`const [x, y] = argument; ${read}`), [x, y]);
		return colour.slice(0, 3);
	}

	async close(): Promise<void> {
		assert.deepEqual(this.complaints, []);
		await this.page.close();
	}
}

/** A function for the page, as text: this program knows no document, and its type checker neither. `it` is the element or elements. */
export function inPage<R>(body: string): (it: unknown, argument?: unknown) => R {
	return new Function("it", "argument", body) as (it: unknown, argument?: unknown) => R;
}

/** A heap profile of stacks, the root first, with inuse_objects and inuse_space. */
export function heapProfile(stacks: readonly (readonly [path: string, objects: number, bytes: number])[]): Profile {
	const b = new ProfileBuilder([
		{ type: "inuse_objects", unit: "count" },
		{ type: "inuse_space", unit: "bytes" },
	]);
	const mapping = b.mapping({ filename: "/bin/orders" });
	const locations = new Map<string, number>();
	for (const [path, objects, bytes] of stacks) {
		const rows = path.split(" ").map((name) => {
			const f = b.internFunction({ name, filename: `/src/${name.split(".")[0]}.go` });
			const row =
				locations.get(name) ??
				b.location({ mapping, address: 0x1000 + locations.size, lines: [{ function: f, line: 7 }] });
			locations.set(name, row);
			return row;
		});
		b.sample(rows.reverse(), [objects, bytes]);
	}
	return b.finish();
}

/** A profile as it is loaded for a report, less a base. */
export function loaded(profile: Profile, base?: Profile): Profile {
	const made = loadProfiles([profile], base === undefined ? {} : { bases: [base], diffBase: true });
	if ("error" in made) throw new Error(made.error);
	return made.profile;
}
