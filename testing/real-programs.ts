import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { get as httpGet } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { ci } from "./stages/stage.ts";
import { cacheFolder, exists, toolchain } from "./subject-toolchain.ts";

const run = promisify(execFile);

/** A program that we did not write and that serves its own profiles. */
interface RealProgram {
	/** for `go install` */
	readonly package: string;
	readonly version: string;
	/** Arguments with which it serves /debug/pprof on the port and does nothing else of note. `folder` is its own, empty. */
	readonly arguments: (folder: string, port: number) => Promise<readonly string[]>;
	/** What is asked of it for something to be allocated. */
	readonly paths: readonly string[];
}

const programs = {
	caddy: {
		package: "github.com/caddyserver/caddy/v2/cmd/caddy",
		version: "v2.11.9",
		paths: ["/config/", "/debug/vars", "/metrics"],
		async arguments(folder, port) {
			const config = join(folder, "caddy.json");
			await writeFile(config, JSON.stringify({ admin: { listen: `127.0.0.1:${port}` } }));
			return ["run", "--config", config];
		},
	},
	prometheus: {
		package: "github.com/prometheus/prometheus/cmd/prometheus",
		version: "v0.316.0",
		paths: ["/metrics", "/api/v1/status/tsdb", "/api/v1/label/__name__/values"],
		async arguments(folder, port) {
			const config = join(folder, "prometheus.yml");
			await writeFile(config, "global: {scrape_interval: 1h}\n");
			const storage = `--storage.tsdb.path=${join(folder, "data")}`;
			return [`--config.file=${config}`, storage, `--web.listen-address=127.0.0.1:${port}`];
		},
	},
	"nats-server": {
		package: "github.com/nats-io/nats-server/v2",
		version: "v2.15.2",
		paths: ["/debug/pprof/threadcreate", "/debug/pprof/mutex?debug=1"],
		arguments: async (_folder, port) => ["-a", "127.0.0.1", "-p", "-1", "--profile", String(port)],
	},
} as const satisfies Readonly<Record<string, RealProgram>>;

export type RealProgramName = keyof typeof programs;
export const realProgramNames = Object.keys(programs) as readonly RealProgramName[];

/**
 * Building one takes minutes and a GiB. CI brings two before the tests (testing/stages/programs.stage.ts); Prometheus, which
 * takes longer than all the rest of CI, comes where GOMEM_TEST_REAL=1 asks for it, as the nightly run does.
 */
export function wantedPrograms(): readonly RealProgramName[] {
	if (process.env["GOMEM_TEST_REAL"] === "1") return realProgramNames;
	return ci ? ["caddy", "nats-server"] : [];
}

function pathOf(name: RealProgramName): string {
	return join(cacheFolder(), "programs", `${name}@${programs[name].version}`, name);
}

/** Why a test with it cannot run here; false where it can. */
export async function skipReal(name: RealProgramName): Promise<string | false> {
	if (await exists(pathOf(name))) return false;
	return `${name} ${programs[name].version} is not installed; GOMEM_TEST_REAL=1 npm test installs it`;
}

/** The program's path; installs the pinned version where it is not there. */
export async function installed(name: RealProgramName): Promise<string> {
	const path = pathOf(name);
	if (await exists(path)) return path;
	const { go, env } = await toolchain();
	const partial = `${join(path, "..")}.${process.pid}`;
	await mkdir(partial, { recursive: true });
	const { package: source, version } = programs[name];
	await run(go, ["install", "-trimpath", `${source}@${version}`], {
		env: { ...env, GOBIN: partial, CGO_ENABLED: "0" },
	});
	// what is installed is named by the last part of its path that is no version, as /v2
	await rename(partial, join(path, ".."));
	return path;
}

export interface RunningProgram extends AsyncDisposable {
	readonly pid: number;
	/** "http://127.0.0.1:PORT" */
	readonly url: string;
	/** The body of an answer 200. */
	get(path: string): Promise<Uint8Array>;
}

/** Starts it, and asks it this and that until it has allocated something. */
export async function startReal(name: RealProgramName): Promise<RunningProgram> {
	const path = pathOf(name);
	const folder = await mkdtemp(join(tmpdir(), `gomem-${name}-`));
	const port = await freePort();
	const child = spawn(path, await programs[name].arguments(folder, port), {
		cwd: folder,
		stdio: "ignore",
		env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
	});
	const url = `http://127.0.0.1:${port}`;
	const stop = async () => {
		await ended(child);
		await rm(folder, { recursive: true, force: true });
	};
	const get = async (wanted: string) => {
		const { status, body } = await ask(url + wanted);
		if (status !== 200) throw new Error(`${name}: ${wanted} answers ${status}`);
		return body;
	};
	try {
		await untilServing(child, () => get("/debug/pprof/"));
		for (let round = 0; round < 30; round++)
			for (const one of programs[name].paths) await get(one).catch(() => undefined);
		return { pid: child.pid ?? 0, url, get, [Symbol.asyncDispose]: stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

/** A connection for each question: one that is kept would be a goroutine more. (Caddy refuses fetch: it looks like a browser.) */
function ask(url: string): Promise<{ readonly status: number; readonly body: Uint8Array }> {
	return new Promise((resolve, reject) => {
		const request = httpGet(url, { agent: false }, async (answer) => {
			try {
				resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(await answer.toArray()) });
			} catch (error) {
				reject(error);
			}
		});
		request.on("error", reject);
	});
}

async function untilServing(child: ChildProcess, ask: () => Promise<unknown>): Promise<void> {
	for (const end = Date.now() + 60_000; ; await sleep(200)) {
		try {
			await ask();
			return;
		} catch (error) {
			if (child.exitCode !== null || Date.now() > end) throw error;
		}
	}
}

async function ended(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exit = new Promise((resolve) => child.once("exit", resolve));
	child.kill("SIGKILL");
	await exit;
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const address = server.address();
	await new Promise((resolve) => server.close(resolve));
	return typeof address === "object" && address !== null ? address.port : 0;
}
