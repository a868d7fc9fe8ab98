// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"net"
	"sort"
	"strconv"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Node is a node that the operator looks at.
type Node struct {
	Name string
	Host string
	Port int32
	// Leaving: the spec no longer names it, but the record does. It is looked at
	// until it is seen to have no part in the group any more.
	Leaving bool
}

// Nodes lists whom the spec names, in its order, and then those whom only the
// status still knows, sorted by name. Pure.
func Nodes(obj *v1alpha1.MysqlGroupReplication) []Node {
	var out []Node
	seen := map[string]bool{}
	for _, m := range obj.Spec.Member {
		if !seen[m.Name] {
			seen[m.Name] = true
			out = append(out, Node{Name: m.Name, Host: m.Host, Port: m.Port})
		}
	}
	var gone []string
	for name, n := range obj.Status.Topology {
		if !seen[name] && n != nil && n.Host != "" {
			gone = append(gone, name)
		}
	}
	sort.Strings(gone)
	for _, name := range gone {
		n := obj.Status.Topology[name]
		out = append(out, Node{Name: name, Host: n.Host, Port: n.Port, Leaving: true})
	}
	return out
}

// groupPort is the port of a member's local address where one cannot be made of the
// server's own.
const groupPort = 33061

// localAddress is what a server without group_replication_local_address is given: the
// host of its node, and its port times ten plus one, as MySQL Shell does (3306 → 33061);
// 33061 where that is no port. With group_replication_communication_stack=MYSQL it is the
// server's own address.
func localAddress(n Node, mysqlStack bool) string {
	port := int(n.Port)
	switch {
	case mysqlStack:
	case port*10+1 <= 65535:
		port = port*10 + 1
	default:
		port = groupPort
	}
	return net.JoinHostPort(n.Host, strconv.Itoa(port))
}

// newGroupName is group_replication_group_name of a group that has none yet: always the
// same for one resource, and nobody else's. "" when the resource has no uid.
func newGroupName(uid types.UID) string {
	if uid == "" {
		return ""
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("mysql group replication "+string(uid))).String()
}
