/**
 * npm run matrix: measures every Go release in every form of linking and writes docs/matrix.md, the page with the results.
 * `--go 1.21.13,1.27.3` and `--mode plain,stripped` measure a part and print it; only the whole is written.
 * Exit code 1 where a cell does not hold.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { arch, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cellHolds, type MatrixCell, matrixModes, measureCell } from "../testing/matrix.ts";
import { allGoVersions, type BuildMode, skipReason } from "../testing/subjects.ts";

const { values: flags } = parseArgs({ options: { go: { type: "string" }, mode: { type: "string" } } });
const releases = flags.go?.split(",") ?? allGoVersions;
const modes = (flags.mode?.split(",") as BuildMode[] | undefined) ?? matrixModes;

interface Measured {
	readonly go: string;
	readonly mode: BuildMode;
	readonly cell?: MatrixCell;
	readonly why?: string;
}

const results: Measured[] = [];
for (const go of releases) {
	for (const mode of modes) {
		results.push(await measure(go, mode));
		const last = results.at(-1) as Measured;
		console.log(`go${go} ${mode}: ${last.cell === undefined ? last.why : text(last.cell)}`);
	}
}
if (flags.go === undefined && flags.mode === undefined)
	writeFileSync(join(import.meta.dirname, "../docs/matrix.md"), page());
if (results.some((one) => one.cell === undefined || !cellHolds(one.cell))) process.exitCode = 1;

async function measure(go: string, mode: BuildMode): Promise<Measured> {
	const skip = await skipReason("goroutines", { go, mode });
	if (skip !== false) return { go, mode, why: `not built here: ${skip}` };
	try {
		return { go, mode, cell: await measureCell(go, mode) };
	} catch (error) {
		return { go, mode, why: `failed: ${error instanceof Error ? error.message : String(error)}`.slice(0, 200) };
	}
}

function text(cell: MatrixCell): string {
	const wrong = [...cell.differing, ...cell.groupsDiffering];
	const share = (part: number) => `${(part * 100).toFixed(2)} %`;
	return (
		`${cellHolds(cell) ? "holds" : "FAILS"}: MemStats ${cell.fields - cell.differing.length}/${cell.fields}, ` +
		`residual ${share(cell.residualShare)}, anonymous ${share(cell.anonymousShare)}, ` +
		`groups ${cell.groups - cell.groupsDiffering.length}/${cell.groups}, ${cell.layout}` +
		wrong
			.slice(0, 5)
			.map((one) => `\n    ${one}`)
			.join("")
	);
}

function page(): string {
	const rows = releases.map((go) => {
		const cells = modes.map((mode) => mark(results.find((one) => one.go === go && one.mode === mode)));
		return `| ${go} | ${cells.join(" | ")} |`;
	});
	const faults = results.flatMap((one) =>
		one.cell === undefined
			? [`- go${one.go} ${one.mode}: ${one.why}`]
			: cellHolds(one.cell)
				? []
				: [`- go${one.go} ${one.mode}: ${text(one.cell)}`],
	);
	const cells = results.flatMap((one) => one.cell ?? []);
	const largest = (part: (cell: MatrixCell) => number) => (Math.max(0, ...cells.map(part)) * 100).toFixed(2);
	const commit = execFileSync("git", ["log", "-1", "--format=%h, %as"], { cwd: import.meta.dirname, encoding: "utf8" });
	return `# Go releases and ways of linking

Made by \`npm run matrix\`, not by hand (at ${commit.trim()}; Linux ${release().split("-")[0]} on ${arch() === "x64" ? "amd64" : arch()}). Each cell is a Go program
(subjects/goroutines: 2,000 goroutines, parked in several ways) that calls runtime.ReadMemStats and stops itself directly
after. Then gomem reads it from outside:

- **MemStats**: every field, the entries of its lists one by one, equals what the program read of itself;
- **ledger**: the lines of \`gomem why\` make up the RSS with a residual of at most 0.5 %, and at most 0.5 % is anonymous memory without an owner;
- **goroutines**: counts by function, creator and wait reason equal the runtime's own traceback.

✔ all three hold. The largest residual is ${largest((cell) => cell.residualShare)} %, the largest anonymous share ${largest((cell) => cell.anonymousShare)} % of RSS.

| Go | ${modes.join(" | ")} |
|---|${modes.map(() => "---|").join("")}
${rows.join("\n")}

${faults.length === 0 ? "No cell fails." : `## What does not hold\n\n${faults.join("\n")}`}

Link modes are those of testing/subject-build.ts: \`stripped\` is \`-ldflags="-s -w"\`, \`nobuildinfo\` has its build information cut
out as well, \`cgo-static\` is linked by the C linker with -static.

arm64: cores of Go 1.21, 1.23, 1.24 and 1.27 are compared in the tests (qemu's user mode). Live processes of Go 1.21.13, 1.24.13,
1.26.8 and 1.27.3, plain and stripped, were read in an emulated guest (Debian kernel 6.1, 4 KiB pages; tools/arm64-guest.sh):
MemStats equal, residual 0, goroutine groups equal. Go 1.19, 1.20, 1.22 and 1.25, PIE, cgo and pages of 16 and 64 KiB have not
been run there.
`;
}

function mark(one: Measured | undefined): string {
	if (one?.cell === undefined) return "not measured";
	return cellHolds(one.cell) ? "✔" : "✘";
}
