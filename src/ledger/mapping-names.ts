import type { Reading } from "../evidence/reading.ts";
import { anonymousName } from "../formats/procfs/mapping.ts";
import type { SmapsEntry } from "../formats/procfs/smaps.ts";
import type { RuntimeState } from "../goruntime/runtime-state.ts";
import { lineKind } from "./lines.ts";
import type { MappingOwners } from "./mapping-lines.ts";
import { GO_HEAP } from "./mapping-shares.ts";

/** Names mapping number `index` of a reading for people, given its owner. */
export function mappingName(
	reading: Reading,
	runtime: RuntimeState | undefined,
	owners: MappingOwners,
): (index: number, owner: string) => string {
	const stacks = threadsByStack(reading, runtime);
	return (index, owner) => {
		const m = reading.mappings[index];
		if (m === undefined) return "";
		if (owner === GO_HEAP) return "Go heap arena";
		if (owner === "threads.stacks") return stackName(m, stacks);
		if (owner === "c.heap") return cName(m, owners);
		if (owner.startsWith("libs.") && m.path === "") return `${reading.mappings[index - 1]?.path ?? "library"} (bss)`;
		if (owner === "binary.data" && m.path === "") return `${reading.exe} (bss)`;
		if (m.path !== "") return named(m);
		return anonymous(m, owner, reading, owners);
	};
}

function named(m: SmapsEntry): string {
	const name = anonymousName(m.path);
	if (name !== undefined && name !== "") return name;
	if (m.kind === "anon-shmem") return "shared anonymous memory";
	return m.deleted ? `${m.path} (deleted)` : m.path;
}

function cName(m: SmapsEntry, owners: MappingOwners): string {
	if (m.kind === "heap") return "C heap (brk)";
	if (m.kind === "anon-named") return named(m);
	if (!m.permissions.read && !m.permissions.write) return "malloc arena, not used yet";
	return owners.allocator === undefined ? "malloc" : `malloc (${owners.allocator})`;
}

function anonymous(m: SmapsEntry, owner: string, reading: Reading, owners: MappingOwners): string {
	const listed = /^anon\.mmap\.(.+)$/.exec(owner)?.[1];
	if (listed !== undefined) return listed;
	if (owner.startsWith("runtime.")) return lineKind(owner).what;
	if (!m.permissions.read && !m.permissions.write && m.rss === 0) return "no access";
	if (reading.program !== undefined && owner === "anon.all" && isGoArenaAddress(m)) {
		return "anonymous, by its address Go's heap";
	}
	if (owners.allocator !== undefined) return `anonymous, probably ${owners.allocator}'s, which is loaded`;
	if (reading.program?.settings["-race"] === "true") return "anonymous; the race detector makes some of these";
	return "anonymous";
}

/**
 * Where Go asks for its first arenas: 0xc0 << 32 on amd64, 0x40 << 32 on arm64 (malloc.go: mallocinit, arena hints). Since
 * Go 1.26 the place is random on both, and only the runtime knows it.
 */
function isGoArenaAddress(m: SmapsEntry): boolean {
	return (
		(m.start >= 0xc0 * 2 ** 32 && m.end <= 0x1c0 * 2 ** 32) || (m.start >= 0x40 * 2 ** 32 && m.end < 0x50 * 2 ** 32)
	);
}

/** Addresses on thread stacks, ascending, and whose they are. */
interface ThreadStacks {
	readonly at: readonly number[];
	readonly thread: readonly number[];
}

function threadsByStack(reading: Reading, runtime: RuntimeState | undefined): ThreadStacks {
	const found: { at: number; thread: number }[] = [];
	for (const stack of runtime?.machineStacks ?? []) {
		// the thread's number stays 0 until it has run
		if (stack.kind === "g0" && stack.thread > 0) found.push({ at: stack.high - 1, thread: stack.thread });
	}
	for (const { tid, sp } of reading.threads) if (sp !== undefined) found.push({ at: sp, thread: tid });
	found.sort((a, b) => a.at - b.at);
	return { at: found.map((f) => f.at), thread: found.map((f) => f.thread) };
}

function stackName(m: SmapsEntry, stacks: ThreadStacks): string {
	if (m.kind === "stack") return "stack of the main thread";
	if (m.kind === "anon-named") return named(m);
	if (!m.permissions.read && !m.permissions.write) return "guard of a thread's stack";
	let low = 0;
	let high = stacks.at.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((stacks.at[middle] ?? 0) >= m.start) high = middle;
		else low = middle + 1;
	}
	const at = stacks.at[low];
	return at !== undefined && at < m.end ? `stack of thread ${stacks.thread[low]}` : "thread stack";
}
