/** The errno name of a failed system call ("ENOENT", "EACCES" …), or undefined where the error is something else. */
export function errnoOf(error: unknown): string | undefined {
	if (error instanceof Error && "code" in error && typeof error.code === "string" && "syscall" in error) {
		return error.code;
	}
	return undefined;
}

/** Reading a file of /proc of a process that has ended: ENOENT at open, ESRCH at open or read. */
export function isGone(errno: string): boolean {
	return errno === "ENOENT" || errno === "ESRCH";
}

/** EACCES: the file's mode or the kernel's ptrace access check; EPERM: a capability or a security module. */
export function isDenied(errno: string): boolean {
	return errno === "EACCES" || errno === "EPERM";
}
