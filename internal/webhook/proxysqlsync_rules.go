// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

const (
	maxHostgroup = 1<<31 - 1
	// maxWeight and maxConnections are what ProxySQL allows (mysql_servers).
	maxWeight      = 10_000_000
	maxConnections = 1_000_000
	// trafficPort is where a ProxySQL takes the clients' traffic, unless it is told otherwise.
	trafficPort = 6033
)

// proxysqlSyncNodes lists the ProxySQL servers of a spec in its own order.
func proxysqlSyncNodes(spec *v1alpha1.ProxysqlSyncSpec) []placedNode {
	path := field.NewPath("spec", "proxysql")
	nodes := make([]placedNode, 0, len(spec.Proxysql))
	for i, node := range spec.Proxysql {
		nodes = append(nodes, placedNode{path: path.Index(i), node: node})
	}
	return nodes
}

// ValidateProxysqlSync checks a spec by itself, defaults applied or not.
// Every error names the field and what to do.
func ValidateProxysqlSync(spec *v1alpha1.ProxysqlSyncSpec) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	if len(spec.Proxysql) == 0 {
		errs = append(errs, field.Required(path.Child("proxysql"), "name the ProxySQL servers, with the port of their admin interface, 6032"))
	}
	errs = append(errs, validateNodes(proxysqlSyncNodes(spec))...)
	if spec.Secret.Name == "" {
		errs = append(errs, field.Required(path.Child("secret", "name"), "name the Secret that holds the passwords"))
	}
	errs = append(errs, validateSynced(path, spec)...)
	errs = append(errs, validateProxysqlRule(path.Child("rule"), spec.Rule)...)
	return append(errs, validateHostgroups(path, spec)...)
}

// validateSynced asks for one resource to sync.
func validateSynced(path *field.Path, spec *v1alpha1.ProxysqlSyncSpec) field.ErrorList {
	set, group := path.Child("mysqlReplication"), path.Child("mysqlGroupReplication")
	switch {
	case spec.MysqlReplication == "" && spec.MysqlGroupReplication == "":
		return field.ErrorList{field.Required(set, "name the MysqlReplication of this namespace that is synced, or with mysqlGroupReplication a MysqlGroupReplication")}
	case spec.MysqlReplication != "" && spec.MysqlGroupReplication != "":
		return field.ErrorList{field.Forbidden(group, "spec.mysqlReplication is given as well, and one resource is synced: remove one of the two")}
	}
	at, name := set, spec.MysqlReplication
	if name == "" {
		at, name = group, spec.MysqlGroupReplication
	}
	if len(name) > maxNameLength || !podName.MatchString(name) {
		return field.ErrorList{field.Invalid(at, name, "must be the name of a resource of this namespace: lower-case letters, digits, '-' and '.'")}
	}
	return nil
}

// validateProxysqlRule refuses a rule that says nothing.
func validateProxysqlRule(path *field.Path, rule *v1alpha1.ProxysqlSyncRule) field.ErrorList {
	if rule == nil {
		return nil
	}
	var errs field.ErrorList
	if _, err := regexp.Compile(rule.Pattern); err != nil {
		errs = append(errs, field.Invalid(path.Child("pattern"), rule.Pattern, fmt.Sprintf(
			`must be a host as in mysql.user, e.g. "%%", or a regular expression over the whole of it, e.g. ".*": %s`, err)))
	}
	unnamed := func(path *field.Path, names []string) {
		if i := slices.Index(names, ""); i >= 0 {
			errs = append(errs, field.Required(path.Index(i), "name a user, or remove the entry: the anonymous user is never copied"))
		}
	}
	unnamed(path.Child("filter"), rule.Filter)
	unnamed(path.Child("include"), rule.Include)
	return errs
}

// validateHostgroups checks what goes into mysql_servers.
func validateHostgroups(path *field.Path, spec *v1alpha1.ProxysqlSyncSpec) field.ErrorList {
	var errs field.ErrorList
	bounded := func(at *field.Path, value *int32, lowest, highest int32) {
		if value != nil && (*value < lowest || *value > highest) {
			errs = append(errs, field.Invalid(at, *value, fmt.Sprintf("must be between %d and %d, which is what ProxySQL allows", lowest, highest)))
		}
	}
	bounded(path.Child("writerHostgroup"), spec.WriterHostgroup, 0, maxHostgroup)
	bounded(path.Child("readerHostgroup"), spec.ReaderHostgroup, 0, maxHostgroup)
	bounded(path.Child("maxConnections"), spec.MaxConnections, 1, maxConnections)
	if writer, reader := hostgroups(spec); writer == reader {
		errs = append(errs, field.Invalid(path.Child("readerHostgroup"), reader, "is spec.writerHostgroup: readers would write; give the two different numbers"))
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Weights)) {
		weight := spec.Weights[name]
		bounded(path.Child("weights").Key(name), &weight, 0, maxWeight)
	}
	return errs
}

// hostgroups of writers and readers, with their defaults.
func hostgroups(spec *v1alpha1.ProxysqlSyncSpec) (writer, reader int32) {
	writer, reader = 0, 1
	if spec.WriterHostgroup != nil {
		writer = *spec.WriterHostgroup
	}
	if spec.ReaderHostgroup != nil {
		reader = *spec.ReaderHostgroup
	}
	return writer, reader
}

// WarnProxysqlSync says what is allowed and unwise.
func WarnProxysqlSync(spec *v1alpha1.ProxysqlSyncSpec) admission.Warnings {
	var warnings admission.Warnings
	for i, node := range spec.Proxysql {
		if node.Port == trafficPort {
			warnings = append(warnings, fmt.Sprintf("spec.proxysql[%d].port is %d, where a ProxySQL takes the clients' traffic; its admin interface is at 6032, unless it was told otherwise", i, trafficPort))
		}
	}
	if spec.Secret.Proxysql == "admin" {
		warnings = append(warnings, `spec.secret.proxysql is "admin": ProxySQL lets that user in from its own host only; add another one to admin-admin_credentials and name that`)
	}
	if spec.ReplicationHostgroup != nil && *spec.ReplicationHostgroup {
		warnings = append(warnings, "spec.replicationHostgroup is true: ProxySQL's monitor makes a writer of each server that it finds with read_only off, a second one until the operator has looked again")
	}
	if rule := spec.Rule; rule != nil {
		for _, name := range rule.Include {
			if slices.Contains(rule.Filter, name) {
				warnings = append(warnings, fmt.Sprintf("spec.rule.include and spec.rule.filter both name %q: filter counts, and it is left out", name))
			}
		}
	}
	return warnings
}
