import { constants } from "node:fs";
import { type FileHandle, link, open, rename, rm, stat } from "node:fs/promises";
import { GomemError } from "../api/errors.ts";
import type { Artifact } from "../api/operation.ts";
import { visibleText, write, writeError } from "./output.ts";

/**
 * Writes an artifact's bytes to the file of -o (all at once, when all of it is there; a file that is there already is
 * replaced, unless the artifact says that it is to be kept), or under its own name in the
 * working directory (never over a file that is there), or to standard output for `-` and where the artifact wants that.
 * Returns false for the last, and says so in the result. Files are readable by their owner only: what they hold came out
 * of a process's memory.
 */
export async function writeArtifact(artifact: Artifact<unknown>, output: string | undefined): Promise<boolean> {
	const { bytes } = artifact;
	const chunks = bytes instanceof Uint8Array ? [bytes] : bytes;
	if (output === "-" || (output === undefined && prefersStandardOutput(artifact))) {
		const text = artifact.standardOutput === "always";
		if (process.stdout.isTTY === true && !text) {
			throw new GomemError({
				code: "output-is-terminal",
				message: `${artifact.mediaType} is not for a terminal`,
				hint: "name a file with -o, or send standard output to a pipe or a file",
			});
		}
		for await (const chunk of chunks) await write(text && process.stdout.isTTY ? visibleText(decode(chunk)) : chunk);
		tellStandardOutput(artifact.result);
		return false;
	}
	const path = output ?? artifact.fileName;
	warnOfEnding(path, artifact.fileName);
	const partial = await partialName(path, output !== undefined);
	const file = await create(partial, path);
	try {
		for await (const chunk of chunks) await file.write(chunk);
		await file.close();
		if (partial !== path) await (artifact.existing === "keep" ? linkNew(partial, path) : rename(partial, path));
	} catch (error) {
		await file.close().catch(() => {});
		if (partial !== path || output === undefined) await rm(partial, { force: true });
		throw unwritable(path, error);
	}
	return true;
}

/** Writes what would have been printed to a file, as an artifact is written. */
export async function writeReport(text: string, file: string): Promise<void> {
	await writeArtifact({ mediaType: "text/plain", fileName: file, bytes: Buffer.from(text), result: {} }, file);
}

const ENDINGS = /\.(svg|png|html?|json|dot|gz|gomem)$/i;

/** A file whose name ends as other files do would be opened by a program that cannot read it. */
function warnOfEnding(path: string, ownName: string): void {
	const ending = (name: string) => ENDINGS.exec(name)?.[1]?.toLowerCase().replace(/^htm$/, "html");
	const [asked, own] = [ending(path), ending(ownName)];
	if (asked === undefined || own === undefined || asked === own) return;
	writeError(visibleText(`gomem: warning: ${path} ends in .${asked}, and what is written is .${own}\n`));
}

/** The operation that made the result could not know that its bytes go into a pipe, and named a file. */
function tellStandardOutput(result: unknown): void {
	if (typeof result === "object" && result !== null && "file" in result) result.file = "-";
}

function prefersStandardOutput({ standardOutput }: Artifact<unknown>): boolean {
	if (standardOutput === "unless-terminal") return process.stdout.isTTY !== true;
	return standardOutput === "always";
}

/** All of a text, for a document: what a string can hold. */
export async function textOf({ bytes }: Artifact<unknown>): Promise<string> {
	const chunks: string[] = [];
	let length = 0;
	for await (const chunk of bytes instanceof Uint8Array ? [bytes] : bytes) {
		const text = decode(chunk);
		length += text.length;
		if (length > MAX_TEXT) {
			throw new GomemError({
				code: "output-too-large",
				message: "the text is too large for a JSON document",
				hint: "write it to a file with -o",
			});
		}
		chunks.push(text);
	}
	return chunks.join("");
}

/** V8 ends strings at half a gigabyte, and in JSON each character may become six. */
const MAX_TEXT = 64 << 20;

function decode(chunk: Uint8Array): string {
	return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("utf8");
}

/** Beside a named file, to be renamed; a device, a pipe or a socket is written to as it is (/dev/null stays a device). */
async function partialName(path: string, named: boolean): Promise<string> {
	if (!named) return path;
	const there = await stat(path).catch(() => undefined);
	return there === undefined || there.isFile() ? `${path}.partial-${process.pid}` : path;
}

async function create(partial: string, path: string): Promise<FileHandle> {
	const special = partial === path && (await stat(path).catch(() => undefined))?.isFile() === false;
	const how = special ? 0 : constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
	try {
		return await open(partial, constants.O_WRONLY | how, 0o600);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw unwritable(path, error);
		throw alreadyThere(partial);
	}
}

/** Gives the file its name unless there is a file of that name by now. */
async function linkNew(partial: string, path: string): Promise<void> {
	try {
		await link(partial, path);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "EEXIST") throw alreadyThere(path);
		// FAT and some network file systems have no hard links
		if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP") throw error;
		if ((await stat(path).catch(() => undefined)) !== undefined) throw alreadyThere(path);
		return await rename(partial, path);
	}
	await rm(partial);
}

function alreadyThere(path: string): GomemError {
	return new GomemError({
		code: "output-exists",
		message: `there is a file ${path} already`,
		hint: "name another file to write with -o",
	});
}

function unwritable(path: string, error: unknown): unknown {
	if (!(error instanceof Error) || !("syscall" in error)) return error;
	return new GomemError({
		code: "output-unwritable",
		message: `${path} cannot be written`,
		hint: "name another file with -o",
		cause: error,
	});
}
