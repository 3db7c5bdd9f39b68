/** What stands behind a mapping, told by its name in maps (proc(5), fs/proc/task_mmu.c). */
export type MappingKind =
	/** private anonymous memory without a name */
	| "anon"
	/** private anonymous memory named by prctl(PR_SET_VMA_ANON_NAME): `[anon:NAME]`; Go names its own ` Go: heap` … */
	| "anon-named"
	/** MAP_SHARED|MAP_ANONYMOUS: `/dev/zero (deleted)` or `[anon_shmem:NAME]` */
	| "anon-shmem"
	/** memory with a name in a tmpfs: `/memfd:…`, `/SYSV…` (System V), /dev/shm */
	| "shmem"
	/** `/anon_hugepage (deleted)` */
	| "hugetlb"
	/** the brk heap: C's, not Go's */
	| "heap"
	/** the stack of the first thread */
	| "stack"
	/** `[stack:TID]`, Linux 3.4 to 4.4 */
	| "thread-stack"
	| "vdso"
	/** `[vvar]`, since Linux 6.13 `[vvar_vclock]` too: never in Rss */
	| "vvar"
	| "vsyscall"
	| "uprobes"
	| "file"
	/** /dev/… other than those above: a device's memory */
	| "device"
	/** `anon_inode:…`, `socket:…`: io_uring and perf rings, BPF maps, packet sockets */
	| "anon-inode"
	/** another name in brackets, and `[rollup]` */
	| "special";

export interface Permissions {
	readonly read: boolean;
	readonly write: boolean;
	readonly execute: boolean;
	/** MAP_SHARED; false is private, copy on write */
	readonly shared: boolean;
}

/** A line of /proc/PID/maps. */
export interface Mapping {
	/**
	 * Byte address; exact, since page-aligned addresses of 64 bits fit a double. Those at and above 2^53 (`vsyscall`, at
	 * 0xffffffffff600000) are no ground for arithmetic on addresses inside.
	 */
	readonly start: number;
	/** one past the last byte */
	readonly end: number;
	readonly permissions: Permissions;
	/** bytes into the file */
	readonly offset: number;
	/** `major:minor`, hexadecimal; `00:00` where there is no file */
	readonly device: string;
	/** 0 where there is no file; digits where it is above 2^53 */
	readonly inode: number | string;
	/** the name as the kernel gives it, newlines unescaped, without ` (deleted)`; "" where there is none */
	readonly path: string;
	/**
	 * The file's name was removed since, as after an upgrade. A file whose own name ends in ` (deleted)` looks the same: the
	 * kernel does not escape it.
	 */
	readonly deleted: boolean;
	readonly kind: MappingKind;
}

const BRACKETED: ReadonlyMap<string, MappingKind> = new Map([
	["[heap]", "heap"],
	["[stack]", "stack"],
	["[vdso]", "vdso"],
	["[vvar]", "vvar"],
	["[vvar_vclock]", "vvar"],
	["[vsyscall]", "vsyscall"],
	["[uprobes]", "uprobes"],
]);

const BY_PREFIX: readonly (readonly [string, MappingKind])[] = [
	["[anon:", "anon-named"],
	["[anon_shmem:", "anon-shmem"],
	["[stack:", "thread-stack"],
	["[", "special"],
	["/memfd:", "shmem"],
	["/SYSV", "shmem"],
	["/dev/shm/", "shmem"],
	["/dev/zero", "anon-shmem"],
	["/dev/", "device"],
	["/anon_hugepage", "hugetlb"],
	["anon_inode:", "anon-inode"],
	["socket:", "anon-inode"],
];

/** The kind of a mapping by its path without ` (deleted)`. */
export function mappingKind(path: string): MappingKind {
	if (path === "") return "anon";
	const exact = BRACKETED.get(path);
	if (exact !== undefined) return exact;
	for (const [prefix, kind] of BY_PREFIX) if (path.startsWith(prefix)) return kind;
	return "file";
}

/** `Go: heap` of `[anon: Go: heap]`, also of `[anon_shmem:…]`; undefined for every other path. */
export function anonymousName(path: string): string | undefined {
	return /^\[anon(?:_shmem)?:(.*)\]$/s.exec(path)?.[1]?.trim();
}

/** The sixteen values of a `rwxp` column, shared by all mappings. */
const PERMISSIONS: readonly Permissions[] = Array.from({ length: 16 }, (_, bits) =>
	Object.freeze({
		read: (bits & 1) !== 0,
		write: (bits & 2) !== 0,
		execute: (bits & 4) !== 0,
		shared: (bits & 8) !== 0,
	}),
);

/** The permissions for bits read 1, write 2, execute 4, shared 8. */
export function permissionsOf(bits: number): Permissions {
	return PERMISSIONS[bits & 15]!; // sixteen entries
}
