import { gzipSync } from "node:zlib";
import { type Static, Type } from "typebox";
import { encodeProfile } from "../formats/pprof/encode.ts";
import { foldedStacks } from "../profile/folded.ts";
import type { Prepared, ReportFormat } from "../profile/prepare.ts";
import { reportOf } from "../profile/report.ts";
import { speedscopeDocument } from "../profile/speedscope.ts";
import type { Artifact, OperationContext } from "./operation.ts";
import { ByteCount } from "./operation-values.ts";
import type { ViewInput } from "./profile-options.ts";
import { headOf, prepareView, reportError } from "./profile-report.ts";
import { profileHead } from "./profile-shape.ts";
import type { OpenedProfile } from "./profile-source.ts";

/** What describes the bytes of a report that is a file. */
export const artifactResult = Type.Object({
	...profileHead,
	mediaType: Type.String(),
	file: Type.Optional(Type.String({ description: "where it was written; - is standard output" })),
	bytes: Type.Optional(ByteCount({ description: "size of the file, where it is known before it is written" })),
	text: Type.Optional(Type.String({ description: "the report, of a text that goes to no file" })),
});
export type ProfileArtifactResult = Static<typeof artifactResult>;

export interface ArtifactForm {
	readonly mediaType: string;
	/** what the file's name ends in, without the dot */
	readonly extension: string;
	/** true for texts that are printed where no file is named */
	readonly printed?: boolean;
}

/** Chunks that writes are made of: small ones would each wait for the reader. */
const CHUNK = 1 << 18;

/** The verbs whose report is a file, and what it is. */
const forms = {
	traces: { format: "traces", mediaType: "text/plain; charset=utf-8", extension: "traces.txt", printed: true },
	raw: { format: "raw", mediaType: "text/plain; charset=utf-8", extension: "raw.txt", printed: true },
	dot: { format: "dot", mediaType: "text/vnd.graphviz", extension: "dot", printed: true },
	folded: { format: "stacks", mediaType: "text/plain; charset=utf-8", extension: "folded", printed: true },
	callgrind: { format: "callgrind", mediaType: "text/plain; charset=utf-8", extension: "callgrind.out" },
	speedscope: { format: "stacks", mediaType: "application/json", extension: "speedscope.json" },
	proto: { format: "proto", mediaType: "application/vnd.google.protobuf+gzip", extension: "pb.gz" },
	topproto: { format: "topproto", mediaType: "application/vnd.google.protobuf+gzip", extension: "top.pb.gz" },
} as const satisfies Readonly<Record<string, ArtifactForm & { readonly format: ReportFormat }>>;
export type ReportVerb = keyof typeof forms;
export const reportVerbs = Object.keys(forms) as readonly ReportVerb[];

/** A report that is text or another profile. Throws GomemError where the options do not fit. */
export function profileReport(
	ctx: Pick<OperationContext, "warn" | "output">,
	opened: OpenedProfile,
	input: ViewInput,
	verb: ReportVerb,
): Artifact<ProfileArtifactResult> {
	const form = forms[verb];
	const prepared = prepareView(ctx, opened, input, { format: form.format });
	if (verb === "folded") return textArtifact(ctx, opened, prepared, form, foldedStacks(prepared));
	if (verb === "speedscope") return textArtifact(ctx, opened, prepared, form, speedscopeDocument(prepared));
	const made = reportOf(prepared);
	if ("error" in made) throw reportError(made.error);
	if (made.kind === "text") return textArtifact(ctx, opened, prepared, form, made.text);
	return bytesArtifact(ctx, opened, prepared, form, gzipSync(encodeProfile(made.profile)));
}

function textArtifact(
	ctx: Pick<OperationContext, "output">,
	opened: OpenedProfile,
	prepared: Prepared,
	form: ArtifactForm,
	chunks: Iterable<string>,
): Artifact<ProfileArtifactResult> {
	return artifact(ctx, opened, prepared, form, encoded(chunks));
}

/** A report as bytes that are all there. */
export function bytesArtifact(
	ctx: Pick<OperationContext, "output">,
	opened: OpenedProfile,
	prepared: Prepared,
	form: ArtifactForm,
	bytes: Uint8Array,
): Artifact<ProfileArtifactResult> {
	const made = artifact(ctx, opened, prepared, form, bytes);
	return { ...made, result: { ...made.result, bytes: bytes.length } };
}

function artifact(
	ctx: Pick<OperationContext, "output">,
	opened: OpenedProfile,
	prepared: Prepared,
	form: ArtifactForm,
	bytes: Artifact<unknown>["bytes"],
): Artifact<ProfileArtifactResult> {
	const fileName = `${baseNameOf(opened)}.${form.extension}`;
	const file = ctx.output ?? (form.printed === true ? undefined : fileName);
	return {
		mediaType: form.mediaType,
		fileName,
		bytes,
		standardOutput: form.printed === true ? "always" : "unless-terminal",
		result: {
			...headOf(opened, prepared),
			mediaType: form.mediaType,
			...(file === undefined ? {} : { file }),
		},
	};
}

function* encoded(chunks: Iterable<string>): Generator<Uint8Array> {
	let pending = "";
	for (const chunk of chunks) {
		pending += chunk;
		if (pending.length < CHUNK) continue;
		yield Buffer.from(pending, "utf8");
		pending = "";
	}
	if (pending !== "") yield Buffer.from(pending, "utf8");
}

/** What the file is called after: the source where it is one, without what its own name ends in. */
function baseNameOf({ sources }: OpenedProfile): string {
	const [source] = sources;
	if (source === undefined || sources.length > 1 || source.kind === "stdin") return "profile";
	if (source.kind === "process") return `profile-${source.name}`;
	const name = source.name.replace(/\?.*$/, "").replace(/\/+$/, "");
	const last = name
		.slice(name.lastIndexOf("/") + 1)
		.replace(/\.(?:gz|zst|zstd)$/, "")
		.replace(/\.(?:pb|prof|pprof|out|txt)$/, "")
		.replace(/[^\w.-]/g, "_")
		.replace(/^[.-]+/, "");
	return last === "" ? "profile" : last;
}
