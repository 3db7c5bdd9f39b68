package main

import "fmt"

// What a large service's heap profile looks like: tens of thousands of functions, most called from a few places, stacks that
// share their roots, a share of inlined calls.
const (
	callees       = 6
	rootDepth     = 6
	evenFunctions = 5000
)

// madeUp is a heap profile of exactly so many stacks, uncompressed: alloc and inuse objects and space, each sample labelled
// with its block size as Go does it. About 100 bytes a stack. With even, stacks are deeper, each frame is any of 5,000 functions,
// none is inlined, and of each some is live: nearly every call is an edge of its own, which is as hard as a profile can be on
// whoever makes a graph.
func madeUp(stacks int, even bool) []byte {
	maker := &maker{random: 0x9e3779b97f4a7c15, even: even, strings: map[string]int{}, locations: map[[2]int]int{}}
	maker.functions = stacks / 12
	if maker.functions < 500 {
		maker.functions = 500
	}
	maker.text("")
	for _, kind := range [][2]string{{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}} {
		maker.out.message(1, maker.valueType(kind[0], kind[1]))
	}
	label := maker.text("bytes")
	seen := make(map[uint64]bool, stacks)
	walk := maker.stack
	if even {
		walk = maker.evenStack
		maker.functions = evenFunctions
	}
	for len(seen) < stacks {
		stack, hash := walk()
		if seen[hash] {
			continue
		}
		seen[hash] = true
		maker.sample(stack, label)
	}
	maker.tables()
	return maker.out
}

type maker struct {
	out       message
	random    uint64
	functions int
	even      bool
	strings   map[string]int
	texts     []string
	// by function and call site: the row of the location
	locations map[[2]int]int
	places    [][2]int
}

// next is xorshift64*: the same numbers with every release of Go.
func (m *maker) next(below int) int {
	m.random ^= m.random >> 12
	m.random ^= m.random << 25
	m.random ^= m.random >> 27
	return int((m.random * 0x2545f4914f6cdd1d >> 33) % uint64(below))
}

func (m *maker) text(s string) int {
	index, ok := m.strings[s]
	if !ok {
		index = len(m.texts)
		m.strings[s] = index
		m.texts = append(m.texts, s)
	}
	return index
}

func (m *maker) valueType(kind, unit string) message {
	var of message
	of.number(1, m.text(kind))
	of.number(2, m.text(unit))
	return of
}

// stack walks down a call graph from one of a few roots, and gives it back leaf first with a hash of it.
func (m *maker) stack() ([]int, uint64) {
	depth := 8 + m.next(28)
	if m.next(50) == 0 {
		depth += 64
	}
	stack := make([]int, depth)
	function := m.next(4)
	hash := uint64(14695981039346656037)
	for i := depth - 1; i >= 0; i-- {
		site := m.next(callees)
		if depth-i <= rootDepth {
			site %= 2
		}
		stack[i] = m.location(function, site)
		hash = (hash ^ uint64(stack[i])) * 1099511628211
		// low numbers are called by many, as fmt and encoding/json are
		callee := function*callees + site + 1
		function = callee % m.functions
		if m.next(8) == 0 {
			function %= 400
		}
	}
	return stack, hash
}

// evenStack has frames that know nothing of one another.
func (m *maker) evenStack() ([]int, uint64) {
	stack := make([]int, 20+m.next(41))
	hash := uint64(14695981039346656037)
	for i := range stack {
		stack[i] = m.location(m.next(m.functions), 0)
		hash = (hash ^ uint64(stack[i])) * 1099511628211
	}
	return stack, hash
}

func (m *maker) location(function, site int) int {
	key := [2]int{function, site}
	id, ok := m.locations[key]
	if !ok {
		m.places = append(m.places, key)
		id = len(m.places)
		m.locations[key] = id
	}
	return id
}

func (m *maker) sample(stack []int, label int) {
	var sample, packed message
	for _, id := range stack {
		packed.varint(uint64(id))
	}
	sample.message(1, packed)
	block := 16 << m.next(10)
	allocated := 1 + m.next(2000)
	live := 0
	if m.even {
		live = 1 + m.next(allocated)
	} else if m.next(3) == 0 {
		live = m.next(allocated + 1)
	}
	packed = packed[:0]
	for _, value := range []int{allocated, allocated * block, live, live * block} {
		packed.varint(uint64(value))
	}
	sample.message(2, packed)
	var bytes message
	bytes.number(1, label)
	bytes.number(3, block)
	sample.message(3, bytes)
	m.out.message(2, sample)
}

// tables writes the mapping, the locations, the functions, and the strings last.
func (m *maker) tables() {
	var mapping message
	mapping.number(1, 1)
	mapping.number(2, 0x400000)
	mapping.number(3, 0x400000+len(m.places)*64)
	mapping.number(5, m.text("/usr/local/bin/orders"))
	mapping.number(7, 1)
	m.out.message(3, mapping)
	ids := map[int]int{}
	var functions []int
	id := func(function int) int {
		if ids[function] == 0 {
			functions = append(functions, function)
			ids[function] = len(functions)
		}
		return ids[function]
	}
	for i, place := range m.places {
		function, site := place[0], place[1]
		var location message
		location.number(1, i+1)
		location.number(2, 1)
		location.number(3, 0x400000+i*64)
		if !m.even && (function+site)%7 == 0 { // a callee of one line was inlined here
			location.message(4, line(id(m.functions+function%997), 7))
		}
		location.message(4, line(id(function), 20+site*9))
		m.out.message(4, location)
	}
	for i, function := range functions {
		name, file := m.name(function)
		var of message
		of.number(1, i+1)
		of.number(2, m.text(name))
		of.number(3, m.text(name))
		of.number(4, m.text(file))
		of.number(5, 10)
		m.out.message(5, of)
	}
	period := m.valueType("space", "bytes")
	for _, s := range m.texts {
		m.out.message(6, message(s))
	}
	m.out.number(9, 1700000000000000000)
	m.out.message(11, period)
	m.out.number(12, 512<<10)
}

func line(function, number int) message {
	var of message
	of.number(1, function)
	of.number(2, number)
	return of
}

func (m *maker) name(function int) (name, file string) {
	pkg := fmt.Sprintf("example.com/orders/internal/module%d", function%257)
	file = fmt.Sprintf("/src/orders/internal/module%d/file%d.go", function%257, function/257%9)
	switch function % 4 {
	case 0:
		return fmt.Sprintf("%s.(*Store%d).Handle%d", pkg, function%31, function), file
	case 1:
		return fmt.Sprintf("%s.Process%d", pkg, function), file
	case 2:
		return fmt.Sprintf("%s.Process%d.func%d", pkg, function, function%5), file
	default:
		return fmt.Sprintf("%s.Map%d[...]", pkg, function), file
	}
}

// message is one in the protocol buffer encoding while it is written.
type message []byte

func (m *message) varint(x uint64) {
	for ; x >= 0x80; x >>= 7 {
		*m = append(*m, byte(x)|0x80)
	}
	*m = append(*m, byte(x))
}

func (m *message) number(field, value int) {
	if value != 0 {
		m.varint(uint64(field) << 3)
		m.varint(uint64(value))
	}
}

func (m *message) message(field int, of message) {
	m.varint(uint64(field)<<3 | 2)
	m.varint(uint64(len(of)))
	*m = append(*m, of...)
}
