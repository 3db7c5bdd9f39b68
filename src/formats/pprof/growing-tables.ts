import { GrowingInt64, GrowingUint32, GrowingUint64 } from "./columns.ts";
import type { Profile } from "./model.ts";

export type ProfileTables = Pick<Profile, "locations" | "lines" | "functions" | "mappings">;

/** The tables of a profile as columns that grow: whoever makes one pushes to each column of a row. */
export class GrowingTables {
	readonly locations = {
		id: new GrowingUint64(),
		/** row, or -1 */
		mapping: new GrowingUint32(),
		address: new GrowingUint64(),
		/** of the location after: it begins with 0 */
		lineStart: new GrowingUint32(),
		folded: new GrowingUint32(),
	};
	readonly lines = { function: new GrowingUint32(), line: new GrowingInt64(), column: new GrowingInt64() };
	readonly functions = {
		id: new GrowingUint64(),
		name: new GrowingUint32(),
		systemName: new GrowingUint32(),
		filename: new GrowingUint32(),
		startLine: new GrowingInt64(),
	};
	readonly mappings = {
		id: new GrowingUint64(),
		start: new GrowingUint64(),
		limit: new GrowingUint64(),
		offset: new GrowingUint64(),
		filename: new GrowingUint32(),
		buildId: new GrowingUint32(),
		symbolized: new GrowingUint32(),
	};

	constructor() {
		this.locations.lineStart.push(0);
	}

	/** Copies of all rows so far. */
	finish(): ProfileTables {
		const { locations, lines, functions, mappings } = this;
		return {
			locations: {
				count: locations.id.length,
				id: locations.id.finish(),
				mapping: Int32Array.from(locations.mapping.finish()),
				address: locations.address.finish(),
				lineStart: locations.lineStart.finish(),
				folded: Uint8Array.from(locations.folded.finish()),
			},
			lines: {
				count: lines.function.length,
				function: lines.function.finish(),
				line: lines.line.finish(),
				column: lines.column.finish(),
			},
			functions: {
				count: functions.id.length,
				id: functions.id.finish(),
				name: functions.name.finish(),
				systemName: functions.systemName.finish(),
				filename: functions.filename.finish(),
				startLine: functions.startLine.finish(),
			},
			mappings: {
				count: mappings.id.length,
				id: mappings.id.finish(),
				start: mappings.start.finish(),
				limit: mappings.limit.finish(),
				offset: mappings.offset.finish(),
				filename: mappings.filename.finish(),
				buildId: mappings.buildId.finish(),
				symbolized: Uint8Array.from(mappings.symbolized.finish()),
			},
		};
	}
}
