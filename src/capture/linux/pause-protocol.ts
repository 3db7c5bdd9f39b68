/**
 * What gomem and the pause guard say to each other: lines of JSON over the guard's stdout, and the two words of
 * GuardCommand over its stdin. The end of stdin means that gomem is gone.
 */
export type GuardMessage =
	| { readonly kind: "stopped"; readonly sentAt: number; readonly stoppedAt: number; readonly threads: number }
	| ({ readonly kind: "refused" } & PauseRefused)
	| { readonly kind: "resumed"; readonly at: number; readonly reason: ResumeReason };

export type GuardCommand = "stop" | "resume";

/** told: gomem said so · closed: gomem died · deadline: it took too long · signal: the guard was asked to end */
export type ResumeReason = "told" | "closed" | "deadline" | "signal";

export type RefusalKind =
	| "gone"
	| "another-process"
	| "own-ancestor"
	| "init"
	| "other-pid-namespace"
	| "already-stopped"
	| "traced"
	| "not-permitted"
	| "did-not-stop"
	| "guard-failed";

/** Why a process was not paused. It runs as it did before. */
export interface PauseRefused {
	readonly refused: RefusalKind;
	readonly why: string;
	readonly wouldHelp?: string;
}

/** What the guard is told on its command line, in this order. */
export interface GuardOrder {
	readonly pid: number;
	/** clock ticks since boot: the process that is meant, not another that has its pid now */
	readonly startTime: number;
	readonly maxMs: number;
	/** gomem itself: it and its ancestors are never stopped */
	readonly requester: number;
}

export function orderToArguments(order: GuardOrder): readonly string[] {
	return [order.pid, order.startTime, order.maxMs, order.requester].map(String);
}

/** Undefined where the arguments are not an order. */
export function orderFromArguments(args: readonly string[]): GuardOrder | undefined {
	const numbers = args.map(Number);
	const [pid, startTime, maxMs, requester] = numbers;
	if (pid === undefined || startTime === undefined || maxMs === undefined || requester === undefined) return undefined;
	if (!numbers.every((n) => Number.isSafeInteger(n)) || pid <= 0 || maxMs <= 0) return undefined;
	return { pid, startTime, maxMs, requester };
}

/** Milliseconds of CLOCK_MONOTONIC, which processes share: times of gomem and of the guard can be compared. */
export function monotonicMs(): number {
	return Number(process.hrtime.bigint()) / 1e6;
}
