/** The profiles that net/http/pprof serves; cpu is /debug/pprof/profile. */
export const profileTypes = ["heap", "allocs", "goroutine", "mutex", "block", "threadcreate", "cpu"] as const;
export type ProfileType = (typeof profileTypes)[number];
