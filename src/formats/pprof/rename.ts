import type { Profile } from "./model.ts";
import { StringInterner } from "./strings.ts";

/** What file names become. */
export interface FileNames {
	/** of the source file of a function */
	source(file: string, functionName: string): string;
	/** of a mapped file */
	mapped(file: string): string;
}

/** The same profile with other names of files, and a table of strings that does not hold the former ones. */
export function renamedProfile(profile: Profile, names: FileNames): Profile {
	const { functions, mappings, samples } = profile;
	const { labels } = samples;
	const strings = new StringInterner(profile.strings.count);
	const text = (index: number) => profile.strings.text(index);
	const kept = (index: number) => {
		const bytes = profile.strings.bytes(index);
		return strings.internBytes(bytes, 0, bytes.length);
	};
	return {
		...profile,
		strings,
		functions: {
			...functions,
			name: functions.name.map(kept),
			systemName: functions.systemName.map(kept),
			filename: functions.filename.map((file, f) =>
				strings.intern(names.source(text(file), text(functions.name[f] ?? 0))),
			),
		},
		mappings: {
			...mappings,
			filename: mappings.filename.map((file) => strings.intern(names.mapped(text(file)))),
			buildId: mappings.buildId.map(kept),
		},
		samples: {
			...samples,
			labels: {
				...labels,
				key: labels.key.map(kept),
				text: labels.text.map((index) => (index < 0 ? index : kept(index))),
				unit: labels.unit.map(kept),
			},
		},
	};
}
