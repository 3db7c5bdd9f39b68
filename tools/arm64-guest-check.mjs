// Runs inside the guest that tools/arm64-guest.sh boots: starts each subject, reads it with gomem as published, and compares
// with what the subject says of itself. Plain JavaScript on Node's own modules, since nothing else is in the guest.
// Prints one line of JSON for each subject; exits 1 where anything differs.
import { execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const [gomemPath, folder] = process.argv.slice(2);
const exec = promisify(execFile);

/** livemap-1.26.8: what is asked of a subject, by its name */
const subjects = {
	livemap: { args: ["-mib", "16"], check: checkMemory },
	goroutines: { args: ["-n", "1000", "-sockets", "20"], check: checkGoroutines },
};

let failed = false;
for (const file of readdirSync(folder).sort()) {
	const subject = subjects[file.split("-")[0]];
	if (subject === undefined) continue;
	const result = await tried(file, subject).catch((error) => ({ problems: [String(error.stack)] }));
	failed ||= result.problems.length > 0;
	console.log(`RESULT ${JSON.stringify({ program: file, ...result })}`);
}
process.exitCode = failed ? 1 : 0;

async function tried(file, subject) {
	const running = await start(`${folder}/${file}`, subject.args);
	try {
		return await subject.check(running);
	} finally {
		running.child.kill("SIGKILL");
	}
}

async function start(path, args) {
	const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"], env: { TMPDIR: "/tmp", HOME: "/tmp" } });
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const line = async () => JSON.parse((await lines.next()).value);
	const { pid } = await line();
	return {
		child,
		pid,
		/** resolves with the answer, in time after whatever stops it */
		ask: (command) => {
			child.stdin.write(`${command}\n`);
			return line();
		},
	};
}

async function gomem(...args) {
	const { stdout } = await exec(process.execPath, [gomemPath, ...args, "--json"], { maxBuffer: 2 ** 26 });
	return JSON.parse(stdout);
}

/** The subject reads MemStats and stops itself: so does gomem read it, standing still. */
async function checkMemory({ child, pid, ask }) {
	const answer = ask("stop");
	while (!/^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "latin1"))) await sleep(20);
	const memstats = await gomem("memstats", String(pid));
	const why = await gomem("why", String(pid));
	const maps = await gomem("maps", String(pid));
	child.kill("SIGCONT");
	const truth = await answer;
	const fields = Object.keys(truth).filter((name) => typeof truth[name] === "number" && name in memstats);
	const differ = fields.filter((name) => Number(memstats[name]) !== truth[name]);
	const problems = [];
	// the subject's runtime may allocate a little between that reading and the stop
	const told = differ.map((name) => `${name} ${memstats[name]} for ${truth[name]}`);
	const far = differ.filter((name) => Math.abs(Number(memstats[name]) - truth[name]) > truth[name] / 1000);
	if (far.length > 0) problems.push(`MemStats differ: ${told.join(", ")}`);
	const lines = why.lines.reduce((sum, line) => sum + line.bytes, 0) + why.residualBytes;
	if (lines !== why.rssBytes) problems.push(`lines give ${lines}, the RSS is ${why.rssBytes}`);
	if (Math.abs(why.residualBytes) > why.rssBytes / 100) problems.push(`residual ${why.residualBytes}`);
	if (maps.mappings.reduce((sum, one) => sum + one.rssBytes, 0) !== maps.rssBytes) problems.push("maps do not sum");
	return {
		problems,
		layout: why.target.layout,
		memstats: { fields: fields.length, differ: told },
		why: {
			rssBytes: why.rssBytes,
			residualBytes: why.residualBytes,
			verdict: why.verdict?.code,
			unavailable: why.unavailable,
		},
	};
}

async function checkGoroutines({ pid, ask }) {
	const truth = await ask("goroutines");
	const found = await gomem("stacks", String(pid), "--top", "10000");
	const ours = found.groups
		.filter((g) => g.createdBy !== "")
		.map((g) => `${g.count} ${g.frames.at(-1)?.function} ${g.createdBy} ${g.waitReason}`);
	const theirs = truth.groups
		.filter((g) => g.createdBy !== "")
		.map((g) => `${g.count} ${g.function} ${g.createdBy} ${g.state}`);
	const same = ours.sort().join("\n") === theirs.sort().join("\n") && found.goroutines === truth.total;
	return {
		problems: same ? [] : [`groups differ: ${ours.join("; ")} for ${theirs.join("; ")}`],
		stacks: { goroutines: found.goroutines, groups: ours.length },
	};
}
