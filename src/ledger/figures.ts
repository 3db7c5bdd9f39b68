const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Bytes in binary units as Go prints them: "512 B", "61.7 MiB". For sentences; tables align with the CLI's own units. */
export function bytes(count: number): string {
	let value = Math.abs(count);
	let unit = 0;
	while (value >= 1024 && unit < UNITS.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${count < 0 ? "-" : ""}${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ""}`;
}

/** "41 %" of a whole. */
export function percent(part: number, whole: number): string {
	return `${whole > 0 ? Math.round((part / whole) * 100) : 0} %`;
}
