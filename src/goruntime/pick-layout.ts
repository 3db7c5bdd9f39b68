import { readMachineStacks } from "./goroutines.ts";
import type { Layout } from "./layouts/layout.ts";
import type { LayoutRecord } from "./layouts/layout-record.ts";
import { recordOfLayout } from "./layouts/layouts.ts";
import type { RuntimeView } from "./runtime-view.ts";

/**
 * Of several layouts that fit a process, the one to read it with. Patch releases of a minor mostly differ in structs that
 * gomem does not read, or reads a few fields of: layouts that say the same of all that is read serve alike, and the first
 * (the newest) is taken. Before that, those with which fewer of the runtime's variables or of its threads were found drop
 * out. Undefined where layouts are left that would read different things.
 */
export function pickFitting<T extends { readonly view: RuntimeView }>(passing: readonly T[]): T | undefined {
	if (passing.length < 2) return passing[0];
	const strength = passing.map(({ view }) => found(view));
	const most = Math.max(...strength);
	const [first, ...others] = passing.filter((_, i) => strength[i] === most);
	if (first === undefined) return undefined;
	return others.every(({ view }) => readAlike(first.view.layout, view.layout)) ? first : undefined;
}

/** Variables, and threads by the list of Ms: a layout of another m follows that list nowhere. */
function found(view: RuntimeView): number {
	const threads = new Set(readMachineStacks(view, view.memory.look()).map((stack) => stack.thread));
	return view.globals.size * 1000 + Math.min(threads.size, 999);
}

/** Structs of which gomem reads nothing, in this file or another. */
const UNREAD =
	/^runtime\.(rwmutex|debug|pollDesc|pollCache|timer|timers|timeTimer|timerWhen|trace\w*|gcWork|wbBuf|localSpanQueue|mSpanQueue|spanQueue(\.chain)?|spanSPMC|sizeClassScanStats|mWaitList|mLockProfile|workType(\.\w+)?|cpuStats|sudog|semaRoot|schedt?\.\w*Wait\w*)$/;

/** Structs of which it reads only these fields, and what they lead to. */
const READ_FIELDS: Readonly<Record<string, readonly string[]>> = {
	"runtime.m": ["id", "g0", "gsignal", "procid", "curg", "alllink"],
	"runtime.p": ["id", "status", "mcache", "pcache", "gFree"],
};

/** Constants that say how the runtime works, not where it keeps things. */
const UNREAD_CONSTANT = /^(waitReason|mutex|addrBits$|tagBits$|goexperiment\.(SpinbitMutex|GreenTeaGC|AllocHeaders)$)/;

/** Whether two layouts say the same of all that gomem reads. */
export function readAlike(a: Layout, b: Layout): boolean {
	const [one, other] = [recordOfLayout(a), recordOfLayout(b)];
	return one !== undefined && other !== undefined && recordsReadAlike(one, other);
}

export function recordsReadAlike(a: LayoutRecord, b: LayoutRecord): boolean {
	return (
		namesOf(a.structs, b.structs).every((name) => UNREAD.test(name) || structText(a, name) === structText(b, name)) &&
		namesOf(a.constants, b.constants).every(
			(name) => UNREAD_CONSTANT.test(name) || a.constants[name] === b.constants[name],
		) &&
		namesOf(a.tables, b.tables).every((name) => beginsAlike(a.tables[name] ?? [], b.tables[name] ?? []))
	);
}

function namesOf(a: object, b: object): string[] {
	return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

function structText(record: LayoutRecord, name: string): string {
	const struct = record.structs[name];
	if (struct === undefined) return "";
	const wanted = READ_FIELDS[name];
	const fields = Object.entries(struct.fields).filter(([field]) => wanted === undefined || wanted.includes(field));
	const size = wanted === undefined ? struct.size : 0;
	return JSON.stringify([size, fields.sort(([x], [y]) => (x < y ? -1 : 1))]);
}

/** A table may grow at its end: what both have is the same. */
function beginsAlike(a: readonly unknown[], b: readonly unknown[]): boolean {
	const [short, long] = a.length < b.length ? [a, b] : [b, a];
	return short.length > 0 && short.every((value, i) => value === long[i]);
}
