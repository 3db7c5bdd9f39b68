import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Programs of others that tests run beside gomem, and the Debian package of each. Where one is missing, its tests say so. */
export const debianPackages: Readonly<Record<string, string>> = {
	gcore: "gdb",
	"qemu-aarch64-static": "qemu-user-static",
	pmap: "procps",
	zsh: "zsh",
	fish: "fish",
	mandoc: "mandoc",
	chromium: "chromium",
	setpriv: "util-linux",
	prlimit: "util-linux",
	gcc: "gcc",
	"/usr/lib/x86_64-linux-gnu/libjemalloc.so.2": "libjemalloc2",
	"/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4": "libtcmalloc-minimal4",
	"/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0": "libmimalloc2.0",
};

/** Why a program is not there, with the command that brings it; false where it is. */
export function missing(program: string): string | false {
	if (isThere(program)) return false;
	return `there is no ${program}: apt-get install ${debianPackages[program] ?? program}`;
}

function isThere(program: string): boolean {
	if (program.startsWith("/")) return existsSync(program);
	return spawnSync("sh", ["-c", 'command -v "$0"', program], { stdio: "ignore" }).status === 0;
}

/** Installs what is missing, all at once; returns what is still missing. Only root can, and only where there is apt-get. */
export function installMissing(): readonly string[] {
	const wanted = Object.keys(debianPackages).filter((program) => !isThere(program));
	if (wanted.length === 0 || process.getuid?.() !== 0 || !isThere("apt-get")) return wanted;
	const packages = [...new Set(wanted.map((program) => debianPackages[program] ?? program))];
	const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
	const run = (args: readonly string[]) =>
		execFileSync("apt-get", ["-o", "DPkg::Lock::Timeout=300", ...args], {
			stdio: ["ignore", "ignore", "inherit"],
			timeout: 900_000,
			env: environment,
		});
	const install = (names: readonly string[]) => run(["install", "-y", "--no-install-recommends", ...names]);
	try {
		install(packages);
	} catch {
		try {
			run(["update"]); // a machine that has never fetched the lists
			install(packages);
		} catch {
			for (const name of packages) {
				try {
					install([name]); // one that this release does not have must not keep the others away
				} catch (error) {
					console.warn(`${name}: ${(error as Error).message.split("\n")[0]}`);
				}
			}
		}
	}
	return wanted.filter((program) => !isThere(program));
}
