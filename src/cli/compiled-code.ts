import {
	accessSync,
	constants as fsConstants,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { Module } from "node:module";
import { basename, dirname, join } from "node:path";
import { Script, constants as vmConstants } from "node:vm";
import { crc32 } from "node:zlib";

/** What Node.js does with the text of a module (lib/internal/modules/cjs/loader.js); node has it for those who do this. */
interface Loader {
	_compile?: (this: NodeModule, content: string, path: string, ...more: unknown[]) => unknown;
}

/** crc32 of what follows */
const HEAD_BYTES = 4;

/**
 * Keeps the compiled code of the modules in `directory` for the next start, by command: each function that ran, as otherwise
 * each start compiles them anew (110 ms become 95 for a small profile; Node's own cache keeps only what was compiled before
 * anything ran). What is kept stands in `directory`/.cache: as trusted as the bundle itself, which a folder under /tmp
 * would not be. Where that cannot be written (a system-wide installation, another user) each start compiles.
 *
 * The modules must have a hash of their content in their names: V8 sees no more of a changed text than its length.
 */
export function keepCompiledCode(directory: string, command: string): void {
	const loader: Module & Loader = Module.prototype;
	const compile = loader._compile;
	if (typeof compile !== "function") return;
	const folder = join(directory, ".cache", `${process.version}-${process.arch}`, command.replaceAll(" ", "-"));
	const fresh = new Map<string, Script>();
	loader._compile = function (content, path, ...more) {
		if (dirname(path) !== directory) return compile.call(this, content, path, ...more);
		const file = join(folder, basename(path));
		const code = readCode(file);
		const script = new Script(Module.wrap(content), {
			filename: path,
			importModuleDynamically: vmConstants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
			...(code === undefined ? {} : { cachedData: code }),
		});
		if (code === undefined || script.cachedDataRejected === true) fresh.set(file, script);
		const require = (id: string): unknown => this.require(id);
		return script.runInThisContext().call(this.exports, this.exports, require, this, path, directory);
	};
	process.once("exit", () => {
		if (fresh.size === 0 || !canWrite(folder)) return;
		for (const [file, script] of fresh) writeCode(file, script.createCachedData());
	});
}

/** V8 takes damaged code for code, so that what is not as it was written is not given to it. */
function readCode(file: string): Uint8Array | undefined {
	try {
		const bytes = readFileSync(file);
		const code = bytes.subarray(HEAD_BYTES);
		return bytes.length > HEAD_BYTES && bytes.readUInt32LE(0) === crc32(code) ? code : undefined;
	} catch {
		return undefined;
	}
}

/** Asked before anything is made to be written: another user's installation is not writable at each start. */
function canWrite(folder: string): boolean {
	try {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		accessSync(folder, fsConstants.W_OK);
		return true;
	} catch {
		return false;
	}
}

/** Whatever stands in the way of it, the command has done its work. */
function writeCode(file: string, code: Uint8Array): void {
	const half = `${file}.${process.pid}`;
	const head = Buffer.alloc(HEAD_BYTES);
	head.writeUInt32LE(crc32(code));
	try {
		writeFileSync(half, Buffer.concat([head, code]), { mode: 0o600, flag: "wx" });
		renameSync(half, file);
	} catch {
		rmSync(half, { force: true });
	}
}
