import type { Operation } from "./operation.ts";
import type { Effect, Group, Kind, TargetUse } from "./operation-words.ts";

/** What a surface knows of an operation before it loads it: enough for help and routing, without TypeBox. */
export interface OperationEntry {
	readonly name: string;
	readonly id: string;
	readonly summary: string;
	readonly group: Group;
	readonly kind: Kind;
	readonly effect: Effect;
	readonly target: TargetUse;
	load(): Promise<Operation>;
}
