import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { ParseError } from "../../bytes/parse-error.ts";
import { parseAuxv } from "./auxv.ts";
import { parseCommandLine, REDACTED, redactCommandLine, redactText } from "./cmdline.ts";
import { readableEnvironment } from "./environ.ts";
import { parseLimits } from "./limits.ts";
import { parseMeminfo } from "./meminfo.ts";
import { parseNsLink } from "./namespaces.ts";
import { parseNetTcp, socketInode } from "./sockets.ts";
import { parseStat } from "./stat.ts";
import { parseStatm } from "./statm.ts";
import { hasCapability, parseStatus } from "./status.ts";
import { parseTaskSyscall } from "./task-syscall.ts";

const self = (name: string): string => readFileSync(`/proc/self/${name}`, "utf8");
const uptime = (): number => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);

test("live: status, stat and statm of this process say what Node says", () => {
	const before = process.memoryUsage.rss();
	const status = parseStatus(self("status"));
	const stat = parseStat(self("stat"));
	const statm = parseStatm(self("statm"));
	const after = process.memoryUsage.rss();
	const auxv = parseAuxv(readFileSync("/proc/self/auxv"));
	const pageSize = auxv.pageSize ?? 0;
	assert.equal(status.pid, process.pid);
	assert.equal(stat.pid, process.pid);
	assert.equal(status.ppid, process.ppid);
	assert.equal(stat.ppid, process.ppid);
	assert.equal(status.uid[0], process.getuid?.());
	assert.equal(status.nsPid[0], process.pid);
	assert.equal(stat.state, "R");
	assert.equal(status.state, "R");
	assert.equal(stat.comm, status.name);
	assert.equal(pageSize % 4096, 0);
	for (const bytes of [status.vmRss ?? 0, stat.rssPages * pageSize, statm.resident * pageSize]) {
		const room = 32 << 20;
		assert.ok(
			bytes > Math.min(before, after) - room && bytes < Math.max(before, after) + room,
			`${bytes} against ${before} and then ${after}`,
		);
	}
	assert.equal(status.vmRss, (status.rssAnon ?? 0) + (status.rssFile ?? 0) + (status.rssShmem ?? 0));
	assert.ok(stat.threads > 1);
	// Node counts from when it began itself, a while after the kernel
	const ticks = auxv.clockTicks ?? 100;
	const own = process.uptime();
	const age = uptime() - stat.startTime / ticks;
	assert.ok(age > own - 0.1, `${age} s against ${own} s`);
	const earliest = uptime();
	const child = parseStat(execFileSync("cat", ["/proc/self/stat"], { encoding: "utf8" })).startTime / ticks;
	const latest = uptime();
	assert.ok(child > earliest - 0.1 && child < latest + 0.1, `${child} s is not within ${earliest} and ${latest} s`);
});

test("live: auxv, limits, meminfo, namespaces and syscall of this process", () => {
	const auxv = parseAuxv(readFileSync("/proc/self/auxv"));
	assert.equal(auxv.programHeaderSize, 56);
	assert.ok((auxv.entry ?? 0) > 0x1000);
	assert.ok((auxv.programHeaders ?? 0) > 0x1000);
	const limits = parseLimits(self("limits"));
	assert.equal(limits.size, 16);
	assert.equal(limits.get("Max open files")?.unit, "files");
	assert.equal(limits.get("Max nice priority")?.soft, 0);
	const meminfo = parseMeminfo(readFileSync("/proc/meminfo", "utf8"));
	assert.ok(meminfo.memTotal > meminfo.memFree);
	assert.equal(meminfo.memTotal % 1024, 0);
	assert.equal(parseNsLink(readlinkSync("/proc/self/ns/pid"))?.type, "pid");
	assert.equal(parseNsLink("/usr/bin/node"), undefined);
	const syscall = parseTaskSyscall(readFileSync("/proc/thread-self/syscall", "utf8"));
	assert.notEqual(syscall.state, "blocked");
});

test("live: this process's listener is found by its socket", async () => {
	const server = createServer();
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	try {
		const address = server.address();
		const port = typeof address === "object" && address !== null ? address.port : 0;
		const mine = parseNetTcp(self("net/tcp"), "listen").filter((socket) => socket.localPort === port);
		assert.equal(mine.length, 1);
		assert.equal(mine[0]?.localAddress, "127.0.0.1");
		const { readdirSync } = await import("node:fs");
		const inodes = readdirSync("/proc/self/fd").map((fd) => {
			try {
				return socketInode(readlinkSync(`/proc/self/fd/${fd}`));
			} catch {
				return undefined; // the directory's own descriptor is gone again
			}
		});
		assert.ok(inodes.includes(mine[0]?.inode));
	} finally {
		server.close();
	}
});

test("stat: a name with parentheses, spaces and a newline", () => {
	const rest = "S 1 42 42 0 -1 4194560 100 200 3 4 5 6 7 8 20 -5 3 0 987654 1000000 250 18446744073709551615";
	const tail = `${rest} ${"1 ".repeat(13)}3 0 0 9 0 0 10 11 12 13 14 15 16 0`;
	const stat = parseStat(`77 (a) (b\n) S 9) ${tail}\n`);
	assert.equal(stat.comm, "a) (b\n) S 9");
	assert.equal(stat.pid, 77);
	assert.equal(stat.state, "S");
	assert.equal(stat.minorFaults, 100);
	assert.equal(stat.majorFaults, 3);
	assert.equal(stat.nice, -5);
	assert.equal(stat.threads, 3);
	assert.equal(stat.startTime, 987654);
	assert.equal(stat.rssPages, 250);
	assert.equal(stat.rssLimit, undefined);
	assert.equal(stat.processor, 3);
	assert.equal(stat.startBrk, 12);
	assert.throws(() => parseStat("77 (a) S 1 2"), ParseError);
});

test("status: an old kernel's zombie has no memory lines; capabilities are bits", () => {
	const status = parseStatus(
		"Name:\tgone\nState:\tZ (zombie)\nTgid:\t7\nPid:\t7\nPPid:\t1\nTracerPid:\t0\n" +
			"Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nThreads:\t1\nCapEff:\t00000000a80425fb\n",
	);
	assert.equal(status.vmRss, undefined);
	assert.equal(status.state, "Z");
	assert.deepEqual(status.uid, [1, 2, 3, 4]);
	assert.deepEqual(status.nsPid, []);
	// docker's default set: no CAP_SYS_PTRACE, no CAP_SYS_ADMIN, yet CAP_KILL and CAP_DAC_OVERRIDE
	assert.equal(hasCapability(status, "CAP_SYS_PTRACE"), false);
	assert.equal(hasCapability(status, "CAP_KILL"), true);
	assert.equal(hasCapability(status, "CAP_DAC_OVERRIDE"), true);
	assert.equal(hasCapability({ capEff: "000001ffffffffff" }, "CAP_BPF"), true);
	assert.throws(() => parseStatus("Name:\tx\n"), ParseError);
});

test("environ: nothing but the Go runtime's and malloc's settings ever comes out", () => {
	const environment = (entries: readonly string[]): Uint8Array => new TextEncoder().encode(entries.join("\0"));
	const found = readableEnvironment(
		environment([
			"PATH=/bin",
			"GOGC=50",
			"DB_PASSWORD=GOGC=1",
			"GOMEMLIMIT=1GiB",
			"GOGC=off",
			"GODEBUG=gctrace=1,madvdontneed=0",
			"MALLOC_ARENA_MAX=2",
			"MALLOC_=x",
			"GOGC_SECRET=1",
			"GOOGLE_APPLICATION_CREDENTIALS=/x",
			"GOMAXPROCS",
			"MY\nGOGC=2",
			"GOMAXPROCS=4",
		]),
	);
	assert.deepEqual(found, {
		GOGC: "50",
		GOMEMLIMIT: "1GiB",
		GODEBUG: "gctrace=1,madvdontneed=0",
		MALLOC_ARENA_MAX: "2",
		GOMAXPROCS: "4",
	});
	const allowed = /^(GOGC|GOMEMLIMIT|GODEBUG|GOMAXPROCS|MALLOC_[A-Z0-9_]+)$/;
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
			for (const name of Object.keys(readableEnvironment(bytes))) assert.match(name, allowed);
		}),
	);
});

test("cmdline: secrets are replaced, the rest is kept", () => {
	const args = (line: string): string => redactCommandLine(line.split(" ")).join(" ");
	assert.equal(args("api --password=hunter2 -v"), `api --password=${REDACTED} -v`);
	assert.equal(args("api --db-password hunter2 -v"), `api --db-password ${REDACTED} -v`);
	assert.equal(args("api -authToken abc run"), `api -authToken ${REDACTED} run`);
	assert.equal(args("api --token --verbose"), "api --token --verbose");
	assert.equal(args("env AWS_SECRET_ACCESS_KEY=a;b/c api"), `env AWS_SECRET_ACCESS_KEY=${REDACTED} api`);
	assert.equal(args("vault token lookup"), "vault token lookup");
	assert.equal(args("api --token-file=/run/token --author=me"), "api --token-file=/run/token --author=me");
	assert.equal(args("api postgres://me:s3cr%t@db:5432/x"), `api postgres://me:${REDACTED}@db:5432/x`);
	assert.equal(args("api redis://:p@ss@db/0"), `api redis://:${REDACTED}@db/0`);
	assert.equal(args("api --db=me:pw@tcp(db:3306)/x"), `api --db=me:${REDACTED}@tcp(db:3306)/x`);
	assert.equal(args("api http://h/?token=abc&x=1"), `api http://h/?token=${REDACTED}&x=1`);
	assert.equal(args("api http://h:8080/a?email=x@y"), "api http://h:8080/a?email=x@y");
	assert.equal(args(`api gh${"p_"}abcdefghij0123456789`), `api ${REDACTED}`);
	assert.equal(redactText("Authorization: Token abc def"), `Authorization: ${REDACTED}`);
	assert.equal(redactText('{"password": "a b\\" c", "x": 1}'), `{"password": ${REDACTED}, "x": 1}`);
	assert.equal(redactText("host=db password='a b' user=me"), `host=db password=${REDACTED} user=me`);
	assert.equal(
		redactText("listen :8080 at http://localhost:8080/metrics"),
		"listen :8080 at http://localhost:8080/metrics",
	);
});

test("cmdline: arguments, a title and hostile lengths", () => {
	const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
	assert.deepEqual(parseCommandLine(bytes("api\0\0-v\0")), ["api", "", "-v"]);
	assert.deepEqual(parseCommandLine(bytes("nginx: worker\0\0\0\0")), ["nginx: worker"]);
	assert.deepEqual(parseCommandLine(bytes("")), []);
	assert.throws(() => parseCommandLine(bytes("a\0".repeat(70_000))), ParseError);
	const started = performance.now();
	for (const piece of ["a", "=", "//:", "a:", "eyJ", '"', "-----BEGIN ", "a=", "pass"])
		redactText(piece.repeat(1 << 20));
	assert.ok(performance.now() - started < 30_000);
});

test("net/tcp: addresses of both families, states and what is no socket", () => {
	const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
	const rest = "00000000:00000000 00:00000000 00000000  1000        0 1509 1 00000000a880c368 100 0 0 10 0\n";
	const sockets = parseNetTcp(
		`${heading}   0: 0100007F:1F90 00000000:0000 0A ${rest}` +
			`   1: 00000000000000000000000001000000:0050 B80D01200000000000000000010000AB:C350 01 ${rest}` +
			`   2: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0B ${rest}`,
	);
	assert.deepEqual(
		sockets.map((socket) => [socket.localAddress, socket.localPort, socket.remoteAddress, socket.state]),
		[
			["127.0.0.1", 8080, "0.0.0.0", "listen"],
			["::1", 80, "2001:db8::ab00:1", "established"],
			["::ffff:127.0.0.1", 80, "::", "closing"],
		],
	);
	assert.equal(sockets[0]?.inode, 1509);
	assert.equal(sockets[0]?.uid, 1000);
	assert.equal(parseNetTcp(`${heading}   0: 0100007F:1F90 00000000:0000 0A ${rest}`, "established").length, 0);
	assert.throws(() => parseNetTcp(`${heading}   0: 0100007F 00000000:0000 0A ${rest}`), ParseError);
});

test("syscall: the three forms", () => {
	assert.deepEqual(parseTaskSyscall("running\n"), { state: "running" });
	assert.deepEqual(parseTaskSyscall("-1 0x7ffd0 0x401000\n"), { state: "blocked", sp: 0x7ffd0, pc: 0x401000 });
	assert.deepEqual(parseTaskSyscall("202 0x7f1 0x80 0x0 0xffffffffffffffff 0x0 0x0 0x7ffe0 0x46dd23\n"), {
		state: "syscall",
		nr: 202,
		args: [0x7f1, 0x80, 0, "0xffffffffffffffff", 0, 0],
		sp: 0x7ffe0,
		pc: 0x46dd23,
	});
	assert.throws(() => parseTaskSyscall("202 0x1\n"), ParseError);
});

test("truncated and damaged texts: only ParseError escapes", () => {
	const parsers: readonly (readonly [string, (text: string) => unknown])[] = [
		[self("status"), parseStatus],
		[self("stat"), parseStat],
		[self("statm"), parseStatm],
		[self("limits"), parseLimits],
		[self("net/tcp").slice(0, 2000), parseNetTcp],
		[readFileSync("/proc/meminfo", "utf8"), parseMeminfo],
		[readFileSync("/proc/thread-self/syscall", "utf8"), parseTaskSyscall],
	];
	for (const [text, parse] of parsers) {
		for (let length = 0; length <= text.length; length++) onlyParseError(() => parse(text.slice(0, length)));
		fc.assert(
			fc.property(fc.nat(Math.max(0, text.length - 1)), fc.nat(255), (at, code) => {
				onlyParseError(() => parse(text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)));
			}),
			{ numRuns: 200, seed: 1 },
		);
	}
	fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseAuxv(bytes)));
});

function onlyParseError(run: () => unknown): void {
	try {
		run();
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
	}
}
