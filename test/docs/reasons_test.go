// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	mysqlPage   = "docs/mysqlreplication.md"
	groupPage   = "docs/mysqlgroupreplication.md"
	redisPage   = "docs/redisreplication.md"
	clusterPage = "docs/rediscluster.md"
	proxyPage   = "docs/proxysqlsync.md"

	postgresPage = "docs/postgresreplication.md"
)

// manual of a kind: the page, the planner that it is about, and other sources whose reasons
// it explains. Those of the kernel are explained once, in the first.
type manual struct {
	page, planner string
	others        []string
	// atLeast so many reasons there are; fewer, and the search is broken.
	atLeast int
	// words of the planner that look like reasons: those of another kind's status.
	words []string
}

var manuals = []manual{
	{page: mysqlPage, planner: "internal/mysql", others: []string{"internal/reconcile", "internal/credential"}, atLeast: 40},
	{page: groupPage, planner: "internal/mysqlgroup", atLeast: 20},
	{page: redisPage, planner: "internal/redis", atLeast: 30},
	{page: clusterPage, planner: "internal/rediscluster", atLeast: 25, words: []string{"FORCE", "TAKEOVER", "None"}},
	{page: postgresPage, planner: "internal/postgres", atLeast: 25},
	{page: proxyPage, planner: "internal/proxysql", atLeast: 15, words: []string{"MysqlReplication", "MysqlGroupReplication", "Yes", "No", "ONLINE", "UNREACHABLE", "SourceLostData"}},
}

// reasonShape is what a reason looks like, and nothing else in a planner does.
var reasonShape = regexp.MustCompile(`^[A-Z][A-Za-z]+$`)

// inProgressSuffix is added to a kind of change: SwitchoverInProgress.
const inProgressSuffix = "InProgress"

// reasonParts are words of the planner that are put together to make a reason.
var reasonParts = []string{"Switchover", "Failover", inProgressSuffix}

// TestReasonsAreDocumented keeps the tables of the troubleshooting section and
// the reasons of the code the same, in both directions.
func TestReasonsAreDocumented(t *testing.T) {
	for _, m := range manuals {
		t.Run(m.page, m.explainsReasons)
	}
}

func (m manual) explainsReasons(t *testing.T) {
	inCode := m.reasonsInCode(t)
	if len(inCode) < m.atLeast {
		t.Fatalf("only %d reasons were found in the sources: the search is broken: %v", len(inCode), sortedKeys(inCode))
	}
	inDocs := map[string]bool{}
	for _, table := range tables(section(t, read(t, m.page), "## Troubleshooting")) {
		if head := table[0][0]; head != "reason" && head != "word" {
			continue
		}
		for _, row := range table[1:] {
			word := strings.Trim(row[0], "`")
			if inDocs[word] {
				t.Errorf("%s explains %s twice", m.page, word)
			}
			inDocs[word] = true
			if len(row) != 3 || row[1] == "" || row[2] == "" {
				t.Errorf("%s: the row of %s must say what it means and what to do", m.page, word)
			}
		}
	}
	for _, reason := range sortedKeys(inCode) {
		if !inDocs[reason] {
			t.Errorf("reason %s (%s) has no row in the tables of %s, section Troubleshooting", reason, inCode[reason], m.page)
		}
	}
	for _, reason := range sortedKeys(inDocs) {
		if inCode[reason] == "" {
			t.Errorf("%s explains the reason %s, which the code does not give any more", m.page, reason)
		}
	}
}

// reasonsInCode maps each reason to a place where it stands.
func (m manual) reasonsInCode(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, dir := range append([]string{m.planner}, m.others...) {
		for _, file := range sources(t, dir) {
			planner := strings.HasPrefix(filepath.Base(file.name), "plan")
			add := func(expr ast.Expr) {
				word, isText := text(expr)
				if isText && reasonShape.MatchString(word) && !slices.Contains(reasonParts, word) && !slices.Contains(m.words, word) {
					found[word] = file.position(expr)
				}
			}
			ast.Inspect(file.syntax, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					for i, name := range n.Names {
						if strings.HasPrefix(strings.ToLower(name.Name), "reason") && i < len(n.Values) {
							add(n.Values[i])
						}
					}
				case *ast.KeyValueExpr:
					if key, named := n.Key.(*ast.Ident); named && key.Name == "Reason" {
						add(n.Value)
					}
				case *ast.BinaryExpr:
					if word, isText := text(n.Y); isText && n.Op == token.ADD && word == inProgressSuffix {
						found["Switchover"+word], found["Failover"+word] = file.position(n), file.position(n)
					}
				case *ast.BasicLit:
					// A planner has no other literals of this shape. One that is not a
					// reason is best written as a constant elsewhere.
					if planner && dir == m.planner {
						add(n)
					}
				}
				return true
			})
		}
	}
	return found
}
