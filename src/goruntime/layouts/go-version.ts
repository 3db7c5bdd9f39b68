/**
 * Go version strings, as they stand in .go.buildinfo and runtime.buildVersion.
 *
 * Forms: a release "go1.26.8"; one built with other experiments than its default, "go1.26.8-X:nogreenteagc" (before 1.26
 * with a space: "go1.25.9 X:greenteagc"); a pre-release "go1.27rc1"; a development build "devel go1.27-0fb8d2ae Tue …", from
 * 1.26 on "go1.27-devel_0fb8d2ae Tue …"; and what vendors append: "go1.24.6-fips", "go1.23.4 (Red Hat 1.23.4-1.el9)".
 * Sources: cmd/dist/build.go findgoversion, cmd/link/internal/ld/main.go (buildVersion and "X:").
 */
export interface GoVersion {
	readonly text: string;
	readonly major: number;
	readonly minor: number;
	/** "go1.20" is patch 0, as is "go1.21.0" (since then the first release carries ".0"); undefined where not a release */
	readonly patch: number | undefined;
	/** "rc1", "beta2" */
	readonly prerelease: string | undefined;
	readonly devel: boolean;
	/** what follows the release, if it is neither an experiment nor a development build */
	readonly vendor: string | undefined;
	/** GOEXPERIMENT other than the toolchain's default, sorted: ["nogreenteagc"] */
	readonly experiments: readonly string[];
}

/** no real version string is longer; what is longer is not one */
const MAX_LENGTH = 256;
const PATTERN = /^(devel )?go(\d{1,3})\.(\d{1,4})(?:\.(\d{1,4}))?((?:rc|beta)\d{1,3})?(?![\d])(.*)$/s;
const EXPERIMENTS = /[- ]X:([A-Za-z0-9_,]+)/;

/** Undefined if the text is not a Go version, or is one without a number ("devel +a1b2c3d …", before Go 1.17). */
export function parseGoVersion(text: string): GoVersion | undefined {
	if (text.length > MAX_LENGTH) return undefined;
	const match = PATTERN.exec(text.trim());
	if (match === null) return undefined;
	const [, develBefore, major, minor, patch, prerelease] = match;
	let rest = match[6] ?? "";
	const experiments = EXPERIMENTS.exec(rest);
	if (experiments !== null) rest = rest.replace(experiments[0], "");
	const devel = develBefore !== undefined || rest.startsWith("-devel");
	const vendor = rest
		.replace(/^[-+ ]+/, "")
		.trim()
		.replace(/^\((.*)\)$/s, "$1");
	return {
		text,
		major: Number(major),
		minor: Number(minor),
		patch: devel || prerelease !== undefined ? undefined : Number(patch ?? 0),
		prerelease,
		devel,
		vendor: devel || vendor === "" ? undefined : vendor,
		experiments: experiments === null ? [] : (experiments[1] ?? "").split(",").filter(Boolean).sort(),
	};
}

/** "1.26" */
export function minorRelease(version: GoVersion): string {
	return `${version.major}.${version.minor}`;
}

/** "1.26.8"; undefined for a development build or a pre-release. The first release of a minor is "1.N.0" here, always. */
export function exactRelease(version: GoVersion): string | undefined {
	return version.patch === undefined ? undefined : `${minorRelease(version)}.${version.patch}`;
}

/**
 * Order of release: development build < beta < rc < .0 < .1 …; vendor and experiments do not count.
 * Negative if a comes before b, 0 if they are the same release.
 */
export function compareGoVersions(a: GoVersion, b: GoVersion): number {
	return a.major - b.major || a.minor - b.minor || stage(a) - stage(b);
}

/** the place of a build within its minor: devel -3000, beta n -2000+n, rc n -1000+n, patch n */
function stage(version: GoVersion): number {
	if (version.patch !== undefined) return version.patch;
	if (version.prerelease === undefined) return -3000;
	const rc = version.prerelease.startsWith("rc");
	return rc ? -1000 + Number(version.prerelease.slice(2)) : -2000 + Number(version.prerelease.slice(4));
}
