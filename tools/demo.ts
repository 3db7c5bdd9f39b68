/**
 * npm run demo: diagnoses a real Go program that npm brought, the TypeScript compiler watching this very repository. It is
 * a stripped Go binary; no Go toolchain is needed.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const gomem = join(root, "bin", "gomem");

/** The compiler's own binary: the package of this platform that `typescript` depends on. */
function compiler(): string {
	const require = createRequire(import.meta.url);
	const name = `@typescript/typescript-${process.platform}-${process.arch}`;
	const fromTypescript = createRequire(require.resolve("typescript/package.json"));
	return join(dirname(fromTypescript.resolve(`${name}/package.json`)), "lib", "tsc");
}

/** Resolves when the compiler says that it is done and watches. */
function watching(child: ChildProcess): Promise<void> {
	return new Promise((resolve, reject) => {
		let said = "";
		child.stdout?.on("data", (chunk: Buffer) => {
			said = (said + chunk.toString()).slice(-4096);
			if (/Watching for file changes/.test(said)) resolve();
		});
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`the compiler ended with ${code}: ${said}`)));
		setTimeout(() => reject(new Error("the compiler was not done within two minutes")), 120_000).unref();
	});
}

function show(...args: string[]): void {
	console.log(`\n$ gomem ${args.join(" ")}`);
	const ran = spawnSync(gomem, args, { stdio: ["ignore", "inherit", "inherit"] });
	if (ran.status !== 0) throw new Error(`gomem ${args[0]} ended with ${ran.status ?? ran.signal}`);
}

async function main(): Promise<void> {
	if (process.platform !== "linux") throw new Error("gomem reads processes of Linux; run the demo there");
	const folder = mkdtempSync(join(tmpdir(), "gomem-demo-"));
	const config = join(folder, "tsconfig.json");
	writeFileSync(
		config,
		JSON.stringify({
			extends: join(root, "tsconfig.json"),
			include: [join(root, "src"), join(root, "tools")],
			compilerOptions: { typeRoots: [join(root, "node_modules", "@types")] },
		}),
	);
	console.log("Starting the TypeScript compiler (a stripped Go program) on this repository, in watch mode …");
	const child = spawn(compiler(), ["--watch", "--preserveWatchOutput", "-p", config], {
		cwd: root,
		stdio: ["pipe", "pipe", "inherit"],
	});
	try {
		await watching(child);
		const again = watching(child);
		// let it work once more, so that there is something to collect
		utimesSync(config, new Date(), new Date());
		await Promise.race([again, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
		show("ps", "--name", "tsc");
		show("why", String(child.pid));
		show("stacks", String(child.pid), "--top", "3");
		console.log("\nTry it on your own: bin/gomem ps, then bin/gomem why PID.");
	} finally {
		child.removeAllListeners("exit");
		child.kill();
		rmSync(folder, { recursive: true, force: true });
	}
}

await main();
process.exit(0);
