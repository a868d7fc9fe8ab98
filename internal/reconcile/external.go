// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/internal/kube"
)

// resolveTimeout bounds the look-up of a name. All names of a resource are looked up
// at the same time.
const resolveTimeout = time.Second

// ExternalNode is a node that is no pod: it gets EndpointSlices instead of labels.
type ExternalNode struct {
	// Name within the resource. A pod of that name has nothing to do with it.
	Name string
	// Host is an IP address or a DNS name, Port that of the server.
	Host string
	Port int32
}

// server is the host and port, in one spelling.
func (n ExternalNode) server() string {
	return net.JoinHostPort(strings.ToLower(strings.TrimSuffix(n.Host, ".")), strconv.Itoa(int(n.Port)))
}

// claim of the server: it is in no namespace.
func (n ExternalNode) claim() types.NamespacedName { return types.NamespacedName{Name: n.server()} }

// LookupIP returns the addresses of a DNS name, as net.Resolver.LookupNetIP does.
type LookupIP func(ctx context.Context, host string) ([]netip.Addr, error)

func lookupIP(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// location is where an external node was found.
type location struct {
	host string
	// addresses: one, or one of each family; none when nothing usable is known.
	addresses []netip.Addr
	// problem says what is wrong with the host; with addresses, that those are of before.
	problem string
}

// locate finds the addresses of an external node. A name that cannot be looked up has
// the ones that it had last.
func locate(ctx context.Context, lookup LookupIP, node ExternalNode, last location) location {
	if address, err := netip.ParseAddr(node.Host); err == nil {
		return judged(node.Host, []netip.Addr{address})
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addresses, err := lookup(ctx, node.Host)
	if err == nil && len(addresses) > 0 {
		return judged(node.Host, addresses)
	}
	found := location{host: node.Host, problem: lookupProblem(err)}
	if last.host == node.Host {
		found.addresses = last.addresses
	}
	return found
}

// lookupProblem is the same as long as the problem is: an error of the resolver has the
// ports of its sockets in it.
func lookupProblem(err error) string {
	var dns *net.DNSError
	switch {
	case err == nil || errors.As(err, &dns) && dns.IsNotFound:
		return "DNS has no address for it"
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &dns) && dns.IsTimeout:
		return "DNS does not answer in time"
	}
	return "DNS fails: " + CalmText(err.Error())
}

// judged keeps what the Services can lead to. Two addresses of one family can be two
// servers, of which only one is the one that was looked at.
func judged(host string, addresses []netip.Addr) location {
	found := location{host: host}
	for _, address := range addresses {
		address = address.Unmap()
		if why := kube.RefusedAddress(address); why != "" {
			return location{host: host, problem: fmt.Sprintf("%s is %s, to which no Service can lead", address, why)}
		}
		if !slices.Contains(found.addresses, address) {
			found.addresses = append(found.addresses, address)
		}
	}
	slices.SortFunc(found.addresses, netip.Addr.Compare)
	for i := 1; i < len(found.addresses); i++ {
		if found.addresses[i].Is4() == found.addresses[i-1].Is4() {
			return location{host: host, problem: fmt.Sprintf(
				"it has the addresses %s and %s, which may be two servers: give the address, or a name that has only one", found.addresses[i-1], found.addresses[i])}
		}
	}
	return found
}

// gatherExternal reads the EndpointSlices of the resource, and finds its external nodes.
func (p *pass[T, S, D]) gatherExternal(ctx context.Context, scene *Scene[T]) error {
	owner, err := kube.OwnerOf(p.object, p.client.Scheme())
	if err != nil {
		return err
	}
	if err := p.readSlices(ctx, owner); err != nil {
		return err
	}
	nodes := p.description.External
	found := make([]location, len(nodes))
	var running sync.WaitGroup
	for i, node := range nodes {
		last := p.lastLocation(node)
		running.Go(func() { found[i] = locate(ctx, p.lookup, node, last) })
	}
	running.Wait()
	p.locations = map[string]location{}
	for i, node := range nodes {
		at := found[i]
		p.locations[node.Name] = at
		pod := Pod{External: true, Addresses: at.addresses, Readonly: p.access(node.Name)}
		if pod.Readonly != "" {
			pod.Name = p.key.Name
		}
		if len(at.addresses) == 0 {
			pod.Unresolved = fmt.Sprintf("host %s: %s", at.host, at.problem)
		}
		scene.Pods[node.Name] = pod
		if at.problem != "" && !slices.Contains(p.description.Leaving, node.Name) {
			p.trouble(problem{tell: true, reason: reasonExternalHost, message: at.words(node.Name)})
		}
	}
	if ctx.Err() == nil {
		p.known.locations = p.locations
	}
	return nil
}

func (l location) words(node string) string {
	text := fmt.Sprintf("host %s of the external node %s: %s", l.host, node, l.problem)
	if len(l.addresses) > 0 {
		text += fmt.Sprintf(". It is taken to be where it was, at %s", joined(l.addresses))
	}
	return text
}

func joined(addresses []netip.Addr) string {
	words := make([]string, 0, len(addresses))
	for _, address := range addresses {
		words = append(words, address.String())
	}
	return strings.Join(words, " and ")
}

// lastLocation is where a node was when it was looked up last: by this process, or by
// the one that made its slices.
func (p *pass[T, S, D]) lastLocation(node ExternalNode) location {
	if last, known := p.known.locations[node.Name]; known && last.host == node.Host && len(last.addresses) > 0 {
		return last
	}
	last := location{host: node.Host}
	for _, slice := range p.slicesOf(node.Name) {
		if slice.Annotations[kube.AnnotationHost] != node.Host {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			for _, text := range endpoint.Addresses {
				if address, err := netip.ParseAddr(text); err == nil && !slices.Contains(last.addresses, address) {
					last.addresses = append(last.addresses, address)
				}
			}
		}
	}
	return judged(node.Host, last.addresses)
}

// knownSlice is a slice that this process wrote, or deleted.
type knownSlice struct {
	slice   *discoveryv1.EndpointSlice
	deleted bool
}

// readSlices reads the slices of the resource in the newest versions that this process
// knows.
func (p *pass[T, S, D]) readSlices(ctx context.Context, owner kube.Owner) error {
	list, err := kube.EndpointSlicesOf(ctx, p.client, owner)
	if err != nil {
		return err
	}
	p.slices = map[string]*discoveryv1.EndpointSlice{}
	for i := range list {
		p.slices[list[i].Name] = &list[i]
	}
	for name, known := range p.known.slices {
		cached := p.slices[name]
		switch {
		case known.deleted && cached != nil && cached.UID == known.slice.UID:
			delete(p.slices, name)
		case !known.deleted && cached != nil && newer(known.slice, cached):
			p.slices[name] = known.slice
		case !known.deleted && cached == nil:
			// The cache does not have it yet, or somebody deleted it.
			live := &discoveryv1.EndpointSlice{}
			err := p.live.Get(ctx, types.NamespacedName{Namespace: p.key.Namespace, Name: name}, live)
			switch {
			case apierrors.IsNotFound(err):
				delete(p.known.slices, name)
			case err != nil:
				return fmt.Errorf("read EndpointSlice %s/%s: %w", p.key.Namespace, name, err)
			case owner.Made(live):
				p.slices[name] = live
			}
		default:
			delete(p.known.slices, name)
		}
	}
	return nil
}

// slicesOf a node, of whichever Service.
func (p *pass[T, S, D]) slicesOf(node string) []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	for _, slice := range p.slices {
		if slice.Annotations[kube.AnnotationNode] == node {
			out = append(out, slice)
		}
	}
	return out
}

// access is what the label of a pod would say: which Service leads to the node.
func (p *pass[T, S, D]) access(node string) string {
	out := ""
	for _, slice := range p.slicesOf(node) {
		for _, service := range p.description.Services {
			if slice.Labels[discoveryv1.LabelServiceName] == service.Name && (out == "" || !service.Readonly) {
				out = kube.ReadonlyValue(service.Readonly)
			}
		}
	}
	return out
}

// external returns the external node of that name.
func (p *pass[T, S, D]) external(name string) (ExternalNode, bool) {
	for _, node := range p.description.External {
		if node.Name == name {
			return node, true
		}
	}
	return ExternalNode{}, false
}

// slicesFor are the slices that lead to an external node by an access.
func (p *pass[T, S, D]) slicesFor(node ExternalNode, access Access) ([]kube.SliceWant, error) {
	var out []kube.SliceWant
	for _, service := range p.description.Services {
		if access == AccessNone || service.Readonly != (access == AccessReadOnly) {
			continue
		}
		at := p.locations[node.Name]
		if len(at.addresses) == 0 {
			return nil, errors.New(at.words(node.Name))
		}
		for _, address := range at.addresses {
			out = append(out, kube.SliceWant{
				Service: service.Name, Node: node.Name, Host: node.Host, PortName: service.PortName, Port: node.Port, Address: address,
			})
		}
	}
	return out, nil
}

// planSlices says what has to be written and deleted for an external node.
func (p *pass[T, S, D]) planSlices(ctx context.Context, owner kube.Owner, node ExternalNode, access Access) (put []kube.SliceWant, drop []*discoveryv1.EndpointSlice, err error) {
	wanted, err := p.slicesFor(node, access)
	if err != nil {
		return nil, nil, err
	}
	keep := map[string]bool{}
	for _, want := range wanted {
		keep[want.Name()] = true
		if existing := p.slices[want.Name()]; existing != nil && kube.SliceAsWanted(existing, owner, want) {
			continue
		}
		theirs, err := kube.ServiceOfOthers(ctx, p.client, p.live, owner, want.Service)
		if err != nil {
			return nil, nil, err
		}
		if theirs {
			// It is reported where the Services are kept.
			keep[want.Name()] = false
			continue
		}
		put = append(put, want)
	}
	for _, slice := range p.slicesOf(node.Name) {
		if !keep[slice.Name] {
			drop = append(drop, slice)
		}
	}
	return put, drop, nil
}

// strays are slices that lead to a node which is not external any more, or from a
// Service which is not the resource's any more.
func (p *pass[T, S, D]) strays(service func(name string) bool) []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	for _, slice := range p.slices {
		_, external := p.external(slice.Annotations[kube.AnnotationNode])
		if !external || !service(slice.Labels[discoveryv1.LabelServiceName]) {
			out = append(out, slice)
		}
	}
	return out
}

// putSlices writes slices and remembers them.
func (p *pass[T, S, D]) putSlices(ctx context.Context, owner kube.Owner, list []kube.SliceWant) error {
	var errs []error
	for _, want := range list {
		slice, err := kube.PutEndpointSlice(ctx, p.client, p.live, owner, p.slice(want.Name()), want)
		if err == nil {
			p.knowSlice(slice, false)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// dropSlices deletes slices and remembers that.
func (p *pass[T, S, D]) dropSlices(ctx context.Context, list []*discoveryv1.EndpointSlice) error {
	var errs []error
	for _, slice := range list {
		err := kube.DeleteEndpointSlice(ctx, p.client, slice)
		if err == nil {
			p.knowSlice(slice, true)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (p *pass[T, S, D]) slice(name string) *discoveryv1.EndpointSlice {
	p.sliceLock.Lock()
	defer p.sliceLock.Unlock()
	return p.slices[name]
}

// knowSlice remembers what was written, until the cache has it.
func (p *pass[T, S, D]) knowSlice(slice *discoveryv1.EndpointSlice, deleted bool) {
	p.sliceLock.Lock()
	defer p.sliceLock.Unlock()
	p.known.slices[slice.Name] = knownSlice{slice: slice, deleted: deleted}
	if deleted {
		delete(p.slices, slice.Name)
	} else {
		p.slices[slice.Name] = slice
	}
}
