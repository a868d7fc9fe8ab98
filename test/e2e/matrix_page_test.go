// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
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
	Fault, Situation, End string
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
	cells, lost := map[string]string{}, 0
	for _, spec := range specs {
		if !slices.Contains(spec.Labels(), inMatrix) || spec.State.Is(types.SpecStateSkipped|types.SpecStatePending) {
			continue
		}
		for _, entry := range spec.ReportEntries {
			if c, is := entry.GetRawValue().(cell); is {
				text := fmt.Sprintf("%s; %d ms", c.End, c.Outage.Milliseconds())
				if spec.Failed() {
					text = "**FAILED** " + text
				}
				cells[c.Fault+"|"+c.Situation] = text
			}
		}
		if spec.Failed() {
			lost++
		}
	}
	var b strings.Builder
	b.WriteString("# Fault matrix of MysqlReplication\n\n")
	b.WriteString("Written by `make fault-matrix`, a run on a real cluster: three MySQL pods, `rpl_semi_sync`, eight clients that write through `-readwrite` all the time. ")
	b.WriteString("In every cell no acknowledged write was lost, no two nodes took writes at the same time (each acknowledgement is noted with the server that gave it), and the set was `Ready` again once the fault was over; a cell where that is not so says FAILED.\n\n")
	b.WriteString("A cell says how the wanted change of the source ended while the fault was there (`finished`, `refused`, `undone`, `waits`; `nothing`: no change was wanted), and the longest time without an acknowledged write, which includes the time that the fault itself took.\n")
	b.WriteString("*Failover* means that the source's mysqld is stopped by SIGSTOP as well, where the fault does not silence it already.\n\n")
	fmt.Fprintf(&b, "| fault | %s |\n|---|%s\n", strings.Join([]string{string(atRest), string(planned), string(failingOver)}, " | "), strings.Repeat("---|", len(situations)))
	for _, fault := range troubles {
		fmt.Fprintf(&b, "| %s |", fault.name)
		for _, meets := range situations {
			text := cells[fault.name+"|"+string(meets)]
			if text == "" {
				text = "not run"
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n%s, %d cells failed. The operator killed at each step of a switchover is `test/e2e/crash_test.go`; a clock that jumps is in the planner's model (`internal/mysql/model_test.go`).\n", at.Format("2006-01-02"), lost)
	return b.String()
}
