/**
 * Subjects: Go programs whose memory is known (subjects/README.md), for tests and the demo.
 *
 *     await using subject = await startSubject("garbage", { go: "1.25.9", mode: "stripped", args: ["-mib", "32"] });
 *     await subject.stop();              // MemStats is read and the process stopped directly after
 *     …                                  // look at /proc/${subject.pid}
 *     const truth = await subject.resume();
 *
 * Skip where the machine lacks what it takes: test("…", { skip: await skipReason("cheap") }, …).
 */
export type { SubjectGoroutines, SubjectHolds, SubjectMapping, SubjectMemStats } from "./subject-answers.ts";
export {
	type BuildMode,
	type BuildOptions,
	buildModes,
	buildSubject,
	needsCgo,
	skipReason,
	subjectNames,
} from "./subject-build.ts";
export {
	type RunningSubject,
	type StartOptions,
	startSubject,
} from "./subject-process.ts";
export {
	allGoVersions,
	cacheFolder,
	defaultGo,
	goVersions,
	SubjectUnavailable,
	type Toolchain,
	toolchain,
} from "./subject-toolchain.ts";
