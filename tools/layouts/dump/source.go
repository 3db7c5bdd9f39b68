package main

import (
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

type source struct {
	wanted    *wanted
	constants map[string]any
	tables    map[string][]any
	rules     map[string][]string
}

// readSource type-checks the wanted packages of a GOROOT, for linux and one architecture, and evaluates their constants
// and the tables of package level. Function bodies are not checked.
func readSource(goroot, arch string, tags []string, w *wanted) (*source, error) {
	context := &build.Default // the source importer reads build.Default
	context.GOROOT = goroot
	context.GOOS, context.GOARCH = "linux", arch
	context.CgoEnabled = false
	context.ToolTags, context.ReleaseTags = nil, nil
	for _, tag := range tags {
		if strings.HasPrefix(tag, "go1.") {
			context.ReleaseTags = append(context.ReleaseTags, tag)
		} else if tag != "" {
			context.ToolTags = append(context.ToolTags, tag)
		}
	}
	s := &source{w, map[string]any{}, map[string][]any{}, map[string][]string{}}
	fset := token.NewFileSet()
	imports := importer.ForCompiler(fset, "source", nil)
	for _, path := range w.Packages {
		dir := filepath.Join(goroot, "src", path)
		if _, err := os.Stat(dir); err != nil {
			continue // not in this release
		}
		if err := s.readPackage(context, fset, imports, path, dir); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *source) readPackage(context *build.Context, fset *token.FileSet, imports types.Importer, path, dir string) error {
	pkg, err := context.ImportDir(dir, 0)
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, name := range pkg.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	config := types.Config{
		Importer: imports, IgnoreFuncBodies: true, FakeImportC: true,
		Sizes: types.SizesFor("gc", context.GOARCH),
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}}
	checked, err := config.Check(path, fset, files, info)
	if err != nil {
		return err
	}
	collectConstants(checked, path, s.wanted, s.constants)
	for _, file := range files {
		collectTables(file, info, path, s.wanted, s.tables)
		collectRules(file, path, s.wanted, s.rules)
	}
	return nil
}

// collectRules keeps the text of what the wanted functions return.
func collectRules(file *ast.File, path string, w *wanted, rules map[string][]string) {
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Recv != nil || function.Body == nil || !contains(w.Rules, path+"."+function.Name.Name) {
			continue
		}
		ast.Inspect(function.Body, func(n ast.Node) bool {
			if result, ok := n.(*ast.ReturnStmt); ok && len(result.Results) == 1 {
				name := path + "." + function.Name.Name
				rules[name] = append(rules[name], types.ExprString(result.Results[0]))
			}
			return true
		})
	}
}

func collectConstants(pkg *types.Package, path string, w *wanted, constants map[string]any) {
	var sets []*regexp.Regexp
	for _, set := range w.ConstantSets {
		sets = append(sets, regexp.MustCompile("^(?:"+set+")$"))
	}
	single := map[string]bool{}
	for _, name := range w.Constants {
		single[name] = true
	}
	for _, names := range w.ConstantNames {
		for _, name := range names {
			single[name] = true
		}
	}
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		qualified := path + "." + name
		take := single[qualified]
		for _, set := range sets {
			take = take || set.MatchString(qualified)
		}
		if value, ok := number(c.Val()); take && ok {
			constants[qualified] = value
		}
	}
}

// number gives a constant as a JSON number (bool as 0 or 1). Unsigned words of the upper half of the address space, such as
// arenaBaseOffset on amd64, come out negative, as the same 64 bits read as signed; what no double holds is left out.
func number(v constant.Value) (any, bool) {
	switch v.Kind() {
	case constant.Bool:
		if constant.BoolVal(v) {
			return 1, true
		}
		return 0, true
	case constant.Int:
		n, ok := constant.Val(v).(*big.Int)
		if !ok {
			n = big.NewInt(constant.Val(v).(int64))
		}
		if n.BitLen() == 64 && n.Sign() > 0 {
			n = new(big.Int).Sub(n, new(big.Int).Lsh(big.NewInt(1), 64))
		}
		if n.BitLen() > 53 {
			return nil, false
		}
		return n.Int64(), true
	case constant.Float:
		f, _ := constant.Float64Val(v)
		return f, true
	}
	return nil, false
}

// collectTables evaluates the wanted arrays of package level whose elements are constants. An element without a value in the
// source is the zero of its kind.
func collectTables(file *ast.File, info *types.Info, path string, w *wanted, tables map[string][]any) {
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec)
			for i, name := range value.Names {
				qualified := path + "." + name.Name
				if i >= len(value.Values) || !isTable(w, qualified) {
					continue
				}
				if literal, ok := value.Values[i].(*ast.CompositeLit); ok {
					tables[qualified] = table(literal, info)
				}
			}
		}
	}
}

func table(literal *ast.CompositeLit, info *types.Info) []any {
	var out []any
	next := int64(0)
	for _, element := range literal.Elts {
		expression := element
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			next, _ = constant.Int64Val(info.Types[pair.Key].Value)
			expression = pair.Value
		}
		for int64(len(out)) <= next {
			out = append(out, nil)
		}
		v := info.Types[expression].Value
		if v != nil && v.Kind() == constant.String {
			out[next] = constant.StringVal(v)
		} else if v != nil {
			out[next], _ = number(v)
		}
		next++
	}
	return out
}

func isTable(w *wanted, name string) bool {
	for _, names := range w.TableNames {
		if contains(names, name) {
			return true
		}
	}
	return false
}

func contains(list []string, name string) bool {
	for _, item := range list {
		if item == name {
			return true
		}
	}
	return false
}
