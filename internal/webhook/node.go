// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/kube"
)

const (
	maxNameLength = 253
	maxPort       = 65535
)

// The patterns are those of the CEL rules of v1alpha1.Node.
var (
	podName  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	hostName = regexp.MustCompile(`^([A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?[.])*[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?[.]?$`)
)

// placedNode is a node and where in the object it stands.
type placedNode struct {
	path *field.Path
	node v1alpha1.Node
}

// validateNodes checks every node by itself and that no two of them are the same
// pod or the same server.
func validateNodes(nodes []placedNode) field.ErrorList {
	var errs field.ErrorList
	names, addresses := map[string]*field.Path{}, map[string]*field.Path{}
	for _, placed := range nodes {
		errs = append(errs, validateNode(placed.path, placed.node)...)
		errs = append(errs, validateUnique(names, placed.path.Child("name"), placed.node.Name,
			"a pod is one node: remove one of the two")...)
		if placed.node.Host != "" {
			address := net.JoinHostPort(placed.node.Host, strconv.Itoa(int(placed.node.Port)))
			errs = append(errs, validateUnique(addresses, placed.path.Child("host"), address,
				"every node needs its own host and port: correct one of the two")...)
		}
	}
	return errs
}

func validateNode(path *field.Path, node v1alpha1.Node) field.ErrorList {
	var errs field.ErrorList
	switch name := path.Child("name"); {
	case node.Name == "":
		errs = append(errs, field.Required(name, "name the pod"))
	case len(node.Name) > maxNameLength || !podName.MatchString(node.Name):
		errs = append(errs, field.Invalid(name, node.Name,
			"must be the name of a pod: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"))
	}
	switch host := path.Child("host"); {
	case node.Host == "":
		errs = append(errs, field.Required(host, "give the IP address or DNS name under which the server is reached"))
	case len(node.Host) > maxNameLength || (!hostName.MatchString(node.Host) && net.ParseIP(node.Host) == nil):
		errs = append(errs, field.Invalid(host, node.Host, "must be an IP address or a DNS name, without a scheme or a port"))
	case node.External && unroutable(node.Host):
		errs = append(errs, field.Invalid(host, node.Host,
			"of an external node must not be a loopback or link-local address: the Services cannot lead there. Give an address that every node of the cluster reaches"))
	}
	if node.Port < 1 || node.Port > maxPort {
		errs = append(errs, field.Invalid(path.Child("port"), node.Port, "must be between 1 and 65535, the port that the server listens on"))
	}
	return errs
}

// unroutable says whether a host is an address that no EndpointSlice can have.
func unroutable(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && kube.RefusedAddress(address.Unmap()) != "" || strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// validateUnique refuses a value that another place has already. What is reported
// is the later place; the first one is named in the detail only.
func validateUnique(seen map[string]*field.Path, path *field.Path, value, rule string) field.ErrorList {
	if value == "" {
		return nil
	}
	first, found := seen[value]
	if !found {
		seen[value] = path
		return nil
	}
	err := field.Duplicate(path, value)
	err.Detail = first.String() + " has it already; " + rule
	return field.ErrorList{err}
}
