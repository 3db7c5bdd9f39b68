const UNITS: ReadonlyMap<string, number> = new Map([
	["", 1],
	["b", 1],
	["byte", 1],
	["bytes", 1],
	["k", 1024],
	["kib", 1024],
	["kb", 1000],
	["m", 1024 ** 2],
	["mib", 1024 ** 2],
	["mb", 1000 ** 2],
	["g", 1024 ** 3],
	["gib", 1024 ** 3],
	["gb", 1000 ** 3],
	["tib", 1024 ** 4],
	["tb", 1000 ** 4],
]);

/**
 * Bytes per unit as its letters say, in any case: KiB 1024, KB 1000, single letters as GOMEMLIMIT's (binary). Many programs
 * print `MB` for 2^20 bytes: readings in KB, MB and GB may be 2 to 7 % too small. Undefined: no unit of bytes.
 */
export function bytesPerUnit(unit: string): number | undefined {
	return UNITS.get(unit.toLowerCase());
}
