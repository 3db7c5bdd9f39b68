/** runtime.MemStats by its Go names. Integers above 2^53 - 1 come as bigint: the times since 1970 in ns. */
export interface SubjectMemStats {
	readonly Alloc: number;
	readonly TotalAlloc: number;
	readonly Sys: number;
	readonly Lookups: number;
	readonly Mallocs: number;
	readonly Frees: number;
	readonly HeapAlloc: number;
	readonly HeapSys: number;
	readonly HeapIdle: number;
	readonly HeapInuse: number;
	readonly HeapReleased: number;
	readonly HeapObjects: number;
	readonly StackInuse: number;
	readonly StackSys: number;
	readonly MSpanInuse: number;
	readonly MSpanSys: number;
	readonly MCacheInuse: number;
	readonly MCacheSys: number;
	readonly BuckHashSys: number;
	readonly GCSys: number;
	readonly OtherSys: number;
	/** A bigint where GOGC is off: then the goal is about 2^63. */
	readonly NextGC: number | bigint;
	readonly LastGC: number | bigint;
	readonly PauseTotalNs: number;
	readonly NumGC: number;
	readonly NumForcedGC: number;
	readonly GCCPUFraction: number;
	readonly EnableGC: boolean;
	readonly DebugGC: boolean;
	readonly PauseNs: readonly number[];
	readonly PauseEnd: readonly (number | bigint)[];
	readonly BySize: readonly { readonly Size: number; readonly Mallocs: number; readonly Frees: number }[];
}

/** Answer of the command "goroutines". */
export interface SubjectGoroutines {
	readonly total: number;
	readonly groups: readonly {
		readonly function: string;
		readonly createdBy: string;
		readonly state: string;
		readonly count: number;
	}[];
}

/** What a subject says of a mapping it made. Lengths in bytes, the address as "0x…". */
export interface SubjectMapping {
	readonly kind: string;
	readonly address: string;
	readonly length: number;
	readonly touched: number;
	readonly written: number;
	readonly path?: string;
}

/** What a subject holds, by name; each subject's main.go says which names. */
export type SubjectHolds = Readonly<Record<string, unknown>>;
