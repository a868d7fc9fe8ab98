// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
)

// matrixPage names the file that the matrix is written to, when it is set.
const matrixPage = "FAULT_MATRIX_PAGE"

// cell of the fault matrix.
type cell struct {
	Kind, Fault string
	Situation   situation
	End         string
	// Outage is the longest time without an acknowledged write.
	Outage time.Duration
}

var _ = ReportAfterSuite("fault matrix", func(report Report) {
	path := os.Getenv(matrixPage)
	if path == "" {
		return
	}
	if err := os.WriteFile(path, []byte(matrixText(report.SpecReports, time.Now())), 0o644); err != nil { //nolint:gosec // a page of the documentation
		Fail(err.Error())
	}
})

// matrixText is the page.
func matrixText(specs types.SpecReports, at time.Time) string {
	texts, failed := map[string]string{}, 0
	for _, spec := range specs {
		if !slices.Contains(spec.Labels(), inMatrix) || spec.State.Is(types.SpecStateSkipped|types.SpecStatePending) {
			continue
		}
		for _, entry := range spec.ReportEntries {
			if c, is := cellOf(entry); is {
				text := fmt.Sprintf("%s; %d ms", c.End, c.Outage.Milliseconds())
				if spec.Failed() {
					text = "**FAILED** " + text
				}
				texts[c.key()] = text
			}
		}
		if spec.Failed() {
			failed++
		}
	}
	var b strings.Builder
	b.WriteString("# Fault matrix\n\n")
	b.WriteString("Written by `make fault-matrix`, a run on a real cluster: three MySQL pods, eight clients that write through `-readwrite` all the time. ")
	b.WriteString("In every cell no acknowledged write was lost, no two nodes took writes at the same time (each acknowledgement is noted with the server that gave it), and the resource was `Ready` again once the fault was over; a cell where that is not so says FAILED.\n\n")
	b.WriteString("A cell says how the wanted change of who takes writes ended while the fault was there (`finished`, `refused`, `undone`, `waits`; `nothing`: no change was wanted, and none came), and the longest time without an acknowledged write, which includes the time that the fault itself took.\n")
	b.WriteString("\n## MysqlReplication\n\n`rpl_semi_sync`. *Failover* means that the source's mysqld is stopped by SIGSTOP as well, where the fault does not silence it already. A clock jumps while the server runs, and back when the fault is over.\n\n")
	ofReplication.table(&b, texts)
	b.WriteString("\n## MysqlGroupReplication\n\nA group elects another primary by itself: what is a failover above is the group's own election here, and happens *at rest* where a cell says so. The operator follows it with labels and Services. A planned change is an edit of `spec.primary`, which is a standing wish: it is fulfilled once it can be, and never refused for good.\n\n")
	ofGroups.table(&b, texts)
	fmt.Fprintf(&b, "\n%s, %d cells failed. The operator killed at each step of a switchover is `test/e2e/crash_test.go`; a clock of the operator's that jumps is in the planner's model (`internal/mysql/model_test.go`).\n", at.Format("2006-01-02"), failed)
	return b.String()
}

// cellOf reads what a spec has noted, in this process or in another one.
func cellOf(entry types.ReportEntry) (c cell, is bool) {
	if entry.Name != inMatrix {
		return c, false
	}
	if c, is = entry.GetRawValue().(cell); is {
		return c, true
	}
	return c, json.Unmarshal([]byte(entry.Value.AsJSON), &c) == nil
}

func (c cell) key() string { return c.Kind + "|" + c.Fault + "|" + string(c.Situation) }

// table of a kind, with the text of each cell.
func (m matrix) table(b *strings.Builder, texts map[string]string) {
	b.WriteString("| fault |")
	for _, meets := range m.situations {
		fmt.Fprintf(b, " %s |", meets)
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("---|", len(m.situations)))
	for _, fault := range m.troubles {
		fmt.Fprintf(b, "| %s |", fault.name)
		for _, meets := range m.situations {
			text := texts[cell{Kind: m.kind, Fault: fault.name, Situation: meets}.key()]
			if text == "" {
				text = "not run"
			}
			fmt.Fprintf(b, " %s |", text)
		}
		b.WriteString("\n")
	}
}
