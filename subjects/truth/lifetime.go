package truth

import (
	"os"
	"strconv"
	"syscall"
)

// A stopped subject cannot see the end of its stdin. Whoever starts one for a test puts its own process id into this
// variable, and the kernel then ends the subject with its parent. The attribute belongs to the calling thread: init
// functions run on the main thread, which lives as long as the process.
func init() {
	parent := os.Getenv("GOMEM_SUBJECT_PARENT")
	if parent == "" {
		return
	}
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	if strconv.Itoa(os.Getppid()) != parent {
		os.Exit(1) // the parent died before the call
	}
}
