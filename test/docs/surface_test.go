// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFlagsAreDocumented: README names each flag and each variable that the manager reads.
func TestFlagsAreDocumented(t *testing.T) {
	readme := read(t, "README.md")
	flags := 0
	for _, file := range sources(t, "internal/manager") {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is {
				return true
			}
			name, want := "", ""
			switch called := call.Fun.(type) {
			case *ast.SelectorExpr:
				if strings.HasSuffix(called.Sel.Name, "Var") && len(call.Args) > 2 {
					name, _ = text(call.Args[1])
					want = "`--" + name + "`"
				}
			case *ast.Ident:
				if called.Name == "getenv" && len(call.Args) == 1 {
					name, _ = text(call.Args[0])
					want = "`" + name + "`"
				}
			}
			if name != "" {
				flags++
				if !strings.Contains(readme, want) {
					t.Errorf("README.md does not name %s (%s)", want, file.position(call))
				}
			}
			return true
		})
	}
	if flags < 8 {
		t.Errorf("only %d flags and variables were found in the sources: the search is broken", flags)
	}
}

// TestMetricsAreDocumented compares the page's list of metrics with those that are registered.
func TestMetricsAreDocumented(t *testing.T) {
	const prefix = "compose_operator_"
	inCode := map[string]bool{}
	for _, file := range sources(t, "internal/metrics") {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			pair, is := n.(*ast.KeyValueExpr)
			if !is {
				return true
			}
			if key, named := pair.Key.(*ast.Ident); named && key.Name == "Name" {
				if name, isText := text(pair.Value); isText {
					inCode[prefix+name] = true
				}
			}
			return true
		})
	}
	if len(inCode) < 8 {
		t.Fatalf("only %d metrics were found in the sources: the search is broken", len(inCode))
	}
	inDocs := map[string]bool{}
	for _, row := range tableRows(section(t, read(t, mysqlPage), "## Metrics")) {
		if name := strings.Trim(row[0], "`"); strings.HasPrefix(name, prefix) {
			inDocs[name] = true
		}
	}
	for _, name := range sortedKeys(inCode) {
		if !inDocs[name] {
			t.Errorf("metric %s is not in %s, section Metrics", name, mysqlPage)
		}
	}
	for _, name := range sortedKeys(inDocs) {
		if !inCode[name] {
			t.Errorf("%s lists the metric %s, which does not exist", mysqlPage, name)
		}
	}
}

// TestTimesAreDocumented: the pages' tables of bounds have the planners' values.
func TestTimesAreDocumented(t *testing.T) {
	for _, m := range manuals {
		t.Run(m.page, m.hasBounds)
	}
}

func (m manual) hasBounds(t *testing.T) {
	rows := map[string]string{}
	for _, row := range tableRows(section(t, read(t, m.page), "### Bounds")) {
		if len(row) > 1 {
			rows[strings.Trim(row[0], "`")] = row[1]
		}
	}
	compared := 0
	for _, file := range sources(t, m.planner) {
		if filepath.Base(file.name) != "plan.go" {
			continue
		}
		for _, decl := range file.syntax.Decls {
			group, is := decl.(*ast.GenDecl)
			if !is {
				continue
			}
			for _, spec := range group.Specs {
				value, is := spec.(*ast.ValueSpec)
				if !is || len(value.Values) != 1 {
					continue
				}
				want := inWords(value.Values[0])
				if want == "" {
					continue
				}
				compared++
				// A bare number is of what the page says: seconds, transactions.
				name := value.Names[0].Name
				if number, _, _ := strings.Cut(rows[name], " "); rows[name] != want && number != want {
					t.Errorf("%s, section Bounds: %s is %q and the code says %q", m.page, name, rows[name], want)
				}
			}
		}
	}
	if compared < 3 {
		t.Errorf("only %d bounds were found in %s: the search is broken", compared, m.planner)
	}
}

// inWords writes a constant such as 5 * time.Second as "5 s"; "" when it is none.
func inWords(expr ast.Expr) string {
	number := func(e ast.Expr) string {
		if literal, is := e.(*ast.BasicLit); is {
			return literal.Value
		}
		return ""
	}
	switch e := expr.(type) {
	case *ast.BasicLit:
		if number(e) != "" && !strings.HasPrefix(e.Value, `"`) {
			return e.Value
		}
	case *ast.SelectorExpr:
		if e.Sel.Name == "Second" {
			return "1 s"
		}
	case *ast.BinaryExpr:
		if unit, is := e.Y.(*ast.SelectorExpr); is {
			switch unit.Sel.Name {
			case "Second":
				return number(e.X) + " s"
			case "Millisecond":
				return number(e.X) + " ms"
			}
		}
	}
	return ""
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere follows the relative links of every page.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil || len(pages) < 5 {
		t.Fatalf("only %d pages were found: %v", len(pages), err)
	}
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(data), -1) {
			to, err := url.Parse(match[1])
			if err != nil || to.Scheme != "" {
				continue
			}
			target, path := page, to.Path
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, match[1])
				continue
			}
			if to.Fragment != "" && !hasAnchor(t, target, to.Fragment) {
				t.Errorf("%s: the link %s names a heading that %s does not have", page, match[1], target)
			}
		}
	}
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// hasAnchor says whether a page has a heading with this anchor, as GitHub makes them.
func hasAnchor(t *testing.T, page, anchor string) bool {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		heading := strings.TrimLeft(line, "#")
		if heading == line || !strings.HasPrefix(heading, " ") {
			continue
		}
		made := strings.ToLower(notInAnchor.ReplaceAllString(strings.TrimSpace(heading), ""))
		if strings.ReplaceAll(made, " ", "-") == anchor {
			return true
		}
	}
	return false
}
