import { Type } from "typebox";
import type { Artifact, OperationContext } from "./operation.ts";
import { defineOperation } from "./operation.ts";
import { artifactResult, type ProfileArtifactResult, profileReport, type ReportVerb } from "./profile-artifact.ts";
import { profileProperties } from "./profile-input.ts";
import type { ViewInput } from "./profile-options.ts";
import { type OpenedProfile, openProfile } from "./profile-source.ts";

interface Told {
	readonly summary: string;
	readonly description?: string;
	readonly examples: readonly { readonly command: string; readonly says: string }[];
}

type Make = (
	ctx: OperationContext,
	opened: OpenedProfile,
	input: ViewInput,
) => Artifact<ProfileArtifactResult> | Promise<Artifact<ProfileArtifactResult>>;

/** A verb of `gomem profile` whose report is a file, with the options that all of them have and no other. */
export function artifactOperation(verb: string, told: Told, make: Make) {
	return defineOperation({
		name: `profile ${verb}`,
		...told,
		group: "Profiles",
		kind: "artifact",
		effect: "read",
		target: "none",
		input: Type.Object(profileProperties),
		result: artifactResult,
		async run(ctx, input) {
			return make(ctx, await openProfile(ctx, input), input);
		},
	});
}

/** One whose report is text or another profile. */
export function reportOperation(verb: ReportVerb, told: Told) {
	return artifactOperation(verb, told, (ctx, opened, input) => profileReport(ctx, opened, input, verb));
}
