import { layoutFiles } from "./data.gen.ts";
import type { GoVersion } from "./go-version.ts";
import { exactRelease, minorRelease, parseGoVersion } from "./go-version.ts";
import type { Arch, Layout } from "./layout.ts";
import { layoutOf } from "./layout.ts";
import type { LayoutFile } from "./layout-file.ts";
import { parseKeys } from "./layout-file.ts";

export type { Arch, FieldLayout, Layout, RuntimeConstants, StructLayout } from "./layout.ts";
export { LayoutError } from "./layout-error.ts";

export type LayoutChoice =
	/** this very release and experiments were read from its toolchain */
	| { readonly kind: "exact"; readonly layout: Layout }
	/** an earlier and a later patch release of the same minor were read and are the same in everything */
	| { readonly kind: "interpolated"; readonly layout: Layout }
	/** known minor, unknown build: the distinct layouts of that minor, newest first; validators must pick exactly one */
	| { readonly kind: "candidates"; readonly layouts: readonly Layout[]; readonly why: string }
	| { readonly kind: "unknown"; readonly why: string; readonly hint: string };

const HINT = "a binary with DWARF, a newer gomem, or `gomem layouts add TOOLCHAIN` would help";

/**
 * The layouts to read a Go process with.
 * @param goVersion as in .go.buildinfo or runtime.buildVersion, experiments and vendor suffix included
 */
export async function chooseLayouts(goVersion: string, arch: Arch): Promise<LayoutChoice> {
	const version = parseGoVersion(goVersion);
	if (version === undefined) {
		return { kind: "unknown", why: `${JSON.stringify(goVersion.slice(0, 80))} is not a Go version`, hint: HINT };
	}
	const load = layoutFiles[`${minorRelease(version)}-${arch}`];
	if (load === undefined) return unknownMinor(version, arch);
	return chooseFromFile(await load(), version);
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
			return { kind: "exact", layout: layoutOf(file, exact.index, release, label(file, release, experiments)) };
		}
		const patch = version.patch ?? 0;
		const before = sameExperiments.findLast((build) => build.patch < patch);
		const after = sameExperiments.find((build) => build.patch > patch);
		if (before !== undefined && after !== undefined && sameLayout(file, before.index, after.index)) {
			const text = `${label(file, release, experiments)}, as go${before.release} and go${after.release}`;
			return { kind: "interpolated", layout: layoutOf(file, before.index, release, text) };
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
		return layoutOf(
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
