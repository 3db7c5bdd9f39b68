import type { OwnCommand } from "./words.ts";

/** The commands that are no operations. Their code is loaded when they run. */
export const ownCommands: readonly OwnCommand[] = [
	{
		name: "profile",
		summary: "A profile at a prompt as go tool pprof has it, or as a page",
		group: "Profiles",
		usage: "SOURCE... [flags]",
		flags: [
			{ flag: "--http", about: "serve the interactive page on this HOST:PORT (loopback where no host is given)" },
			{ flag: "--no-browser", about: "with --http: open no browser" },
		],
		description:
			"Without a verb a prompt with pprof's commands; with -http=:8080 the interactive page. pprof's words are taken as they " +
			"are: `gomem profile -top -cum URL`, `gomem profile top10 heap.pb.gz`, `gomem profile -list=main BINARY PROFILE`.",
		load: () => import("./profile-command.ts").then((m) => m.profileCommand),
	},
	{
		name: "profile web",
		summary: "The call graph of a profile in the browser",
		group: "Profiles",
		usage: "SOURCE... [flags]",
		flags: [{ flag: "--no-browser", about: "only write the picture" }],
		description: "As gomem profile svg, and opens the picture (xdg-open) where there is a display.",
		load: () => import("./profile-web.ts").then((m) => m.profileWeb),
	},
	{
		name: "schema",
		summary: "The JSON Schema of an operation's result, or a list of them",
		group: "gomem itself",
		usage: "[OPERATION] [--input]",
		choices: async () => (await import("../api/registry.gen.ts")).operations.map((one) => one.id),
		flags: [{ flag: "--input", about: "the schema of the operation's input instead" }],
		load: () => import("./schema-command.ts").then((m) => m.schemaCommand),
	},
	{
		name: "completion",
		summary: "A completion script for bash, zsh or fish",
		group: "gomem itself",
		usage: "bash|zsh|fish",
		choices: async () => ["bash", "zsh", "fish"],
		description:
			"Load it in the shell's own way: `source <(gomem completion bash)` in ~/.bashrc, `gomem completion zsh > _gomem` in a " +
			"folder of $fpath, `gomem completion fish > ~/.config/fish/completions/gomem.fish`.",
		load: () => import("./completion-command.ts").then((m) => m.completionCommand),
	},
	{
		name: "man",
		summary: "The manual of this version as a man page",
		group: "gomem itself",
		usage: "",
		description: "Prints roff for man(1): `gomem man | man -l -`.",
		load: () => import("./man-command.ts").then((m) => m.manCommand),
	},
];
