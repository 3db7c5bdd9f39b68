// Package truth lets a subject say what it holds, on request, over stdin and stdout.
//
// One line in is one command, one line out is its answer in JSON. The first line out comes unasked, once the memory is in
// its state: {"ready":true,"subject":…,"pid":…,"go":…,"holds":{…}}. README.md of the parent folder lists the commands.
package truth

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
)

// Holds says by name what a subject holds: bytes and counts as numbers, addresses as "0x…" strings.
type Holds map[string]any

// Subject is what Serve needs from a program. Only Holds is required.
type Subject struct {
	// Holds is called for the ready line and by the command "holds".
	Holds func() Holds
	// Grow holds mib MiB more of what this subject is about (command "grow N").
	Grow func(mib int) error
	// Step is one unit of change, whatever that is for this subject (command "step").
	Step func() error
}

// Command answers one command of package prof or of a subject; its result is printed as JSON.
type Command func(argument string) (any, error)

var commands = map[string]Command{}

// Register adds a command. Call it from an init function.
func Register(name string, command Command) { commands[name] = command }

// Serve prints the ready line, answers commands and exits at "quit" or the end of stdin. It never returns.
func Serve(subject Subject) {
	prepareStop()
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 0, 4096), 4096)
	say(map[string]any{
		"ready":   true,
		"subject": filepath.Base(os.Args[0]),
		"pid":     os.Getpid(),
		"go":      runtime.Version(),
		"holds":   subject.Holds(),
	})
	for input.Scan() {
		answer(&subject, input.Bytes())
	}
	exit()
}

// answer takes the line as bytes: a conversion in a switch does not allocate, a string would, and MemStats be about it.
func answer(subject *Subject, line []byte) {
	word, rest, _ := bytes.Cut(line, []byte(" "))
	switch string(word) {
	case "memstats":
		printMemStats()
	case "stop":
		stop()
	case "gc":
		runtime.GC()
		say(ok{true})
	case "free":
		debug.FreeOSMemory()
		say(ok{true})
	case "goroutines":
		respond(countGoroutines())
	case "holds":
		say(subject.Holds())
	case "grow":
		mib, err := strconv.Atoi(string(rest))
		if err == nil && subject.Grow == nil {
			err = fmt.Errorf("this subject does not grow")
		}
		if err == nil {
			err = subject.Grow(mib)
		}
		respond(subject.Holds(), err)
	case "step":
		if subject.Step == nil {
			respond(nil, fmt.Errorf("this subject has no steps"))
			return
		}
		err := subject.Step()
		respond(subject.Holds(), err)
	case "quit":
		say(ok{true})
		exit()
	default:
		command := commands[string(word)]
		if command == nil {
			respond(nil, fmt.Errorf("no command %q", word))
			return
		}
		respond(command(string(rest)))
	}
}

type ok struct {
	OK bool `json:"ok"`
}

func respond(value any, err error) {
	if err != nil {
		say(map[string]string{"error": err.Error()})
		return
	}
	say(value)
}

func say(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		Fail(err)
	}
	write(append(line, '\n'))
}

func write(line []byte) {
	if _, err := os.Stdout.Write(line); err != nil {
		os.Exit(1)
	}
}

var atExit []func()

// AtExit runs f before the subject exits by itself, to remove what it left in the file system.
func AtExit(f func()) { atExit = append(atExit, f) }

func exit() {
	for _, f := range atExit {
		f()
	}
	os.Exit(0)
}

// Fail ends the subject with a sentence on stderr.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, filepath.Base(os.Args[0])+":", err)
	os.Exit(1)
}
