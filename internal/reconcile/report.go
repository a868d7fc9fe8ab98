// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/kube"
	"github.com/upmio/compose-operator/internal/metrics"
)

// report ends a pass: Services and stray labels, status, events, metrics, and
// when to look again. It is done also while the process stops.
func (p *pass[T, S, D]) report(stop context.Context) ctrlreconcile.Result {
	ctx := context.WithoutCancel(stop)
	if p.takenBack() {
		return p.depart(ctx)
	}
	if p.look != nil {
		p.keepResources(ctx)
	}
	if p.failure != nil && p.failure.routing {
		p.trouble(problem{reason: reasonLabelsFailed, message: p.failure.Error()})
	}
	for _, problem := range p.problems {
		if problem.tell {
			p.events = append(p.events, Event{Warning: true, Reason: problem.reason, Message: problem.message})
		}
	}
	p.judge(p.working())
	err := p.write(ctx, true)
	if err == nil {
		err = p.release(ctx)
	}
	if err != nil && !errors.Is(err, errRaced) && !apierrors.IsNotFound(err) {
		p.log.Error(err, "could not write the resource")
		p.broken = true
	}
	p.announce()
	p.measure()

	outlook := outlook{raced: errors.Is(err, errRaced), busy: p.busy(), underWay: p.description.UnderWay}
	if p.look != nil {
		outlook.next = p.look.plan.Next
	}
	p.known.failures++
	if p.failure == nil && !p.broken {
		p.known.failures = 0
	}
	outlook.failures = p.known.failures
	wait := outlook.wait(p.poll, p.random())
	p.log.V(1).Info("pass done", "next", wait.String(), "acted", p.acted, "failures", p.known.failures)
	return ctrlreconcile.Result{RequeueAfter: wait, Priority: new(outlook.priority())}
}

// announce sends the events of this pass that are news.
func (p *pass[T, S, D]) announce() {
	var news []Event
	news, p.known.announced = p.known.announced.next(p.events)
	announce(p.recorder, p.log, p.object, news)
}

// keepResources puts the Services in place, and takes the labels from pods that
// the resource does not name any more.
func (p *pass[T, S, D]) keepResources(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	if err := p.keepServices(ctx); err != nil {
		p.broken = true
		p.trouble(problem{reason: reasonServiceFailed, message: err.Error()})
	}
	if p.failure != nil {
		// A plan that was not carried out may not have come to the route yet.
		return
	}
	routed := p.routed()
	err := p.unlabel(ctx, p.key, func(pod string) bool {
		_, external := p.external(pod)
		return routed[pod] && !external || slices.Contains(p.description.Pods, pod)
	})
	if err != nil {
		p.broken = true
		p.trouble(problem{reason: reasonLabelsFailed, message: err.Error()})
	}
	if err := p.mark(ctx); err != nil {
		p.broken = true
		p.trouble(problem{reason: reasonLabelsFailed, message: err.Error()})
	}
	ours := func(service string) bool {
		return !p.theirs[service] && slices.ContainsFunc(p.description.Services, func(s ServiceWant) bool { return s.Name == service })
	}
	if err := p.dropSlices(ctx, p.strays(ours)); err != nil {
		p.broken = true
		p.trouble(problem{reason: reasonSlicesFailed, message: err.Error()})
	}
}

func (p *pass[T, S, D]) keepServices(ctx context.Context) error {
	owner, err := kube.OwnerOf(p.object, p.client.Scheme())
	if err != nil {
		return err
	}
	var errs []error
	wanted := map[string]bool{}
	p.theirs = map[string]bool{}
	p.services = []ServiceWant{}
	for _, want := range p.description.Services {
		wanted[want.Name] = true
		err := kube.EnsureService(ctx, p.client, p.live, owner, p.keys, want)
		if errors.Is(err, kube.ErrServiceNotOwned) {
			p.theirs[want.Name] = true
			p.trouble(problem{tell: true, reason: reasonServiceNotOwned, message: fmt.Sprintf(
				"Service %s exists and was not made for this %s, so it is left alone: delete or rename it, or, where it is of a resource of another kind, give one of the two another name",
				want.Name, p.engine.Kind())})
			continue
		}
		if err == nil {
			p.services = append(p.services, want)
		}
		errs = append(errs, err)
	}
	errs = append(errs, kube.DeleteServices(ctx, p.client, owner, func(name string) bool { return wanted[name] }))
	return errors.Join(errs...)
}

// judge puts the parts of the status that every kind has into the object.
func (p *pass[T, S, D]) judge(workingReason, working string) {
	common := p.engine.StatusOf(p.object)
	generation := p.object.GetGeneration()
	*common.Conditions = verdict{
		planned:       p.planned,
		hasResources:  len(p.description.Pods) > 0 || len(p.description.Services) > 0,
		problems:      p.problems,
		working:       working,
		workingReason: workingReason,
		generation:    generation,
		now:           metav1.NewTime(p.now().Truncate(time.Second)),
	}.conditions(*common.Conditions)
	if common.Ready != nil {
		*common.Ready = meta.IsStatusConditionTrue(*common.Conditions, v1alpha1.ConditionReady)
	}
	if common.ObservedGeneration != nil {
		*common.ObservedGeneration = generation
	}
	if p.services != nil {
		setServiceName(common.ReadWriteService, p.services, false)
		setServiceName(common.ReadOnlyService, p.services, true)
	}
}

func setServiceName(field *string, services []ServiceWant, readonly bool) {
	if field == nil {
		return
	}
	*field = ""
	for _, service := range services {
		if service.Readonly == readonly {
			*field = service.Name
		}
	}
}

func (p *pass[T, S, D]) busy() bool {
	return meta.IsStatusConditionTrue(*p.engine.StatusOf(p.object).Conditions, v1alpha1.ConditionReconciling)
}

func (p *pass[T, S, D]) measure() {
	conditions := *p.engine.StatusOf(p.object).Conditions
	metrics.SetReady(p.set(), meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady))
	metrics.SetConditions(p.set(), conditions)
	if p.look == nil {
		metrics.ForgetNodes(p.set())
	}
}

// set names the resource for metrics.
func (p *pass[T, S, D]) set() metrics.Set {
	return metrics.Set{Kind: p.engine.Kind(), Namespace: p.key.Namespace, Name: p.key.Name}
}
