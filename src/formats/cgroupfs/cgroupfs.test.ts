import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { ParseError } from "../../bytes/parse-error.ts";
import { memoryCgroup, parseCgroupPath } from "./cgroup-path.ts";
import { containerOf } from "./container.ts";
import { effectiveLimit } from "./effective-limit.ts";
import {
	parseFlatKeyed,
	parseMemoryEvents,
	parseMemoryLimit,
	parseMemoryStat,
	parseMemoryUsage,
	parsePressure,
} from "./memory.ts";
import { cgroupDirectories, parseMountinfo } from "./mountinfo.ts";

const GIB = 2 ** 30;
const ID = "3dc3a1ddfdaa3d2bd7b5a1d6a4f5a39a2bd8d0bbc9ba1d3a7a7c0b3d8f5e2a11";

test("live: the memory cgroup of this process is where mountinfo says, and this process is in it", (t) => {
	const cgroup = memoryCgroup(parseCgroupPath(readFileSync("/proc/self/cgroup", "utf8")));
	if (cgroup === undefined) return t.skip("this kernel accounts memory in no cgroup");
	const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"), ["cgroup", "cgroup2"]);
	const directories = cgroupDirectories(mounts, cgroup);
	if (directories === undefined) return t.skip("no mount here shows this process's memory cgroup");
	const [own = ""] = directories;
	const members = readFileSync(`${own}/cgroup.procs`, "utf8").split("\n");
	assert.ok(members.includes(String(process.pid)), `${process.pid} is not in ${own}`);
	const stat = parseMemoryStat(readFileSync(`${own}/memory.stat`, "utf8"), cgroup.version);
	assert.ok((stat.anon ?? 0) > 0);
	if (cgroup.version === 1) {
		assert.ok(parseMemoryUsage(readFileSync(`${own}/memory.usage_in_bytes`, "utf8")) > 0);
		parseMemoryLimit(readFileSync(`${own}/memory.limit_in_bytes`, "utf8"));
	}
});

test("live: every mount of this process parses, and the host's pressure", () => {
	const text = readFileSync("/proc/self/mountinfo", "utf8");
	const mounts = parseMountinfo(text);
	assert.equal(mounts.length, text.trim().split("\n").length);
	assert.ok(mounts.some((mount) => mount.mountPoint === "/"));
	if (existsSync("/proc/pressure/memory")) {
		assert.ok(parsePressure(readFileSync("/proc/pressure/memory", "utf8")).some.total >= 0);
	}
});

test("cgroup: v1, v2 and hybrid", () => {
	const v2 = parseCgroupPath("0::/system.slice/api.service\n");
	assert.deepEqual(memoryCgroup(v2), { version: 2, path: "/system.slice/api.service" });
	const hybrid = parseCgroupPath("12:cpu,cpuacct:/x\n4:memory:/a:b\n1:name=systemd:/init.scope\n0::/init.scope\n");
	assert.deepEqual(memoryCgroup(hybrid), { version: 1, path: "/a:b" });
	assert.equal(hybrid.controllers.get("cpuacct"), "/x");
	assert.equal(hybrid.controllers.get("name=systemd"), "/init.scope");
	assert.equal(memoryCgroup(parseCgroupPath("0::/gone (deleted)\n"))?.path, "/gone");
	assert.equal(memoryCgroup(parseCgroupPath("")), undefined);
	assert.throws(() => parseCgroupPath("0:/x\n"), ParseError);
});

test("mountinfo: directories on a host, in a container with and without a namespace, and out of sight", () => {
	const host = parseMountinfo("35 30 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
	assert.deepEqual(cgroupDirectories(host, { version: 2, path: "/system.slice/api.service" }), [
		"/sys/fs/cgroup/system.slice/api.service",
		"/sys/fs/cgroup/system.slice",
		"/sys/fs/cgroup",
	]);
	assert.deepEqual(cgroupDirectories(host, { version: 2, path: "/" }), ["/sys/fs/cgroup"]);
	assert.equal(cgroupDirectories(host, { version: 2, path: "/../other" }), undefined);
	assert.equal(cgroupDirectories(host, { version: 1, path: "/x" }), undefined);
	// docker on v1 without a cgroup namespace: the mount's root is the container's cgroup
	const container = parseMountinfo(
		`660 648 0:31 /docker/${ID} /sys/fs/cgroup/cpu ro master:14 - cgroup cgroup rw,cpu\n` +
			`661 648 0:32 /docker/${ID} /sys/fs/cgroup/memory ro master:15 - cgroup cgroup rw,memory\n`,
	);
	assert.deepEqual(cgroupDirectories(container, { version: 1, path: `/docker/${ID}` }), ["/sys/fs/cgroup/memory"]);
	assert.deepEqual(cgroupDirectories(container, { version: 1, path: `/docker/${ID}/a` }), [
		"/sys/fs/cgroup/memory/a",
		"/sys/fs/cgroup/memory",
	]);
	const spaced = parseMountinfo("1 0 8:1 / /a\\040b\\134c rw - ext4 /dev/x\\011y rw\n2 1 8:1 / / rw - ext4 x rw\n");
	assert.equal(spaced[0]?.mountPoint, "/a b\\c");
	assert.equal(spaced[0]?.source, "/dev/x\ty");
	assert.throws(() => parseMountinfo("1 0 8:1 / /a rw\n"), ParseError);
});

test("memory files of both versions", () => {
	assert.equal(parseMemoryLimit("max\n"), undefined);
	assert.equal(parseMemoryLimit("2147483648\n"), 2 * GIB);
	assert.equal(parseMemoryLimit("9223372036854771712\n"), undefined); // 4 KiB pages
	assert.equal(parseMemoryLimit("9223372036854710272\n"), undefined); // 64 KiB pages
	assert.equal(parseMemoryLimit("9007199254740992\n"), 2 ** 53);
	assert.equal(parseMemoryLimit("0\n"), 0);
	assert.throws(() => parseMemoryLimit("\n"), ParseError);
	const stat = parseMemoryStat("anon 100\nfile 50\nkernel_stack 7\nsock 0\nworkingset_refault_file 3\n", 2);
	assert.equal(Object.keys(stat).length, 22);
	assert.equal(stat.anon, 100);
	assert.equal(stat.sock, 0);
	assert.equal(stat.slab, undefined);
	const v1 = parseMemoryStat(
		"cache 1\nrss 2\ntotal_cache 10\ntotal_rss 20\nhierarchical_memory_limit 9223372036854771712\n",
		1,
	);
	assert.equal(v1.anon, 20);
	assert.equal(v1.file, 10);
	assert.equal(v1.kernelStack, undefined);
	assert.deepEqual(parseMemoryEvents("low 0\nhigh 12\nmax 3\noom 1\noom_kill 1\n"), {
		low: 0,
		high: 12,
		max: 3,
		oom: 1,
		oomKill: 1,
		oomGroupKill: 0,
	});
	assert.equal(
		parseFlatKeyed("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n", "memory.oom_control").get("oom_kill"),
		4,
	);
	const pressure = parsePressure(
		"some avg10=1.53 avg60=0.87 avg300=0.20 total=123456\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=99\n",
	);
	assert.equal(pressure.some.avg10, 1.53);
	assert.equal(pressure.full?.total, 99);
	assert.throws(() => parsePressure("some avg10=1.53\n"), ParseError);
});

test("effective limit: the smallest of the chain, else the host", () => {
	const chain = [
		{ path: "/pod/container", limit: undefined },
		{ path: "/pod", limit: 2 * GIB },
		{ path: "/", limit: 3 * GIB },
	];
	assert.deepEqual(effectiveLimit(chain, 16 * GIB), { bytes: 2 * GIB, source: "/pod" });
	assert.deepEqual(effectiveLimit(chain, GIB), { bytes: GIB, source: "host" });
	assert.deepEqual(
		effectiveLimit(
			[
				{ path: "/a/b", limit: GIB },
				{ path: "/a", limit: GIB },
			],
			2 * GIB,
		).source,
		"/a/b",
	);
	assert.deepEqual(effectiveLimit([], GIB), { bytes: GIB, source: "host" });
});

test("containers and units by their paths", () => {
	const uid = "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f";
	const slice = uid.replaceAll("-", "_");
	const cases: readonly (readonly [
		path: string,
		runtime: string | undefined,
		pod: string | undefined,
		unit?: string,
	])[] = [
		[`/system.slice/docker-${ID}.scope`, "docker", undefined],
		[`/docker/${ID}`, "docker", undefined],
		[
			`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${slice}.slice/cri-containerd-${ID}.scope`,
			"containerd",
			uid,
		],
		[`/kubepods.slice/kubepods-pod${slice}.slice/crio-${ID}.scope/container`, "crio", uid],
		[`/kubepods/besteffort/pod${uid}/${ID}`, "containerd", uid],
		[
			`/system.slice/containerd.service/kubepods-burstable-pod${slice}.slice:cri-containerd:${ID}`,
			"containerd",
			uid,
			"containerd.service",
		],
		[`/machine.slice/libpod-${ID}.scope/container`, "podman", undefined],
		[
			`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope`,
			"podman",
			undefined,
			"user@1000.service",
		],
		["/lxc.payload.web1/system.slice/api.service", "lxc", undefined, "api.service"],
		["/system.slice/api.service", undefined, undefined, "api.service"],
		["/user.slice/user-0.slice/session-3.scope", undefined, undefined, "session-3.scope"],
		["/", undefined, undefined],
	];
	for (const [path, runtime, pod, unit] of cases) {
		const owner = containerOf(path);
		assert.equal(owner.container?.runtime, runtime, path);
		assert.equal(owner.container?.podUid, pod, path);
		assert.equal(owner.unit, unit, path);
		if (runtime !== undefined && runtime !== "lxc") assert.equal(owner.container?.id, ID, path);
	}
	assert.equal(containerOf(cases[2]?.[0] ?? "").container?.qos, "burstable");
	assert.equal(containerOf(cases[3]?.[0] ?? "").container?.qos, "guaranteed");
	assert.equal(containerOf(cases[4]?.[0] ?? "").container?.qos, "besteffort");
});

test("truncated and damaged texts: only ParseError escapes", () => {
	const parsers: readonly (readonly [string, (text: string) => unknown])[] = [
		[readFileSync("/proc/self/cgroup", "utf8"), parseCgroupPath],
		[readFileSync("/proc/self/mountinfo", "utf8").slice(0, 3000), parseMountinfo],
		["anon 12\nfile 3\n", (text) => parseMemoryStat(text, 2)],
		["some avg10=1.53 avg60=0.87 avg300=0.20 total=123456\n", parsePressure],
		["2147483648\n", parseMemoryLimit],
	];
	for (const [text, parse] of parsers) {
		for (let length = 0; length <= text.length; length++) onlyParseError(() => parse(text.slice(0, length)));
		fc.assert(
			fc.property(fc.nat(text.length - 1), fc.nat(255), (at, code) => {
				onlyParseError(() => parse(text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)));
			}),
			{ numRuns: 200, seed: 1 },
		);
	}
	fc.assert(fc.property(fc.string({ maxLength: 200 }), (path) => void containerOf(path)));
});

function onlyParseError(run: () => unknown): void {
	try {
		run();
	} catch (error) {
		if (!(error instanceof ParseError)) throw error;
	}
}
