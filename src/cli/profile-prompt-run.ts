import { existsSync } from "node:fs";
import { GomemError } from "../api/errors.ts";
import type { Artifact, OperationContext, Result } from "../api/operation.ts";
import { profileReport, type ReportVerb, reportVerbs } from "../api/profile-artifact.ts";
import { inputFrom } from "../api/profile-options.ts";
import type { OpenedProfile } from "../api/profile-source.ts";
import type { ProfileOptions } from "../profile/options.ts";
import { writeArtifact, writeReport } from "./artifact.ts";
import { visibleText, write } from "./output.ts";
import type { PromptCommand } from "./profile-prompt-line.ts";
import { type PromptTerminal, promptTerminal } from "./render/profile-spelling.ts";
import { renderers } from "./render/registry.gen.ts";
import { terminalFor } from "./terminal.ts";

/** What a command of the prompt is run with. */
export interface PromptState {
	readonly ctx: OperationContext;
	readonly opened: OpenedProfile;
	readonly options: ProfileOptions;
	readonly style: "gomem" | "pprof";
	readonly terminal: PromptTerminal;
	/** where reports go that name no file; - is standard output */
	readonly output: string | undefined;
}

type Made = { readonly document: Result } | { readonly artifact: Artifact<Result> };
type Make = (state: PromptState, command: PromptCommand, ctx: OperationContext) => Promise<Made>;

/** Rows that top shows where no number is given (interactive.go, parseCommandLine). */
const TOP = 10;

const queries: Readonly<Record<string, Make>> = {
	top: async (state, command, ctx) => {
		const { profileTop } = await import("../api/profile-top.ts");
		return { document: profileTop(ctx, state.opened, input(state, command)) };
	},
	tree: async (state, command, ctx) => {
		const { profileTree } = await import("../api/profile-tree.ts");
		return { document: profileTree(ctx, state.opened, input(state, command)) };
	},
	peek: async (state, command, ctx) => {
		const { profileTree } = await import("../api/profile-tree.ts");
		return { document: profileTree(ctx, state.opened, input(state, command), command.regexp ?? "") };
	},
	list: async (state, command, ctx) => {
		const { profileList } = await import("../api/profile-list.ts");
		return { document: profileList(ctx, state.opened, input(state, command), command.regexp ?? "") };
	},
	tags: async (state, command, ctx) => {
		const { profileTags } = await import("../api/profile-tags.ts");
		return { document: profileTags(ctx, state.opened, input(state, command)) };
	},
	svg: async (state, command, ctx) => picture(state, command, ctx, "svg"),
	png: async (state, command, ctx) => picture(state, command, ctx, "png"),
	web: async (state, command, ctx) => picture(state, command, ctx, "svg"),
	flame: async (state, command, ctx) => {
		const { profileFlame } = await import("../api/profile-picture.ts");
		return { artifact: await profileFlame(ctx, state.opened, input(state, command)) };
	},
	html: async (state, command, ctx) => page(state, command, ctx),
	weblist: async (state, command, ctx) => page(state, command, ctx),
	comments: async (state) => ({ document: { all: state.opened.profile.comments } }),
};

async function picture(
	state: PromptState,
	command: PromptCommand,
	ctx: OperationContext,
	form: "svg" | "png",
): Promise<Made> {
	const { profileGraph } = await import("../api/profile-picture.ts");
	return { artifact: await profileGraph(ctx, state.opened, input(state, command), form) };
}

async function page(state: PromptState, command: PromptCommand, ctx: OperationContext): Promise<Made> {
	const { profilePage } = await import("../api/profile-picture.ts");
	return { artifact: await profilePage(ctx, state.opened, input(state, command), command.regexp) };
}

const aliases: Readonly<Record<string, string>> = { text: "top" };

/** The commands of the prompt. */
export const promptVerbs: readonly string[] = [...Object.keys(queries), ...Object.keys(aliases), ...reportVerbs].sort();

/** Makes the report of one command and prints it, or writes it to its file. Throws GomemError. */
export async function runPromptCommand(state: PromptState, command: PromptCommand): Promise<void> {
	const verb = aliases[command.verb] ?? command.verb;
	const file = command.file ?? state.output;
	const ctx = file === undefined ? state.ctx : { ...state.ctx, output: file };
	const make = queries[verb] ?? (async () => reportArtifact(state, command, ctx, verb as ReportVerb));
	const made = await make(state, command, ctx);
	if ("artifact" in made) return printArtifact(state, verb, made.artifact, file);
	const render = await renderers.get(`profile-${verb}`)?.();
	const printed = file === undefined || file === "-";
	// a file is as wide as what stands in it
	const terminal = printed ? state.terminal : promptTerminal(terminalFor({}, "never", {}));
	const text = visibleText(`${render?.(made.document, terminal) ?? ""}\n`);
	if (printed) return write(text);
	await writeReport(text, file);
	await write(visibleText(`wrote ${file}\n`));
}

function reportArtifact(state: PromptState, command: PromptCommand, ctx: OperationContext, verb: ReportVerb): Made {
	return { artifact: profileReport(ctx, state.opened, input(state, command), verb) };
}

/** The options of the prompt and of the command, as an operation's input has them. */
function input(state: PromptState, { verb, options }: PromptCommand) {
	const all = { ...state.options, ...options };
	const isTop = verb === "top" || verb === "text";
	return { ...inputFrom({ ...all, ...(all.nodecount === -1 && isTop ? { nodecount: TOP } : {}) }), style: state.style };
}

/** Text is printed; all else goes to a file that is not there yet, as pprof numbers its files. */
async function printArtifact(
	{ terminal }: PromptState,
	verb: string,
	artifact: Artifact<Result>,
	file: string | undefined,
): Promise<void> {
	if (file === undefined && artifact.standardOutput === "always") {
		await writeArtifact(artifact, undefined);
		return;
	}
	const path = file ?? freeName(artifact.fileName);
	if (!(await writeArtifact(artifact, path))) return;
	if (verb === "web") {
		const { openInBrowser } = await import("./profile-web.ts");
		openInBrowser(path);
	}
	const render = await renderers.get(`profile-${verb}`)?.();
	await write(visibleText(`${render?.({ ...artifact.result, file: path }, terminal) ?? `wrote ${path}`}\n`));
}

function freeName(name: string): string {
	if (!existsSync(name)) return name;
	const dot = name.indexOf(".", 1);
	const [base, extension] = dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot)];
	for (let n = 1; n < 10_000; n++) {
		const other = `${base}-${n}${extension}`;
		if (!existsSync(other)) return other;
	}
	throw new GomemError({
		code: "output-exists",
		message: `there are too many files like ${name}`,
		hint: "name one: > FILE",
	});
}
