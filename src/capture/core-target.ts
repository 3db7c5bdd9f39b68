import { constants, gunzipSync } from "node:zlib";
import { ET_CORE } from "../formats/elf/constants.ts";
import { isElf } from "../formats/elf/magic.ts";
import type { Target, UnresolvedTarget } from "./target.ts";

/** How compressed files begin, and what unpacks them. */
const COMPRESSED: readonly { readonly name: string; readonly magic: readonly number[]; readonly command: string }[] = [
	{ name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd], command: "zstd -d" },
	{ name: "LZ4", magic: [0x04, 0x22, 0x4d, 0x18], command: "lz4 -d" },
	{ name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], command: "xz -dk" },
];

/** A core by its first bytes, or why an ELF or compressed file is none; undefined where it is neither. */
export function coreTarget(path: string, head: Uint8Array): Target | UnresolvedTarget | undefined {
	if (isElf(head)) {
		if (((head[16] ?? 0) | ((head[17] ?? 0) << 8)) === ET_CORE) return { kind: "core", path };
		return {
			problem: "unknown-file",
			message: `${path} is a program or a library, not a core`,
			hint: "give the pid or the name of a process that runs it, or its core",
		};
	}
	const packed = COMPRESSED.find(({ magic }) => magic.every((byte, i) => head[i] === byte)) ?? gzipped(head);
	if (packed === undefined) return undefined;
	return {
		problem: "unknown-file",
		message: `${path} is compressed (${packed.name})`,
		hint: `gomem reads cores in place: unpack it first with \`${packed.command} ${path}\`, or \`coredumpctl dump -o core PID\``,
	};
}

/** Profiles are gzipped as well: only what begins as ELF inside is a core. */
function gzipped(head: Uint8Array): { readonly name: string; readonly command: string } | undefined {
	if (head[0] !== 0x1f || head[1] !== 0x8b) return undefined;
	try {
		const inside = gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 1 << 24 });
		return isElf(inside) ? { name: "gzip", command: "gunzip -k" } : undefined;
	} catch {
		return undefined; // no gzip after all, or one that a few KiB do not begin
	}
}
