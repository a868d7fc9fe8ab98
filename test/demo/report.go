// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/load"
)

// report is what a person reads in the end. now is the resource's status.
func report(of *subject, c kit.Switchover, v load.Verdict, now string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("\n%s, %s → %s", of.change, c.From, c.To)
	moment := func(at time.Time, what string) {
		if !at.IsZero() {
			line("  %+7d ms  %s", at.Sub(c.Edited).Milliseconds(), what)
		}
	}
	moment(c.Edited, of.edited)
	moment(c.Started, "Preparing: checked; the candidate catches up, clients notice nothing")
	moment(c.Switching, "Switching: fence, promote, route")
	moment(c.Outage.From, "  last write acknowledged before the change")
	moment(c.Outage.To, "  first write acknowledged after it")
	moment(c.Finished, "finished: "+c.To+" takes the writes")
	moment(c.Ready, "Ready again, with the old one as a replica")
	if len(c.Steps) > 0 {
		line("\nSteps that the operator logged")
		for _, s := range c.Steps {
			line("  %7d ms  %s", s.Took.Milliseconds(), s.Name)
		}
	}
	line("\nClients: 8, each with a write every %d ms at most, through %s", load.Paced.Milliseconds(), of.way)
	line("  %d writes acknowledged in %.1f s, %d with an unknown outcome (never told OK)", v.Report.Acknowledged, v.Report.Duration.Seconds(), v.Report.Unknown)
	for _, e := range v.Report.WriteErrors {
		line("  %6d × %s", e.Count, e.Kind)
	}
	line("\nThe status now: %s", now)
	line("\nIt is left up. Look at it:")
	for _, command := range []string{
		"get " + of.resource + " -n " + namespace + " -o wide",
		"describe " + of.resource + " " + of.name + " -n " + namespace,
		"get pods -n " + namespace + " --show-labels",
		"edit " + of.resource + " " + of.name + " -n " + namespace + "      # " + of.again,
		"logs -n upm-system deployment/compose-operator",
	} {
		line("  bin/testbed kubectl %s", command)
	}
	line("  make demo-down                 # take it all away")
	line("\n%d acknowledged writes lost, %d ms without writes", len(v.Lost), c.Outage.Duration().Milliseconds())
	return b.String()
}
