import { GomemError } from "../api/errors.ts";
import { operations } from "../api/registry.gen.ts";
import { version } from "../api/version.gen.ts";
import { describeCommands } from "./described.ts";
import { manPage } from "./man-page.ts";
import { write } from "./output.ts";
import { ownCommands } from "./own-commands.ts";

const HELP = `Usage: gomem man

Prints the manual of this version as a man page, made of what the commands say of themselves.

Examples:
  gomem man | man -l -                                          read it
  gomem man | gzip > ~/.local/share/man/man1/gomem.1.gz         keep it, for man gomem
`;

/** `gomem man` */
export async function manCommand(argv: readonly string[]): Promise<number> {
	if (argv.includes("--help") || argv.includes("-h")) {
		await write(HELP);
		return 0;
	}
	const unknown = argv.find((word) => !["--json", "--debug"].includes(word));
	if (unknown !== undefined) {
		throw new GomemError({ code: "usage", message: `gomem man takes no ${unknown}`, hint: "gomem man | man -l -" });
	}
	await write(await manualText(process.env["SOURCE_DATE_EPOCH"]));
	return 0;
}

/** The page, dated today, or as https://reproducible-builds.org/specs/source-date-epoch/ says. */
export async function manualText(epoch: string | undefined): Promise<string> {
	const given = epoch !== undefined && /^\d{1,11}$/.test(epoch) ? new Date(Number(epoch) * 1000) : new Date();
	const date = given.toISOString().slice(0, 10);
	return manPage(await describeCommands([...operations, ...ownCommands]), { version, date });
}
