import { decodeUtf8 } from "../bytes/cursor.ts";
import type { Profile } from "../formats/pprof/model.ts";
import { renamedProfile } from "../formats/pprof/rename.ts";
import { type MappingKind, mappingKind } from "../formats/procfs/mapping.ts";
import type { CgroupEvidence } from "./memory-bounds.ts";
import type { Program } from "./reading.ts";
import type { GoroutineStacks, StackFrame } from "./stacks.ts";

/** What stands where a text was left out. */
export const REDACTED = "‹redacted›";

/** Folders that every Linux machine and Go toolchain has, and words that tell nothing of whose they are. */
const PUBLIC_NAMES: ReadonlySet<string> = new Set(
	(
		"app apps bin boot cache containers data dev etc go home lib lib32 lib64 libexec local locale log media mnt mod opt " +
		"pkg private proc root run sbin share shm src srv snap sys tmp usr var vendor x86_64-linux-gnu aarch64-linux-gnu " +
		"lib.musl-x86_64 zoneinfo golang toolchain cmd internal runtime"
	).split(" "),
);

/** Cgroups that systemd, container runtimes and the kubelet name, see formats/cgroupfs/container.ts. */
const PUBLIC_CGROUP =
	/^(?:[0-9a-f]{64}|.*\.(?:slice|scope|service|mount|socket)|kubepods|burstable|besteffort|pod[0-9a-f_-]{32,40}|docker|libpod_parent|garden|lxc|lxc\.payload\.[\w.-]+|[^:]+:[^:]+:[0-9a-f]{64})$/;

/** Kinds of mappings whose names the kernel makes, or the driver of a device. */
const KERNEL_NAMES: ReadonlySet<MappingKind> = new Set([
	"anon",
	"anon-named",
	"anon-shmem",
	"anon-inode",
	"device",
	"heap",
	"hugetlb",
	"special",
	"stack",
	"thread-stack",
	"uprobes",
	"vdso",
	"vsyscall",
	"vvar",
]);
const UNREACHABLE = "(unreachable)";

const LIBRARY = /\.so(?:\.[\w.-]+)?$/;
const EXTENSION = /\.[A-Za-z0-9]{1,8}$/;
/** After these a Go source path is that of a published module or of the standard library. */
const PUBLIC_SOURCE = /^(.*?\/)((?:pkg\/mod|src\/(?:runtime|internal|cmd|vendor)|go\/src)\/.*)$/;

/** Build settings whose values are switches and versions (runtime/debug.BuildSetting), never paths or what -X sets. */
const PUBLIC_SETTINGS: ReadonlySet<string> = new Set([
	"-buildmode",
	"-compiler",
	"-race",
	"-msan",
	"-asan",
	"-trimpath",
	"-tags",
	"-cover",
	"-covermode",
	"-linkshared",
	"-mod",
	"CGO_ENABLED",
	"DefaultGODEBUG",
	"GO111MODULE",
	"GO386",
	"GOAMD64",
	"GOARCH",
	"GOARM",
	"GOARM64",
	"GOEXPERIMENT",
	"GOFIPS140",
	"GOMIPS",
	"GOMIPS64",
	"GOOS",
	"GOPPC64",
	"GORISCV64",
	"GOWASM",
	"vcs",
	"vcs.modified",
	"vcs.revision",
	"vcs.time",
]);
/** -ldflags that only strip. */
const STRIPPING = /^"?(?:\s*-[sw])*\s*"?$/;

/**
 * Takes out of evidence what tells whose machine it was: names of folders and data files become pseudonyms that are the
 * same for the same name, so that lines still compare. Kept are what the analysis says things by: public folders, base
 * names of libraries and of the executable, extensions, container and unit names, function names, the main module.
 */
export class Redactor {
	readonly #pseudonym: (text: string) => string;
	readonly #exe: string;
	readonly #known = new Map<string, string>();
	readonly #replaced = new Set<string>();

	/**
	 * @param pseudonym some hexadecimal digits that depend on the text and a key, which is not in the bundle
	 * @param exe path of the executable
	 */
	constructor(pseudonym: (text: string) => string, exe: string) {
		this.#pseudonym = pseudonym;
		this.#exe = exe;
	}

	/** What was replaced so far, in words. */
	get replaced(): readonly string[] {
		return [...this.#replaced];
	}

	/** Notes something that the caller left out. */
	note(what: string): void {
		this.#replaced.add(what);
	}

	/** The path of a mapped file or of the executable, without " (deleted)". Its kind stays what it was. */
	path(path: string): string {
		let known = this.#known.get(path);
		if (known === undefined) {
			known = this.#redactPath(path);
			this.#known.set(path, known);
			if (known !== path) this.note("names of folders and data files in paths");
		}
		return known;
	}

	#redactPath(path: string): string {
		const kind = mappingKind(path);
		if (KERNEL_NAMES.has(kind) || path.startsWith("/SYSV")) return path;
		// "(unreachable)/a/b" is a file of a mount that was taken away (fs/d_path.c)
		if (path.startsWith(UNREACHABLE)) return UNREACHABLE + this.#redactPath(path.slice(UNREACHABLE.length));
		if (path.startsWith("/memfd:")) return `/memfd:${this.#file(path.slice("/memfd:".length))}`;
		const slash = path.lastIndexOf("/");
		const base = path.slice(slash + 1);
		const kept = path === this.#exe || LIBRARY.test(base);
		return `${this.#folders(path.slice(0, slash))}/${kept ? base : this.#file(base)}`;
	}

	#folders(path: string): string {
		return path
			.split("/")
			.map((name) => (name === "" || PUBLIC_NAMES.has(name) ? name : `dir-${this.#pseudonym(name)}`))
			.join("/");
	}

	#file(base: string): string {
		return base === "" ? "" : `file-${this.#pseudonym(base)}${EXTENSION.exec(base)?.[0] ?? ""}`;
	}

	/** /proc/PID/smaps with the paths replaced. */
	smaps(smaps: Uint8Array): Uint8Array {
		const text = decodeUtf8(smaps).replace(
			MAPPED_PATH,
			(_, before: string, columns: string, path: string, deleted = "") => {
				return `${before}${columns}${this.path(path)}${deleted}`;
			},
		);
		return new TextEncoder().encode(text);
	}

	cgroup(cgroup: CgroupEvidence): CgroupEvidence {
		const path = (path: string) => {
			const names = path
				.split("/")
				.map((name) => (name === "" || PUBLIC_CGROUP.test(name) ? name : `cgroup-${this.#pseudonym(name)}`));
			const redacted = names.join("/");
			if (redacted !== path) this.note("names of cgroups that no container runtime and no systemd gave");
			return redacted;
		};
		return {
			...cgroup,
			path: path(cgroup.path),
			levels: cgroup.levels?.map((level) => ({ ...level, path: path(level.path) })),
		};
	}

	/** Build settings that may hold paths or values keep their name only. */
	program(program: Program): Program {
		const settings: Record<string, string> = {};
		for (const [name, value] of Object.entries(program.settings)) {
			const harmless = value === "" || PUBLIC_SETTINGS.has(name) || (name === "-ldflags" && STRIPPING.test(value));
			settings[name] = harmless ? value : REDACTED;
			if (!harmless) this.note(`the build setting ${name}`);
		}
		return { ...program, settings };
	}

	/**
	 * Source files keep their name and the folders that their function's name has as well; those of published modules and of
	 * Go keep their path.
	 *
	 * @param mainPackage import path of package main
	 */
	stacks(stacks: GoroutineStacks, mainPackage: string | undefined): GoroutineStacks {
		const redact = (frame: StackFrame) => {
			const own = packageOf(frame.function);
			return { ...frame, file: this.#sourceFile(frame.file, own === "main" ? (mainPackage ?? "") : own) };
		};
		return { ...stacks, symbols: stacks.symbols.map((frames) => frames.map(redact)) };
	}

	/** Names of source files as in stacks, those of mapped files as in the mappings. Labels are the runtime's own. */
	profile(profile: Profile, mainPackage: string | undefined): Profile {
		return renamedProfile(profile, {
			source: (file, name) => {
				const own = packageOf(name);
				return this.#sourceFile(file, own === "main" ? (mainPackage ?? "") : own);
			},
			mapped: (file) => (file.startsWith("/") ? this.path(file) : file),
		});
	}

	#sourceFile(path: string, own: string): string {
		if (!path.startsWith("/")) return path;
		const [, before = path, after] = PUBLIC_SOURCE.exec(path) ?? [];
		const kept = after ?? path.slice(path.length - told(path, own));
		const redacted = this.#folders(before.slice(0, path.length - kept.length)) + kept;
		if (redacted !== path) this.note("names of folders of source files");
		return redacted;
	}
}

/** Import path in a function's name: "a.b/c/d.(*T).M" is of a.b/c/d (cmd/link: symbols are path.name). */
function packageOf(name: string): string {
	const slash = name.lastIndexOf("/") + 1;
	const dot = name.indexOf(".", slash);
	return dot < 0 ? name : name.slice(0, dot);
}

/** How many characters at the end of a source file's path tell no more than its package's import path: "/c/d/file.go". */
function told(path: string, own: string): number {
	const folders = path.split("/");
	const names = own.split("/");
	let length = (folders.pop() ?? "").length + 1;
	for (let name = names.pop(); name !== undefined && name !== "" && folders.pop() === name; name = names.pop())
		length += name.length + 1;
	return length;
}

/**
 * A mapping's line up to its path (fs/proc/task_mmu.c: show_map_vma), a path of a file, and the mark. Only a newline ends a
 * path: the kernel escapes no other character.
 */
const MAPPED_PATH =
	/(^|\n)([0-9a-f]+-[0-9a-f]+ [rwxsp-]{4} [0-9a-f]+ [0-9a-f:]+ \d+ +)([^\n[ ][^\n]*?)( \(deleted\))?(?=\n|$)/g;
