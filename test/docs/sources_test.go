// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root of the repository, as seen from this package.
const root = "../.."

// source is a parsed Go file.
type source struct {
	name   string
	set    *token.FileSet
	syntax *ast.File
}

func (s source) position(n ast.Node) string {
	at := s.set.Position(n.Pos())
	return fmt.Sprintf("%s:%d", filepath.Base(at.Filename), at.Line)
}

// sources parses the Go files of a directory, tests left out.
func sources(t *testing.T, dir string) []source {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no Go files in %s (%v): correct the test if they have moved", dir, err)
	}
	var files []source
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source{name: name, set: set, syntax: syntax})
	}
	return files
}

// text is the value of a string literal.
func text(expr ast.Expr) (string, bool) {
	literal, is := expr.(*ast.BasicLit)
	if !is || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// section is the part of a page from a heading to the next one of its level or above.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut("\n"+page, "\n"+heading+"\n")
	if !found {
		t.Fatalf("the page has no heading %q", heading)
	}
	level := strings.Count(heading, "#")
	for n := level; n > 0; n-- {
		rest, _, _ = strings.Cut(rest, "\n"+strings.Repeat("#", n)+" ")
	}
	return rest
}

// tables are the cells of Markdown tables by row, the header first and without the
// line under it.
func tables(page string) [][][]string {
	var all [][][]string
	inside := false
	for line := range strings.SplitSeq(page, "\n") {
		inner, is := strings.CutPrefix(line, "|")
		if !is {
			inside = false
			continue
		}
		if !inside {
			all = append(all, nil)
		}
		inside = true
		cells := strings.Split(strings.TrimSuffix(inner, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if strings.Trim(cells[0], "-:") == "" && strings.Contains(cells[0], "-") {
			continue
		}
		all[len(all)-1] = append(all[len(all)-1], cells)
	}
	return all
}

// tableRows are the rows of all tables.
func tableRows(page string) [][]string { return slices.Concat(tables(page)...) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
