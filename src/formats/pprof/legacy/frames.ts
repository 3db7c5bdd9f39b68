import type { ValueType } from "../model.ts";

/**
 * The frames that a profile in an old text form is to be shown without, as the profile package of github.com/google/pprof
 * says it for each kind (addLegacyFrameInfo in legacy_profile.go): regular expressions of whole function names, in its order
 * and spelling, since they are written to the protobuf form.
 */
export function dropAndKeepFrames(sampleTypes: readonly ValueType[]): {
	readonly dropFrames: string;
	readonly keepFrames: string;
} {
	const types = sampleTypes.map(({ type }) => type).join();
	if (HEAP_TYPES.includes(types)) return { dropFrames: ALLOCATORS.join("|"), keepFrames: KEPT.join("|") };
	if (types === "contentions,delay") return { dropFrames: LOCKS.join("|"), keepFrames: "" };
	return { dropFrames: SIGNAL_HANDLERS.join("|"), keepFrames: "" };
}

const HEAP_TYPES = [
	"allocations,size",
	"objects,space",
	"inuse_objects,inuse_space",
	"alloc_objects,alloc_space",
	"alloc_objects,alloc_space,inuse_objects,inuse_space",
];

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const ALLOCATORS = [
	// POSIX
	...words("calloc cfree malloc free memalign do_memalign (__)?posix_memalign pvalloc valloc realloc"),
	// tcmalloc
	...words(`tcmalloc::.* tc_calloc tc_cfree tc_malloc tc_free tc_memalign tc_posix_memalign tc_pvalloc tc_valloc tc_realloc
		tc_new tc_delete tc_newarray tc_deletearray tc_new_nothrow tc_newarray_nothrow`),
	// OS X
	...words(
		"malloc_zone_malloc malloc_zone_calloc malloc_zone_valloc malloc_zone_realloc malloc_zone_memalign malloc_zone_free",
	),
	// Go
	"runtime\\..*",
	// others
	...words(`BaseArena::.* (::)?do_malloc_no_errno (::)?do_malloc_pages (::)?do_malloc DoSampledAllocation
		MallocedMemBlock::MallocedMemBlock _M_allocate __builtin_(vec_)?delete __builtin_(vec_)?new
		__gnu_cxx::new_allocator::allocate __libc_malloc __malloc_alloc_template::allocate allocate cpp_alloc`),
	"operator new(\\[\\])?",
	"simple_alloc::allocate",
];

/** frames of the Go runtime that may stand in the middle of a stack */
const KEPT = ["runtime\\.panic", "runtime\\.reflectcall", "runtime\\.call[0-9]*"];

const SIGNAL_HANDLERS = words(
	"ProfileData::Add ProfileData::prof_handler CpuProfiler::prof_handler __pthread_sighandler __restore",
);

const LOCKS = words(`RecordLockProfileData (base::)?RecordLockProfileData.* (base::)?SubmitMutexProfileData.*
	(base::)?SubmitSpinLockProfileData.* (base::Mutex::)?AwaitCommon.* (base::Mutex::)?Unlock.* (base::Mutex::)?UnlockSlow.*
	(base::Mutex::)?ReaderUnlock.* (base::MutexLock::)?~MutexLock.* (Mutex::)?AwaitCommon.* (Mutex::)?Unlock.*
	(Mutex::)?UnlockSlow.* (Mutex::)?ReaderUnlock.* (MutexLock::)?~MutexLock.* (SpinLock::)?Unlock.* (SpinLock::)?SlowUnlock.*
	(SpinLockHolder::)?~SpinLockHolder.*`);
