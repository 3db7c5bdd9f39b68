import { ProfileBuilder } from "../../formats/pprof/builder.ts";
import type { Profile } from "../../formats/pprof/model.ts";

/** One sample: "main;work;leaf" from the root, inuse_space, and labels. */
export type SmallSample = readonly [
	stack: string,
	value: number | bigint,
	labels?: Readonly<Record<string, string | number>>,
];

/**
 * A heap profile of a few stacks, with alloc_space (twice the value) before inuse_space. Frames are functions; "outer>inner" is
 * one location where inner was inlined into outer. The file of a function is NAME.go, its first line 10, its line 20.
 */
export function smallProfile(
	samples: readonly SmallSample[],
	header: Parameters<ProfileBuilder["finish"]>[0] = {},
): Profile {
	const b = new ProfileBuilder([
		{ type: "alloc_space", unit: "bytes" },
		{ type: "inuse_space", unit: "bytes" },
	]);
	const mapping = b.mapping({ start: 0x1000, limit: 0x9000, filename: "/bin/small" });
	const rows = new Map<string, number>();
	const location = (frame: string): number => {
		const known = rows.get(frame);
		if (known !== undefined) return known;
		const names = frame.split(">").reverse();
		const lines = names.map((name) => ({
			function: b.internFunction({ name, filename: `${name}.go`, startLine: 10 }),
			line: 20,
		}));
		const row = b.location({ mapping, address: addressOf(frame), lines });
		rows.set(frame, row);
		return row;
	};
	for (const [stack, value, labels = {}] of samples) {
		const locations = stack === "" ? [] : stack.split(";").reverse().map(location);
		const twice = typeof value === "bigint" ? value * 2n : value * 2;
		const parts = Object.entries(labels).map(([key, of]) => ({ key, value: of }));
		b.sample(locations, [twice, value], parts);
	}
	return b.finish(header);
}

/** The same in each profile. */
function addressOf(frame: string): number {
	let address = 0x1000;
	for (let i = 0; i < frame.length; i++) address += (frame.charCodeAt(i) + 1) * 31 ** Math.min(i, 3);
	return address;
}
