/** Where an operation stands in the help, in the order of the help. */
export const groups = [
	"Where memory is",
	"Profiles",
	"Find processes",
	"Keep and compare",
	"Why it grows",
	"Limits and settings",
	"Watch and alert",
	"gomem itself",
] as const;
export type Group = (typeof groups)[number];

/**
 * query: one result document. stream: result documents until it is stopped. artifact: bytes with a media type, and a
 * document that describes them. job: one document after a while, with progress.
 */
export type Kind = "query" | "stream" | "artifact" | "job";

/** What an operation does to the world beyond reading it, mildest first. */
export const effects = ["read", "pauses", "probes", "writes-target", "runs-command"] as const;
export type Effect = (typeof effects)[number];

export const effectWords: Readonly<Record<Effect, string>> = {
	read: "reads only",
	pauses: "pauses the target for a moment",
	probes: "sets probes in the target's code",
	"writes-target": "changes the target",
	"runs-command": "runs a command",
};

export type TargetUse = "required" | "optional" | "none";
