import type { Profile } from "../formats/pprof/model.ts";
import { profileTextParts, type TextOptions } from "../formats/pprof/text.ts";
import { divided, type Prepared, prepare, type ReportRequest } from "./prepare.ts";
import { callgrindReport } from "./report/callgrind.ts";
import { dotReport } from "./report/dot.ts";
import { tagsReport } from "./report/tags.ts";
import { textReport, treeReport } from "./report/text.ts";
import { topProto } from "./report/topproto.ts";
import { tracesReport } from "./report/traces.ts";

/** A report: text in chunks, as it may be larger than a string can be, or a profile to be written. */
export type Report = (
	| { readonly kind: "text"; readonly text: Iterable<string> }
	| { readonly kind: "profile"; readonly profile: Profile }
) & {
	/** what pprof says on the side, on the standard error */
	readonly warnings: readonly string[];
};

/**
 * A report of a loaded profile (`loadProfiles`) as pprof makes it, byte for byte where it is text. What cannot be done is
 * said in pprof's words.
 */
export function report(loaded: Profile, request: ReportRequest): Report | { readonly error: string } {
	const prepared = prepare(loaded, request);
	return "error" in prepared ? prepared : reportOf(prepared);
}

/** The report that a profile was prepared for. */
export function reportOf(prepared: Prepared): Report | { readonly error: string } {
	const { warnings, profile } = prepared;
	const text = (chunks: Iterable<string>): Report => ({ kind: "text", text: chunks, warnings });
	switch (prepared.format) {
		case "text":
			return text(textReport(prepared));
		case "tree":
			return text(treeReport(prepared));
		case "peek": {
			const { chunks, matched } = collected(treeReport(prepared));
			return matched > 0 ? text(chunks) : { error: `no matches found for regexp: ${prepared.pattern?.pattern}` };
		}
		case "traces":
			return text(tracesReport(prepared));
		case "tags":
			return text(tagsReport(prepared));
		case "dot":
			return text(dotReport(prepared));
		case "callgrind":
			return text(callgrindReport(prepared));
		case "comments":
			return text(profile.comments.map((comment) => `${comment}\n`));
		case "raw":
			return text(profileTextParts(profile, rawZone(prepared)));
		case "topproto":
			return { kind: "profile", profile: topProto(prepared), warnings };
		case "proto":
			return { kind: "profile", profile: dividedProfile(prepared), warnings };
		case "list":
		case "stacks":
			return { error: `${prepared.format} is no report of its own` };
	}
}

function rawZone({ zoneAt }: Prepared): TextOptions {
	if (zoneAt === undefined) return {};
	return {
		zone: (milliseconds) => {
			const { name, minutes } = zoneAt(milliseconds);
			return { name, offsetMinutes: minutes };
		},
	};
}

/** All of a tree report, and of how many nodes it tells. */
function collected(tree: Generator<string, number>): { readonly chunks: readonly string[]; readonly matched: number } {
	const chunks: string[] = [];
	for (;;) {
		const step = tree.next();
		if (step.done === true) return { chunks, matched: step.value };
		chunks.push(step.value);
	}
}

/** The filtered profile with its values after `divide_by`. */
function dividedProfile(prepared: Prepared): Profile {
	const { profile } = prepared;
	const ratio = 1 / prepared.options.divide_by;
	if (!(ratio > 0) || ratio === 1) return profile;
	const values = profile.samples.values.map((column) => {
		const numbers = column.numbers.map((value) => divided(prepared, value) + 0);
		const safe = numbers.every(Number.isSafeInteger);
		return { numbers, exact: safe ? undefined : BigInt64Array.from(numbers, BigInt) };
	});
	return { ...profile, samples: { ...profile.samples, values } };
}
