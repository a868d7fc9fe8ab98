// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"reflect"
	"regexp"
	"slices"
	"testing"
)

// usage is what a PromQL expression says of one metric.
type usage struct {
	metric string
	// labels that it is selected by.
	labels []string
}

var (
	promToken    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d[\w.]*|[a-zA-Z_:][\w:]*|\S`)
	promName     = regexp.MustCompile(`^[a-zA-Z_:]`)
	promGrouping = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	promWords    = []string{"and", "or", "unless", "bool", "offset", "inf", "nan"}
)

// usages finds the metrics that an expression names, and the labels that it groups or
// joins by. It is no parser: promtool is asked whether the expression is right.
func usages(expr string) (metrics []usage, grouped []string) {
	tokens := promToken.FindAllString(expr, -1)
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	// names up to the closing bracket; a label is what stands before its operator or a comma.
	names := func(i int, end string) (found []string, next int) {
		for ; i < len(tokens) && tokens[i] != end; i++ {
			if promName.MatchString(tokens[i]) {
				found = append(found, tokens[i])
			}
		}
		return found, i
	}
	for i := 0; i < len(tokens); i++ {
		token := tokens[i]
		switch {
		case !promName.MatchString(token) || slices.Contains(promWords, token):
		case slices.Contains(promGrouping, token):
			if at(i+1) == "(" {
				var labels []string
				labels, i = names(i+2, ")")
				grouped = append(grouped, labels...)
			}
		case at(i+1) == "(" || slices.Contains(promGrouping, at(i+1)):
			// A function or an aggregation.
		default:
			found := usage{metric: token}
			if at(i+1) == "{" {
				found.labels, i = names(i+2, "}")
			}
			metrics = append(metrics, found)
		}
	}
	return metrics, grouped
}

func TestUsages(t *testing.T) {
	metrics, grouped := usages(`sum by (kind, name) (rate(a_total{kind="x",name=~"on(e|two)"}[5m])) > 1e3
	  unless on (node) (max(b) == bool 0) or histogram_quantile(0.95, sum(c_bucket) by (le))`)
	if want := []usage{{"a_total", []string{"kind", "name"}}, {metric: "b"}, {metric: "c_bucket"}}; !reflect.DeepEqual(metrics, want) {
		t.Errorf("metrics: %v, want %v", metrics, want)
	}
	if want := []string{"kind", "name", "node", "le"}; !slices.Equal(grouped, want) {
		t.Errorf("grouped by %v, want %v", grouped, want)
	}
}
