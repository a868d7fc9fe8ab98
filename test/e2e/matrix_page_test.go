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

// Variables that name the files that the matrices are written to, when they are set.
const (
	matrixPage      = "FAULT_MATRIX_PAGE"
	redisMatrixPage = "FAULT_MATRIX_REDIS_PAGE"
)

// cell of the fault matrix.
type cell struct {
	Kind, Fault string
	Situation   situation
	End         string
	// Outage is the longest time without an acknowledged write.
	Outage time.Duration
}

var _ = ReportAfterSuite("fault matrix", func(report Report) {
	for variable, text := range map[string]func(types.SpecReports, time.Time) string{matrixPage: matrixText, redisMatrixPage: redisMatrixText} {
		path := os.Getenv(variable)
		if path == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(text(report.SpecReports, time.Now())), 0o644); err != nil { //nolint:gosec // a page of the documentation
			Fail(err.Error())
		}
	}
})

// cellTexts are the texts of the cells that were run, by key, and how many specs have failed.
func cellTexts(specs types.SpecReports) (texts map[string]string, failed int) {
	texts = map[string]string{}
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
	return texts, failed
}

// howToRead is what a cell says.
const howToRead = "A cell says how the wanted change of who takes writes ended while the fault was there (`finished`, `refused`, `undone`, `waits`; `nothing`: no change was wanted, and none came), and the longest time without an acknowledged write, which includes the time that the fault itself took.\n"

// matrixText is the page of MySQL.
func matrixText(specs types.SpecReports, at time.Time) string {
	texts, failed := cellTexts(specs)
	var b strings.Builder
	b.WriteString("# Fault matrix\n\n")
	b.WriteString("Written by `make fault-matrix`, a run on a real cluster: three MySQL pods, eight clients that write through `-readwrite` all the time. ")
	b.WriteString("In every cell no acknowledged write was lost, no two nodes took writes at the same time (each acknowledgement is noted with the server that gave it), and the resource was `Ready` again once the fault was over; a cell where that is not so says FAILED.\n\n")
	b.WriteString(howToRead)
	b.WriteString("\n## MysqlReplication\n\n`rpl_semi_sync`. *Failover* means that the source's mysqld is stopped by SIGSTOP as well, where the fault does not silence it already. A clock jumps while the server runs, and back when the fault is over.\n\n")
	ofReplication.table(&b, texts)
	b.WriteString("\n## MysqlGroupReplication\n\nA group elects another primary by itself: what is a failover above is the group's own election here, and happens *at rest* where a cell says so. The operator follows it with labels and Services. A planned change is an edit of `spec.primary`, which is a standing wish: it is fulfilled once it can be, and never refused for good.\n\n")
	ofGroups.table(&b, texts)
	fmt.Fprintf(&b, "\n%s, %d cells failed. The operator killed at each step of a switchover is `test/e2e/crash_test.go`; a clock of the operator's that jumps is in the planner's model (`internal/mysql/model_test.go`).\n", at.Format("2006-01-02"), failed)
	return b.String()
}

// redisMatrixText is the page of Redis.
func redisMatrixText(specs types.SpecReports, at time.Time) string {
	texts, failed := cellTexts(specs)
	var b strings.Builder
	b.WriteString("# Fault matrix of Redis\n\n")
	b.WriteString("Written by `make fault-matrix-redis`, a run on a real cluster: a `RedisReplication` of three pods with append-only files, eight clients that write through `-readwrite` all the time. ")
	b.WriteString("Each acknowledgement is noted with the server that gave it. In every cell no write is lost that the source acknowledged which is there at the end, no two nodes took writes at the same time but where a cell says so, and the resource was `Ready` again once the fault was over; a cell where that is not so says FAILED.\n\n")
	b.WriteString("Replication of Redis is asynchronous. A source that is replaced without having been asked (*failover*), or that comes back empty, may have acknowledged what nobody else had received: a cell says how many such writes there were. Anywhere else none is lost.\n\n")
	b.WriteString(howToRead)
	b.WriteString("*Failover* means that the source's process is stopped by SIGSTOP as well, where the fault does not silence it already. An edit while the operator does not see the source is a failover, too. Where the old source stays out (`OldSourceReturned`), it is taken back with `rejoinPolicy: Resync` before the next cell. ")
	b.WriteString("redis-server 8 may crash by itself when it was stopped in a `FAILOVER` and goes on: a cell says so, and asks the same of what follows.\n\n")
	ofRedis.table(&b, texts)
	fmt.Fprintf(&b, "\n%s, %d cells failed. The operator's end after every single step is tested over real servers (`internal/redis/crash_redisd_test.go`), and thousands of schedules of these faults are in the planner's model (`internal/redis/model_test.go`).\n", at.Format("2006-01-02"), failed)
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
			if !fault.meets(meets) {
				b.WriteString(" – |")
				continue
			}
			text := texts[cell{Kind: m.kind, Fault: fault.name, Situation: meets}.key()]
			if text == "" {
				text = "not run"
			}
			fmt.Fprintf(b, " %s |", text)
		}
		b.WriteString("\n")
	}
}
