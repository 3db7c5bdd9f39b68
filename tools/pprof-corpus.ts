/**
 * node tools/pprof-corpus.ts [STACKS…]: brings the profiles that tests and benchmarks use into the cache (GOMEM_CACHE, and Go's
 * module cache) and prints where they are: google/pprof's test data, the runtime's own profiles of subjects/profiles, and
 * made-up heap profiles of so many stacks (default 5000 and 300000).
 */
import { pprofModule } from "../testing/integration/pprof-module.ts";
import { madeUpProfile, runtimeProfiles } from "../testing/pprof-corpus.ts";

const stacks = process.argv.slice(2).map(Number);
if (stacks.some((count) => !Number.isSafeInteger(count) || count <= 0)) {
	console.error("usage: node tools/pprof-corpus.ts [STACKS…]");
	process.exit(2);
}
console.log(await pprofModule());
console.log(await runtimeProfiles());
for (const count of stacks.length > 0 ? stacks : [5_000, 300_000]) console.log(await madeUpProfile(count));
