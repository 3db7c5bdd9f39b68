import type { Unavailable } from "../evidence/bundle/unavailable.ts";
import { type Depth, depthOf, foldTo, isAsDeep, shallower } from "./depth.ts";
import { type ProcessIdentity, sameProcess } from "./identity.ts";
import type { Ledger } from "./ledger.ts";

/** One look at a process, as far as growth needs it. */
export interface LedgerPoint {
	/** unix milliseconds */
	readonly at: number;
	readonly ledger: Pick<Ledger, "lines" | "rssBytes">;
	/** it is what the user wants the present compared with, however far back and however little it tells */
	readonly baseline?: boolean;
	readonly process?: ProcessIdentity;
	/** collections that had ended, where the runtime was read */
	readonly numGc?: number;
	/** why the runtime could not be read */
	readonly lacks?: string | undefined;
}

/** A look at a process, its lines as they compare with those of the others. */
export interface ComparedPoint extends LedgerPoint {
	readonly lines: ReadonlyMap<string, number>;
}

export interface Compared {
	/** oldest first, the present last; it alone where nothing compares with it */
	readonly points: readonly ComparedPoint[];
	/** the process of the baseline, where that is not the present one */
	readonly other: ProcessIdentity | undefined;
	/** whether every line of the present has its change, or only some groups */
	readonly everyLine: boolean;
	/** what does not compare, and why */
	readonly missing: readonly (Unavailable & { readonly part: string })[];
}

/**
 * Chooses what of earlier readings compares with the last one. A line is compared only where both ends have it: what one
 * reading could not see did not grow. Readings that tell less than the last are left out if others remain; a baseline that
 * tells less is compared as far as it goes.
 */
export function comparedPoints(points: readonly LedgerPoint[]): Compared {
	const last = points.at(-1);
	if (last === undefined) return { points: [], other: undefined, everyLine: true, missing: [] };
	// a process that executed another program meanwhile is another one
	const own = points.filter((p) => p.baseline === true || isSame(p, last));
	const depth = depthOf(last.ledger.lines);
	const deep = own.filter((p) => isAsDeep(depthOf(p.ledger.lines), depth));
	const anchors = own.filter((p) => p.baseline === true);
	const whole = deep.length > 1 && (anchors.length === 0 || anchors.some((p) => deep.includes(p)));
	const level = whole ? depth : shallower(depth, depthOf(own[0]?.ledger.lines ?? []));
	const chosen = own.filter((p) => isAsDeep(depthOf(p.ledger.lines), level));
	const alike = chosen.every((p) => depthOf(p.ledger.lines) === level);
	const first = chosen[0] ?? last;
	return {
		points: chosen.map((p) => ({ ...p, lines: alike ? byId(p) : foldTo(level, p.ledger.lines) })),
		other: first.baseline === true && !isSame(first, last) ? first.process : undefined,
		everyLine: alike || (level === depth && level !== "sums"),
		missing: [
			...(chosen.length < own.length ? [leftOut(own.length - chosen.length, own.length)] : []),
			...(alike ? [] : [notByLine(chosen, last, level)]),
		],
	};
}

function isSame(p: LedgerPoint, last: LedgerPoint): boolean {
	return p.process === undefined || last.process === undefined || sameProcess(p.process, last.process);
}

function byId({ ledger }: LedgerPoint): Map<string, number> {
	return new Map(ledger.lines.map(({ id, bytes }) => [id, bytes]));
}

function leftOut(count: number, of: number): Compared["missing"][number] {
	return {
		part: "growth",
		unavailable: `${count} of ${of} readings tell less than the others, and are left out`,
	};
}

function notByLine(points: readonly LedgerPoint[], last: LedgerPoint, level: Depth): Compared["missing"][number] {
	const shallow = points.find((p) => depthOf(p.ledger.lines) === level) ?? last;
	const which = shallow === last ? "this reading" : shallow.baseline === true ? "the baseline" : "an earlier reading";
	const because = shallow.lacks === undefined ? "" : ` (${shallow.lacks})`;
	return {
		part: "growth by line",
		unavailable:
			level === "sums"
				? `${which} has three sums and no lines${because}: only RSS compares`
				: `${which} has no lines of the Go runtime${because}: anonymous memory compares as a whole only`,
		wouldHelp: "readings with the same rights: `gomem doctor PID` says what is missing",
	};
}
