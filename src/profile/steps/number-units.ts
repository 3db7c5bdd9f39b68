import type { Profile } from "../../formats/pprof/model.ts";
import { compareText } from "../go-format.ts";

/** The unit of each key of numeric labels, by the key's string row; and what does not fit into that. */
export interface NumberUnits {
	readonly units: ReadonlyMap<number, string>;
	readonly warnings: readonly string[];
}

/**
 * The unit of a key is the first that any of its labels has; without one it follows from the key (google/pprof
 * profile/profile.go, NumLabelUnits: "alignment" and "request" are bytes, others are their own unit).
 */
export function numberUnits(profile: Profile): NumberUnits {
	const { labels } = profile.samples;
	const { strings } = profile;
	const unitOfKey = new Map<number, number>();
	const others = new Map<number, Set<number>>();
	for (let label = 0; label < labels.count; label++) {
		if (labels.text[label]! >= 0) continue;
		const key = labels.key[label]!;
		const unit = labels.unit[label]!;
		const known = unitOfKey.get(key) ?? 0;
		if (known === 0) unitOfKey.set(key, unit);
		else if (unit !== 0 && unit !== known) others.set(key, (others.get(key) ?? new Set()).add(unit));
	}
	const units = new Map<number, string>();
	for (const [key, unit] of unitOfKey) {
		const name = strings.text(key);
		const inferred = name === "alignment" || name === "request" ? "bytes" : name;
		units.set(key, unit === 0 ? inferred : strings.text(unit));
	}
	const warnings = [...others].map(([key, rows]) => {
		const names = [...rows].map((row) => strings.text(row)).sort(compareText);
		return `For tag ${strings.text(key)} used unit ${units.get(key)}, also encountered unit(s) ${names.join(", ")}`;
	});
	return { units, warnings };
}
