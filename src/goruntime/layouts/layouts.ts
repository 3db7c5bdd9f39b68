import { layoutFiles } from "./data.gen.ts";
import type { GoVersion } from "./go-version.ts";
import { exactRelease, minorRelease, parseGoVersion } from "./go-version.ts";
import type { Arch, Layout } from "./layout.ts";
import { layoutOf } from "./layout.ts";
import type { LayoutFile } from "./layout-file.ts";
import { parseKeys } from "./layout-file.ts";
import { type LayoutRecord, layoutOfRecord, recordOf } from "./layout-record.ts";

export type { Arch, FieldLayout, Layout, RuntimeConstants, StructLayout } from "./layout.ts";
export { LayoutError } from "./layout-error.ts";
export type { LayoutRecord } from "./layout-record.ts";

export type LayoutChoice =
	/**
	 * this very release and experiments were read from its toolchain; `instead` is what the table says where the layout was
	 * added by the user: another toolchain may call itself the same
	 */
	| { readonly kind: "exact"; readonly layout: Layout; readonly instead?: LayoutChoice }
	/** an earlier and a later patch release of the same minor were read and are the same in everything */
	| { readonly kind: "interpolated"; readonly layout: Layout }
	/** known minor, unknown build: the distinct layouts of that minor, newest first; validators must pick exactly one */
	| { readonly kind: "candidates"; readonly layouts: readonly Layout[]; readonly why: string }
	| { readonly kind: "unknown"; readonly why: string; readonly hint: string };

/** The layouts of a choice, newest first; none where it is unknown. */
export function layoutsOf(choice: LayoutChoice): readonly Layout[] {
	if (choice.kind === "unknown") return [];
	return choice.kind === "candidates" ? choice.layouts : [choice.layout];
}

const HINT = "a binary with DWARF, a newer gomem, or `gomem layouts add TOOLCHAIN` would help";

/**
 * The layouts to read a Go process with.
 * @param goVersion as in .go.buildinfo or runtime.buildVersion, experiments and vendor suffix included
 * @param added layouts that the user added (`gomem layouts add`): one of this very version wins over the table, others of its
 *   minor are candidates
 */
export async function chooseLayouts(
	goVersion: string,
	arch: Arch,
	added: readonly LayoutRecord[] = [],
): Promise<LayoutChoice> {
	const own = added.find((record) => record.arch === arch && record.goVersion === goVersion);
	if (own !== undefined) {
		return { kind: "exact", layout: addedLayout(own), instead: await chooseLayouts(goVersion, arch) };
	}
	const version = parseGoVersion(goVersion);
	if (version === undefined) {
		return { kind: "unknown", why: `${JSON.stringify(goVersion.slice(0, 80))} is not a Go version`, hint: HINT };
	}
	const near = added.filter((record) => record.arch === arch && sameMinor(record.goVersion, version)).map(addedLayout);
	const load = layoutFiles[`${minorRelease(version)}-${arch}`];
	const choice = load === undefined ? unknownMinor(version, arch) : chooseFromFile(await load(), version);
	if (near.length === 0 || choice.kind === "exact" || choice.kind === "interpolated") return choice;
	const why = `go${minorRelease(version)} is known only by builds that were added`;
	return choice.kind === "unknown"
		? { kind: "candidates", layouts: near, why }
		: { ...choice, layouts: [...near, ...choice.layouts] };
}

function sameMinor(goVersion: string, version: GoVersion): boolean {
	const other = parseGoVersion(goVersion);
	return other !== undefined && minorRelease(other) === minorRelease(version);
}

const records = new WeakMap<Layout, () => LayoutRecord>();

function addedLayout(record: LayoutRecord): Layout {
	const layout = layoutOfRecord(record, `${record.goVersion} ${record.arch}, added`);
	addedRecords.set(layout, record);
	records.set(layout, () => record);
	return layout;
}

const addedRecords = new WeakMap<Layout, LayoutRecord>();

/** What a capture must carry for this layout: the record of one that was added; undefined for one of the table. */
export function recordToKeep(layout: Layout): LayoutRecord | undefined {
	return addedRecords.get(layout);
}

/** All that is known of a layout which chooseLayouts gave; undefined for one from elsewhere. */
export function recordOfLayout(layout: Layout): LayoutRecord | undefined {
	return records.get(layout)?.();
}

/** Whether the layout is none of the table: of a program's DWARF, of a capture, or added by the user. Those may say anything. */
export function isFromOutside(layout: Layout): boolean {
	return !records.has(layout) || addedRecords.has(layout);
}

function tableLayout(file: LayoutFile, key: number, release: string, text: string): Layout {
	const layout = layoutOf(file, key, release, text);
	records.set(layout, () => recordOf(file, key, `go${file.keys[key] ?? release}`));
	return layout;
}

/** The newest build of the nearest minor that the table has: the one below, else the one above. */
export async function nearestRecord(goVersion: string, arch: Arch): Promise<LayoutRecord | undefined> {
	const version = parseGoVersion(goVersion);
	if (version === undefined) return undefined;
	const minors = Object.keys(layoutFiles).filter((key) => key.endsWith(`-${arch}`));
	const below = minors.findLast((key) => minorNumber(key) <= version.minor) ?? minors[0];
	const file = below === undefined ? undefined : await layoutFiles[below]?.();
	if (file === undefined) return undefined;
	const key = file.keys.findLastIndex((name) => !name.includes(" "));
	return recordOf(file, key, `go${file.keys[key]}`);
}

function minorNumber(key: string): number {
	return Number(/^1\.(\d+)-/.exec(key)?.[1]);
}

/** What the table holds, oldest release first. */
export interface KnownMinor {
	readonly minor: string;
	readonly arch: Arch;
	/** releases that were read */
	readonly releases: readonly string[];
	/** GOEXPERIMENT variants that have layouts of their own; those that change nothing */
	readonly experiments: readonly string[];
	readonly inert: readonly string[];
}

export async function knownMinors(): Promise<readonly KnownMinor[]> {
	return Promise.all(
		Object.values(layoutFiles).map(async (load) => {
			const file = await load();
			const names = file.keys.map((key) => key.split(" "));
			return {
				minor: file.minor,
				arch: file.arch as Arch,
				releases: [...new Set(names.map(([release = ""]) => release))],
				experiments: [...new Set(names.flatMap(([, experiments]) => experiments ?? []))],
				inert: file.inert,
			};
		}),
	);
}

function unknownMinor(version: GoVersion, arch: Arch): LayoutChoice {
	const known = Object.keys(layoutFiles)
		.filter((key) => key.endsWith(`-${arch}`))
		.map((key) => key.slice(0, -arch.length - 1));
	const range = known.length === 0 ? "none" : `${known[0]} to ${known.at(-1)}`;
	const why = `the runtime layout of Go ${minorRelease(version)} on ${arch} is not known (known: ${range})`;
	return { kind: "unknown", why, hint: HINT };
}

/** As chooseLayouts, from a file at hand. */
export function chooseFromFile(file: LayoutFile, version: GoVersion): LayoutChoice {
	const inert = new Set(file.inert);
	const experiments = version.experiments.filter((name) => !inert.has(name)).join(",");
	const builds = file.keys.map((key, index) => {
		const [release = "", of = ""] = key.split(" ");
		return { index, release, patch: Number(release.split(".")[2]), experiments: of };
	});
	const sameExperiments = builds.filter((build) => build.experiments === experiments);
	const release = exactRelease(version);
	if (version.vendor === undefined && release !== undefined) {
		const exact = sameExperiments.find((build) => build.release === release);
		if (exact !== undefined) {
			return { kind: "exact", layout: tableLayout(file, exact.index, release, label(file, release, experiments)) };
		}
		const patch = version.patch ?? 0;
		const before = sameExperiments.findLast((build) => build.patch < patch);
		const after = sameExperiments.find((build) => build.patch > patch);
		if (before !== undefined && after !== undefined && sameLayout(file, before.index, after.index)) {
			const text = `${label(file, release, experiments)}, as go${before.release} and go${after.release}`;
			return { kind: "interpolated", layout: tableLayout(file, before.index, release, text) };
		}
	}
	const from = sameExperiments.length > 0 ? sameExperiments : builds;
	return {
		kind: "candidates",
		layouts: distinctLayouts(file, from),
		why: whyCandidates(file, version, sameExperiments.length > 0),
	};
}

interface KnownBuild {
	readonly index: number;
	readonly release: string;
	readonly experiments: string;
}

/** One layout for each class of builds that are the same in everything; newest first, default experiments first. */
function distinctLayouts(file: LayoutFile, builds: readonly KnownBuild[]): readonly Layout[] {
	const classes: KnownBuild[][] = [];
	for (const build of builds) {
		const same = classes.find((list) => sameLayout(file, (list[0] as KnownBuild).index, build.index));
		if (same === undefined) classes.push([build]);
		else same.push(build);
	}
	const newest = (list: readonly KnownBuild[]) => list.at(-1) as KnownBuild; // classes are never empty
	classes.sort(
		(a, b) => order(newest(b)) - order(newest(a)) || (newest(a).experiments < newest(b).experiments ? -1 : 1),
	);
	return classes.map((list) => {
		const { index, release, experiments } = newest(list);
		const first = (list[0] as KnownBuild).release;
		return tableLayout(
			file,
			index,
			release,
			label(file, first === release ? release : `${first}–${release}`, experiments),
		);
	});
}

function order(build: KnownBuild): number {
	return Number(build.release.split(".")[2]);
}

function label(file: LayoutFile, release: string, experiments: string): string {
	return [`go${release}`, file.arch, ...(experiments === "" ? [] : [experiments])].join(" ");
}

function whyCandidates(file: LayoutFile, version: GoVersion, knownExperiments: boolean): string {
	const name = `go${minorRelease(version)}`;
	if (version.vendor !== undefined)
		return `a vendor's build of ${name} (${version.vendor}) may differ from the Go release`;
	if (version.devel) return `a development build of ${name}`;
	if (version.prerelease !== undefined) return `${name}${version.prerelease} is a pre-release`;
	if (!knownExperiments) return `experiments ${version.experiments.join(",")} of ${name} are not known`;
	const experiments = version.experiments.length === 0 ? "" : ` with ${version.experiments.join(",")}`;
	const known = file.keys.map((key) => key.split(" ")[0]);
	return `patch release ${exactRelease(version)}${experiments} is not known (known: ${known[0]} to ${known.at(-1)})`;
}

/** Whether two builds of the file are the same in every struct, variable, constant and table. */
function sameLayout(file: LayoutFile, a: number, b: number): boolean {
	const sections = [file.structs, file.globals, file.tables].flatMap((section) => Object.values(section).flat());
	return [...sections, ...file.constants].every((variant) => {
		const keys = parseKeys(variant.keys);
		return keys === undefined || keys.has(a) === keys.has(b);
	});
}
