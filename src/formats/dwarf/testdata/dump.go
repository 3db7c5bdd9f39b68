// Dump prints, a line each, what Go's own debug/dwarf says of the types, variables and constants of package level in the Go
// units of a program: the truth that gomem's decoder is held against.
package main

import (
	"bufio"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
)

const langGo = 0x16

func main() {
	file, err := elf.Open(os.Args[1])
	check(err)
	data, err := file.DWARF()
	check(err)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	reader := data.Reader()
	for {
		unit, err := reader.Next()
		check(err)
		if unit == nil {
			return
		}
		language, _ := unit.Val(dwarf.AttrLanguage).(int64)
		if unit.Tag != dwarf.TagCompileUnit || language != langGo {
			reader.SkipChildren()
			continue
		}
		fmt.Fprintln(out, "unit", text(unit, dwarf.AttrName))
		if unit.Children {
			children(data, reader, out)
		}
	}
}

func children(data *dwarf.Data, reader *dwarf.Reader, out *bufio.Writer) {
	for {
		e, err := reader.Next()
		check(err)
		if e.Tag == 0 {
			return
		}
		kind := map[dwarf.Tag]string{
			dwarf.TagBaseType: "base", dwarf.TagPointerType: "pointer", dwarf.TagStructType: "struct",
			dwarf.TagArrayType: "array", dwarf.TagTypedef: "typedef", dwarf.TagSubroutineType: "subroutine",
			dwarf.TagUnspecifiedType: "unspecified",
		}[e.Tag]
		switch {
		case kind != "":
			fmt.Fprintln(out, "type", int64(e.Offset), kind, number(e, dwarf.AttrByteSize), reference(e, dwarf.AttrType),
				number(e, 0x2900), reference(e, 0x2901), reference(e, 0x2902), number(e, 0x2904), text(e, dwarf.AttrName))
			if e.Children {
				parts(reader, out)
			}
			continue
		case e.Tag == dwarf.TagVariable:
			fmt.Fprintln(out, "variable", address(data, e), reference(e, dwarf.AttrType), text(e, dwarf.AttrName))
		case e.Tag == dwarf.TagConstant:
			fmt.Fprintln(out, "constant", number(e, dwarf.AttrConstValue), text(e, dwarf.AttrName))
		}
		if e.Children {
			reader.SkipChildren()
		}
	}
}

func parts(reader *dwarf.Reader, out *bufio.Writer) {
	for {
		e, err := reader.Next()
		check(err)
		if e.Tag == 0 {
			return
		}
		switch e.Tag {
		case dwarf.TagMember:
			embedded, _ := e.Val(0x2903).(bool)
			fmt.Fprintln(out, "member", number(e, dwarf.AttrDataMemberLoc), reference(e, dwarf.AttrType), embedded, text(e, dwarf.AttrName))
		case dwarf.TagSubrangeType:
			fmt.Fprintln(out, "count", number(e, dwarf.AttrCount))
		}
		if e.Children {
			reader.SkipChildren()
		}
	}
}

func text(e *dwarf.Entry, a dwarf.Attr) string {
	s, _ := e.Val(a).(string)
	return s
}

func number(e *dwarf.Entry, a dwarf.Attr) string {
	switch v := e.Val(a).(type) {
	case int64:
		return fmt.Sprint(v)
	case uint64:
		return fmt.Sprint(v)
	}
	return "-"
}

func reference(e *dwarf.Entry, a dwarf.Attr) string {
	if v, ok := e.Val(a).(dwarf.Offset); ok {
		return fmt.Sprint(int64(v))
	}
	return "-"
}

// address reads DW_OP_addr and DW_OP_addrx (through the unit's part of .debug_addr, which debug/dwarf does itself for ranges only).
func address(data *dwarf.Data, e *dwarf.Entry) string {
	location, _ := e.Val(dwarf.AttrLocation).([]byte)
	if len(location) == 9 && location[0] == 3 {
		return fmt.Sprint(binary.LittleEndian.Uint64(location[1:]))
	}
	if len(location) > 1 && location[0] == 0xa1 {
		return "addrx"
	}
	return "-"
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
