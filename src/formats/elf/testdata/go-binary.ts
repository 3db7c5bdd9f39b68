// For tests: real Go binaries, and ByteSources over files. Not imported by anything that ships.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteSource } from "../../../bytes/byte-source.ts";
import { BufferSource } from "../../../bytes/byte-source.ts";
import type { ElfFile } from "../model.ts";
import { parseElf } from "../parse.ts";

const CACHE = join(tmpdir(), "gomem-test-binaries");

/** A file that counts how it is read; closed with the process. */
export class FileSource implements ByteSource {
	readonly size: number;
	readonly #fd: number;

	constructor(path: string) {
		this.#fd = openSync(path, "r");
		this.size = fstatSync(this.#fd).size;
	}

	readInto(offset: number, into: Uint8Array): number {
		return readSync(this.#fd, into, 0, into.length, offset);
	}
}

export interface GoBuild {
	/** path of the source file */
	readonly source: string;
	/** "go1.26.8" */
	readonly toolchain: string;
	/** flags of go build */
	readonly flags?: readonly string[];
	readonly cgo?: boolean;
}

/** Path of the binary, built once per source, toolchain and flags; or why it cannot be built here. */
export function buildGo(build: GoBuild): { path: string } | { unavailable: string } {
	const { source, toolchain, flags = [], cgo = false } = build;
	const key = createHash("sha256").update(
		JSON.stringify([readFileSync(source, "utf8"), source, toolchain, flags, cgo]),
	);
	const path = join(CACHE, key.digest("hex").slice(0, 24));
	if (existsSync(path)) return { path };
	mkdirSync(CACHE, { recursive: true });
	const temporary = `${path}.${process.pid}`;
	const env = { ...process.env, GOTOOLCHAIN: toolchain, CGO_ENABLED: cgo ? "1" : "0", GOFLAGS: "" };
	const run = spawnSync("go", ["build", ...flags, "-o", temporary, source], { env, encoding: "utf8" });
	if (run.status !== 0) {
		rmSync(temporary, { force: true });
		return { unavailable: `${toolchain}: ${(run.error?.message ?? run.stderr).trim().slice(0, 300)}` };
	}
	renameSync(temporary, path);
	return { path };
}

export function openElf(path: string): ElfFile {
	return parseElf(new FileSource(path));
}

/** The whole file in memory, to be damaged. */
export function fileBytes(path: string): Uint8Array {
	return new Uint8Array(readFileSync(path));
}

export function elfOf(bytes: Uint8Array): ElfFile {
	return parseElf(new BufferSource(bytes));
}

/** The same file without section headers (e_shoff, e_shnum and e_shstrndx zero), as sstrip leaves it. */
export function withoutSectionHeaders(bytes: Uint8Array): Uint8Array {
	const copy = bytes.slice();
	copy.fill(0, 40, 48);
	copy.fill(0, 60, 64);
	return copy;
}

/** Standard output of a tool. */
export function run(command: string, args: readonly string[], input?: string): string {
	return execFileSync(command, args, {
		encoding: "utf8",
		maxBuffer: 1 << 30,
		stdio: ["pipe", "pipe", "ignore"],
		input: input ?? "",
	});
}

/** Path of a program of Go's own toolchain, "compile" for one: large and real, with symbols. */
export function goTool(name: string): string {
	return join(run("go", ["env", "GOTOOLDIR"]).trim(), name);
}

/** The TypeScript compiler's platform binary: a real, large, stripped Go program (undefined where there is none). */
export function tscBinary(): string | undefined {
	const name = `typescript-${process.platform}-${process.arch}`;
	const path = join(import.meta.dirname, "../../../../node_modules/@typescript", name, "lib/tsc");
	return existsSync(path) ? path : undefined;
}

/** A seeded generator of 32-bit numbers (mulberry32), so that a failure can be repeated. */
export function seeded(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), state | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return (t ^ (t >>> 14)) >>> 0;
	};
}
