import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { mappingKind } from "../formats/procfs/mapping.ts";
import { parseSmaps } from "../formats/procfs/smaps.ts";
import { boundsFrom, type CgroupEvidence } from "./memory-bounds.ts";
import type { Program } from "./reading.ts";
import { REDACTED, Redactor } from "./redaction.ts";
import type { GoroutineStacks } from "./stacks.ts";

const pseudonym = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
const exe = "/home/alice/bin/orders-api";
const redactor = () => new Redactor(pseudonym, exe);
const p = pseudonym;

describe("redaction of paths", () => {
	it("keeps public folders, libraries and the executable's name", () => {
		const cases: [path: string, redacted: string][] = [
			["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"],
			["/home/alice/bin/orders-api", `/home/dir-${p("alice")}/bin/orders-api`],
			["/home/alice/lib/libacme.so.1.2", `/home/dir-${p("alice")}/lib/libacme.so.1.2`],
			["/data/acme corp/index.bolt", `/data/dir-${p("acme corp")}/file-${p("index.bolt")}.bolt`],
			["/memfd:acme-orders", `/memfd:file-${p("acme-orders")}`],
			["/dev/shm/acme", `/dev/shm/file-${p("acme")}`],
			["(unreachable)/mnt/acme/x", `(unreachable)/mnt/dir-${p("acme")}/file-${p("x")}`],
			["/dev/nvidia0", "/dev/nvidia0"],
			["/SYSV00000000", "/SYSV00000000"],
			["/dev/zero", "/dev/zero"],
			["[anon: Go: heap]", "[anon: Go: heap]"],
			["anon_inode:[io_uring]", "anon_inode:[io_uring]"],
			["", ""],
		];
		const all = redactor();
		for (const [path, redacted] of cases) assert.equal(all.path(path), redacted);
		assert.deepEqual(all.replaced, ["names of folders and data files in paths"]);
		assert.equal(redactor().path(exe), all.path(exe), "the same name, the same pseudonym");
	});

	it("leaves the kind of a mapping, and nothing of a secret name", () => {
		const start = fc.constantFrom(
			"/",
			"/memfd:",
			"/dev/shm/",
			"/home/",
			"/usr/lib/",
			"(unreachable)/",
			"/anon",
			"/proc/1/root/",
		);
		const names = fc.array(
			fc.string({ minLength: 1, maxLength: 8 }).map((s) => s.replace(/[/\n]/g, "")),
			{ maxLength: 3 },
		);
		fc.assert(
			fc.property(start, names, (before, list) => {
				const path = `${before}${list.join("/")}/tercerces/tercerces-file.db`;
				const redacted = redactor().path(path);
				assert.equal(redacted.includes("tercerces"), false, redacted);
				assert.equal(mappingKind(redacted), mappingKind(path));
			}),
		);
	});

	it("finds every path in smaps, whatever characters it has", () => {
		const name = fc
			.string({ unit: "grapheme", minLength: 1, maxLength: 12 })
			.map((s) => s.replace(/[/\n]/g, "") || "x");
		fc.assert(
			fc.property(fc.array(fc.tuple(name, fc.boolean()), { minLength: 1, maxLength: 5 }), (files) => {
				const text = files
					.map(([file, deleted], i) => {
						const at = (i + 1) * 0x10000;
						return `${at.toString(16)}-${(at + 4096).toString(16)} r--s 00000000 fe:00 ${i + 7}       /srv/tercerces${file}/tercerces${file}${deleted ? " (deleted)" : ""}\nSize:    4 kB\nRss:     4 kB\nVmFlags: rd sh\n`;
					})
					.join("");
				const before = parseSmaps(text);
				const out = redactor().smaps(new TextEncoder().encode(text));
				assert.equal(Buffer.from(out).includes("tercerces"), false, Buffer.from(out).toString());
				const now = parseSmaps(out);
				const all = redactor();
				assert.deepEqual(
					now,
					before.map((m) => ({ ...m, path: all.path(m.path) })),
				);
			}),
		);
	});
});

describe("redaction of the rest", () => {
	it("leaves what tells container, unit and limit", () => {
		const id = "4f".repeat(32);
		const paths = [
			`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice/cri-containerd-${id}.scope`,
			`/kubepods/besteffort/pod11111111-2222-3333-4444-555555555555/${id}`,
			`/docker/${id}`,
			"/system.slice/orders.service",
			"/user.slice/user-1000.slice/session-3.scope",
			"/",
		];
		for (const path of paths) {
			const cgroup: CgroupEvidence = {
				version: 2,
				path,
				levels: [{ path, files: { "memory.max": "1000000\n", "memory.current": "5\n" } }],
			};
			const redacted = redactor().cgroup(cgroup);
			assert.deepEqual(boundsFrom(redacted, 2 ** 34), boundsFrom(cgroup, 2 ** 34));
			assert.equal(boundsFrom(redacted, 2 ** 34).limit.bytes, 1_000_000);
		}
		const own = redactor().cgroup({ version: 1, path: "/acme/api", levels: undefined });
		assert.equal(own.path, `/cgroup-${p("acme")}/cgroup-${p("api")}`);
		assert.equal(boundsFrom(own, 77).limit.bytes, 77);
	});

	it("keeps build settings that are switches, and the names of the others", () => {
		const settings = {
			GOARCH: "amd64",
			"-race": "true",
			"-ldflags": '"-s -w"',
			"-gcflags": "",
			CGO_CFLAGS: "-I/home/alice",
			"vcs.revision": "abc",
		};
		const program = { settings } as unknown as Program;
		assert.deepEqual(redactor().program(program).settings, { ...settings, CGO_CFLAGS: REDACTED });
		const set = { settings: { "-ldflags": "-s -X main.key=4711" } } as unknown as Program;
		assert.deepEqual(redactor().program(set).settings, { "-ldflags": REDACTED });
	});

	it("keeps of source paths what the function's name says anyway", () => {
		const file = (name: string, path: string) => {
			const stacks = { symbols: [[{ function: name, file: path, line: 1, inlined: false, wrapper: false }]] };
			return redactor().stacks(stacks as unknown as GoroutineStacks, "acme.example/orders/cmd/api").symbols[0]?.[0]
				?.file;
		};
		assert.equal(file("runtime.gopark", "/usr/local/go/src/runtime/proc.go"), "/usr/local/go/src/runtime/proc.go");
		assert.equal(
			file("net/http.(*conn).serve", "/opt/acme/go/src/net/http/server.go"),
			`/opt/dir-${p("acme")}/go/src/net/http/server.go`,
		);
		assert.equal(
			file("github.com/a/b.F", "/home/alice/go/pkg/mod/github.com/a/b@v1.2.3/f.go"),
			`/home/dir-${p("alice")}/go/pkg/mod/github.com/a/b@v1.2.3/f.go`,
		);
		assert.equal(
			file("acme.example/orders/store.(*T).M.func1", "/home/alice/work/orders/store/t.go"),
			`/home/dir-${p("alice")}/dir-${p("work")}/orders/store/t.go`,
		);
		assert.equal(file("main.main", "/home/alice/x/api/main.go"), `/home/dir-${p("alice")}/dir-${p("x")}/api/main.go`);
		assert.equal(
			file("acme.example/orders/store.F", "acme.example/orders/store/t.go"),
			"acme.example/orders/store/t.go",
		);
	});
});
