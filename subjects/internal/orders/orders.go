// Package orders is a live heap of the kinds a service has: a map of byte slices, linked records, large buffers.
package orders

import (
	"strconv"

	"gomem.test/subjects/truth"
)

// Line is one record: pointers to others, a string with bytes of its own, some plain numbers. 64 bytes.
type Line struct {
	Next, Order *Line
	Name        string
	Amounts     [4]int64
}

const (
	lineBytes   = 64
	valueBytes  = 1000 // size class 1024
	bufferBytes = 1 << 20
)

// Live is what is held.
type Live struct {
	ByID    map[uint64][]byte
	Lines   []*Line
	Buffers [][]byte

	// Requested counts the bytes asked for in values, lines, their names and buffers; neither the map's own tables and the
	// slices' backing arrays, nor what size classes add.
	Requested int
	Objects   int
}

// Grow holds bytes more: half as values of the map, a quarter as lines, a quarter as buffers.
func (live *Live) Grow(bytes int) {
	if live.ByID == nil {
		live.ByID = map[uint64][]byte{}
	}
	for got := 0; got < bytes/2; got += valueBytes {
		live.addValue()
	}
	for got := 0; got < bytes/4; {
		got += live.addLine()
	}
	for got := 0; got+bufferBytes <= bytes/4; got += bufferBytes {
		live.addBuffer()
	}
}

func (live *Live) addValue() {
	value := make([]byte, valueBytes)
	truth.Write(value)
	live.ByID[uint64(len(live.ByID))*2654435761] = value
	live.count(len(value))
}

func (live *Live) addLine() int {
	name := "line item number " + strconv.Itoa(len(live.Lines)+1_000_000)
	line := &Line{Name: name, Amounts: [4]int64{1, 2, 3, int64(len(live.Lines))}}
	if last := len(live.Lines) - 1; last >= 0 {
		line.Next = live.Lines[last]
		line.Order = live.Lines[last/2]
	}
	live.Lines = append(live.Lines, line)
	live.count(lineBytes)
	live.count(len(name))
	return lineBytes + len(name)
}

func (live *Live) addBuffer() {
	buffer := make([]byte, bufferBytes)
	truth.Write(buffer)
	live.Buffers = append(live.Buffers, buffer)
	live.count(len(buffer))
}

func (live *Live) count(bytes int) {
	live.Requested += bytes
	live.Objects++
}

// Holds tells the truth about it.
func (live *Live) Holds() truth.Holds {
	return truth.Holds{
		"liveBytesRequested": live.Requested,
		"liveObjects":        live.Objects,
		"mapEntries":         len(live.ByID),
		"lines":              len(live.Lines),
		"buffers":            len(live.Buffers),
	}
}
