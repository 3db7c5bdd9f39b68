package main

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"strings"
)

type structLayout struct {
	Size   int64                  `json:"size"`
	Fields map[string]fieldLayout `json:"fields"`
}

// fieldLayout is [offset, size, type?] or, for an array, [offset, size, count, element size, element type?]. The type is
// given only where it is a struct that the output describes, "[]" for a slice and "string" for a string.
type fieldLayout []any

type typeReader struct {
	data    *dwarf.Data
	wanted  *wanted
	renamed map[string]string
	structs map[string]*structLayout
}

func readDWARF(path string, w *wanted) (map[string]*structLayout, map[string]fieldLayout, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	data, err := file.DWARF()
	if err != nil {
		return nil, nil, err
	}
	types, variables, err := indexEntries(data)
	if err != nil {
		return nil, nil, err
	}
	r := &typeReader{data: data, wanted: w, structs: map[string]*structLayout{}}
	for _, name := range w.Structs {
		offset, found := types[name]
		if !found {
			continue // this release has no such type; the lists of wanted.json span all releases
		}
		t, err := data.Type(offset)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		r.typeName(t, name)
	}
	globals := map[string]fieldLayout{}
	for _, name := range w.Globals {
		offset, found := variables[name]
		if !found {
			continue
		}
		t, err := data.Type(offset)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		globals[name] = r.field(0, t, name)
	}
	return r.structs, globals, nil
}

// indexEntries finds the named types, and the types of the global variables.
func indexEntries(data *dwarf.Data) (types, variables map[string]dwarf.Offset, err error) {
	types, variables = map[string]dwarf.Offset{}, map[string]dwarf.Offset{}
	reader := data.Reader()
	for {
		entry, err := reader.Next()
		if err != nil {
			return nil, nil, err
		}
		if entry == nil {
			return types, variables, nil
		}
		name, _ := entry.Val(dwarf.AttrName).(string)
		switch entry.Tag {
		case dwarf.TagSubprogram:
			reader.SkipChildren()
		case dwarf.TagStructType, dwarf.TagTypedef:
			if _, seen := types[name]; name != "" && !seen {
				types[name] = entry.Offset
			}
		case dwarf.TagVariable:
			if offset, ok := entry.Val(dwarf.AttrType).(dwarf.Offset); ok {
				variables[name] = offset
			}
		}
	}
}

func (r *typeReader) field(offset int64, t dwarf.Type, path string) fieldLayout {
	t = underlying(t)
	if array, ok := t.(*dwarf.ArrayType); ok {
		element := array.Type.Size()
		out := fieldLayout{offset, array.Size(), array.Count, element}
		if name := r.typeName(array.Type, path+"[]"); name != "" {
			out = append(out, name)
		}
		return out
	}
	out := fieldLayout{offset, t.Size()}
	if name := r.typeName(t, path); name != "" {
		out = append(out, name)
	}
	return out
}

// typeName describes the struct t, unless that was done, and gives the name under which it is found. An anonymous struct
// is named by the path that leads to it, which holds within one release as well as across releases.
func (r *typeReader) typeName(t dwarf.Type, path string) string {
	s, ok := underlying(t).(*dwarf.StructType)
	if !ok || s.Size() <= 0 {
		return ""
	}
	name := s.StructName
	switch {
	case name == "string":
		return "string"
	case strings.HasPrefix(name, "[]"):
		return "[]"
	case name == "runtime.iface" || name == "runtime.eface":
		return ""
	}
	for _, prefix := range r.wanted.Opaque {
		if strings.HasPrefix(name, prefix) {
			return ""
		}
	}
	if name == "" || strings.HasPrefix(name, "struct {") {
		name = path
	}
	if newer, found := r.wanted.Renamed[name]; found {
		name = newer
	}
	if _, done := r.structs[name]; done {
		return name
	}
	layout := &structLayout{Size: s.Size(), Fields: map[string]fieldLayout{}}
	r.structs[name] = layout
	for _, f := range s.Field {
		if f.Name == "_" || f.Type.Size() <= 0 {
			continue
		}
		field := f.Name
		if newer, found := r.wanted.RenamedFields[name][field]; found {
			field = newer
		}
		layout.Fields[field] = r.field(f.ByteOffset, f.Type, name+"."+field)
	}
	return name
}

func underlying(t dwarf.Type) dwarf.Type {
	for {
		typedef, ok := t.(*dwarf.TypedefType)
		if !ok {
			return t
		}
		t = typedef.Type
	}
}
