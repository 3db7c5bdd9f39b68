package truth

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// All of these exist before the first answer, so that telling the truth about the heap does not change it.
var (
	stats     runtime.MemStats
	statsLine = make([]byte, 0, 64<<10)
)

// prepareStop lets the first runtime.LockOSThread start the runtime's template thread, which allocates, before there is
// anything to be true to.
func prepareStop() {
	runtime.LockOSThread()
	runtime.UnlockOSThread()
}

func printMemStats() {
	runtime.ReadMemStats(&stats)
	writeMemStats()
}

// stop reads MemStats and stops the whole process directly after, so that an observer sees the memory those figures are
// about; they are printed once SIGCONT comes. The signal goes to this very thread, since one sent to the process may be
// taken by another thread a while later. It goes through syscall.Syscall, so that this goroutine is seen in a system
// call, with its stack pointer saved, rather than running.
func stop() {
	runtime.LockOSThread()
	pid := os.Getpid()
	tid, _, _ := syscall.RawSyscall(syscall.SYS_GETTID, 0, 0, 0)
	runtime.ReadMemStats(&stats)
	syscall.Syscall(syscall.SYS_TGKILL, uintptr(pid), tid, uintptr(syscall.SIGSTOP))
	runtime.UnlockOSThread()
	writeMemStats()
}

// writeMemStats writes every field of MemStats under its Go name. By hand, since encoding/json allocates.
func writeMemStats() {
	line := append(statsLine[:0], '{')
	for _, field := range [...]struct {
		name  string
		value uint64
	}{
		{"Alloc", stats.Alloc},
		{"TotalAlloc", stats.TotalAlloc},
		{"Sys", stats.Sys},
		{"Lookups", stats.Lookups},
		{"Mallocs", stats.Mallocs},
		{"Frees", stats.Frees},
		{"HeapAlloc", stats.HeapAlloc},
		{"HeapSys", stats.HeapSys},
		{"HeapIdle", stats.HeapIdle},
		{"HeapInuse", stats.HeapInuse},
		{"HeapReleased", stats.HeapReleased},
		{"HeapObjects", stats.HeapObjects},
		{"StackInuse", stats.StackInuse},
		{"StackSys", stats.StackSys},
		{"MSpanInuse", stats.MSpanInuse},
		{"MSpanSys", stats.MSpanSys},
		{"MCacheInuse", stats.MCacheInuse},
		{"MCacheSys", stats.MCacheSys},
		{"BuckHashSys", stats.BuckHashSys},
		{"GCSys", stats.GCSys},
		{"OtherSys", stats.OtherSys},
		{"NextGC", stats.NextGC},
		{"LastGC", stats.LastGC},
		{"PauseTotalNs", stats.PauseTotalNs},
		{"NumGC", uint64(stats.NumGC)},
		{"NumForcedGC", uint64(stats.NumForcedGC)},
	} {
		line = append(line, '"')
		line = append(line, field.name...)
		line = append(line, `":`...)
		line = strconv.AppendUint(line, field.value, 10)
		line = append(line, ',')
	}
	line = append(line, `"GCCPUFraction":`...)
	line = strconv.AppendFloat(line, stats.GCCPUFraction, 'g', -1, 64)
	line = append(line, `,"EnableGC":`...)
	line = strconv.AppendBool(line, stats.EnableGC)
	line = append(line, `,"DebugGC":`...)
	line = strconv.AppendBool(line, stats.DebugGC)
	line = appendList(append(line, `,"PauseNs":`...), stats.PauseNs[:])
	line = appendList(append(line, `,"PauseEnd":`...), stats.PauseEnd[:])
	line = append(line, `,"BySize":[`...)
	for i := range stats.BySize {
		if i > 0 {
			line = append(line, ',')
		}
		class := &stats.BySize[i]
		line = strconv.AppendUint(append(line, `{"Size":`...), uint64(class.Size), 10)
		line = strconv.AppendUint(append(line, `,"Mallocs":`...), class.Mallocs, 10)
		line = strconv.AppendUint(append(line, `,"Frees":`...), class.Frees, 10)
		line = append(line, '}')
	}
	statsLine = append(line, "]}\n"...)
	write(statsLine)
}

func appendList(line []byte, values []uint64) []byte {
	line = append(line, '[')
	for i, value := range values {
		if i > 0 {
			line = append(line, ',')
		}
		line = strconv.AppendUint(line, value, 10)
	}
	return append(line, ']')
}
