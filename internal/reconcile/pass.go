// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/kube"
	"github.com/upmio/compose-operator/internal/metrics"
)

const (
	// maxRounds of observe, plan and act in one pass.
	maxRounds = 12
	// maxReplans in a row after the same failure of the same step.
	maxReplans = 2
)

// pass is one pass over one resource: rounds of observe, plan and act, as long
// as the plan asks for another, and one report at the end.
type pass[T client.Object, S, D any] struct {
	*Reconciler[T, S, D]
	key   types.NamespacedName
	known *memory[T]
	log   logr.Logger

	// object is the working copy: what is newest, with the status that this pass
	// has made of it.
	object      T
	description Description
	// routes: one step at a time changes the route, also beside others.
	routes sync.Mutex
	// podMetadata by node name; nil: the pod does not exist.
	podMetadata map[string]*metav1.PartialObjectMetadata
	// slices of external nodes by name, and where those nodes are.
	slices    map[string]*discoveryv1.EndpointSlice
	sliceLock sync.Mutex
	locations map[string]location
	// foreign are the nodes whose pods belong to another resource, and to which.
	foreign map[string]claimant

	// What the report is made of. All but the events are of the last round.
	events   []Event
	look     *look[T, S, D]
	planned  []metav1.Condition
	problems []problem
	failure  *stepError
	acted    []string
	// hindered are the failures of steps that the plan can do without.
	hindered   []string
	unfinished bool
	// services that are in place; nil: not looked at.
	services []ServiceWant
	// theirs are Services of ours by name that somebody else made.
	theirs map[string]bool
	// broken: the API server did not do what it was asked.
	broken bool
}

// look is what one round saw and decided.
type look[T client.Object, S, D any] struct {
	scene Scene[T]
	state S
	plan  Plan[D]
}

// ending says how a round ended.
type ending int

const (
	// endDone: report, and wait.
	endDone ending = iota
	// endAgain: the plan asks for another look.
	endAgain
	// endFailed: a step failed.
	endFailed
	// endRaced: the resource was written by somebody else; there is nothing to report.
	endRaced
	// endBroken: the API server could not be worked with; there is nothing to report.
	endBroken
	// endStopped: the process is to stop; there is nothing to report.
	endStopped
)

// run makes the pass. When ctx ends, it stops at once, or, in the middle of a
// plan that must finish, after that.
func (p *pass[T, S, D]) run(ctx context.Context) ctrlreconcile.Result {
	roundCtx := ctx
	var lastFailure string
	replans := 0
	for number := 1; ; number++ {
		ended := p.round(roundCtx, ctx)
		p.unfinished = ended == endAgain
		switch ended {
		case endStopped:
			return ctrlreconcile.Result{}
		case endRaced:
			return ctrlreconcile.Result{RequeueAfter: soon}
		case endBroken:
			return p.tryAgain(p.known)
		case endDone:
			return p.report(ctx)
		case endAgain, endFailed:
			// The same failure again and again is for another pass.
			failure := p.hindrance()
			if failure == "" || failure != lastFailure {
				lastFailure, replans = failure, 0
			}
			if replans++; failure != "" && replans > maxReplans {
				return p.report(ctx)
			}
		}
		if number == maxRounds || p.edited(ctx) {
			return p.report(ctx)
		}
		if p.look.plan.MustFinish {
			roundCtx = context.WithoutCancel(ctx)
		} else if roundCtx = ctx; ctx.Err() != nil {
			return p.report(ctx)
		}
	}
}

// round observes, plans and acts once. stop ends when the process is to stop;
// ctx does not, while a plan is under way that must finish.
func (p *pass[T, S, D]) round(ctx, stop context.Context) ending {
	p.problems, p.failure, p.acted, p.hindered = nil, nil, nil, nil
	scene, err := p.gather(ctx)
	if ctx.Err() != nil {
		return endStopped
	}
	if err != nil {
		p.log.Error(err, "could not read what the resource names")
		return endBroken
	}
	if claimed := p.claimed(); len(claimed) > 0 && !p.description.InFlight {
		p.withoutPods(claimed)
		return endDone
	}
	if scene.CredentialError != nil {
		p.withoutCredentials(scene.CredentialError)
		return endDone
	}
	state := p.observe(ctx, scene)
	if ctx.Err() != nil {
		// What was cut short says nothing about the databases.
		return endStopped
	}
	plan := p.engine.Plan(scene, state)
	p.engine.Project(scene, state, plan)
	p.look = &look[T, S, D]{scene: scene, state: state, plan: plan}
	p.planned = plan.Conditions
	p.engine.Measure(scene, state, plan)
	if stop.Err() != nil && !plan.MustFinish {
		// What had to be finished is, and the status says so.
		return endDone
	}
	if plan.Persist {
		if ended := p.persist(ctx, plan); ended != endDone {
			return ended
		}
	}
	p.events = append(p.events, plan.Events...)
	return p.carryOut(ctx, plan, scene)
}

// carryOut runs the steps of a plan.
func (p *pass[T, S, D]) carryOut(ctx context.Context, plan Plan[D], scene Scene[T]) ending {
	if plan.MustFinish {
		ctx = context.WithoutCancel(ctx)
	}
	facts := Facts{}
	var beside background
	defer func() { p.settle(beside.wait()) }()
	var stopped time.Time
	for _, step := range plan.Steps {
		if step.StopsWrites && stopped.IsZero() {
			stopped = p.now()
		}
		if len(step.Actions) > 0 {
			p.acted = append(p.acted, step.Name)
		}
		if step.Background {
			// It reads what is known now, while later steps go on to learn.
			known := maps.Clone(facts)
			beside.run(func() *stepError { return p.step(ctx, scene, step, known) })
			continue
		}
		failure := p.whole(step, !stopped.IsZero())
		if failure == nil {
			failure = p.step(ctx, scene, step, facts)
		}
		if failure == nil {
			if step.RestoresWrites && !stopped.IsZero() {
				metrics.ObserveFenced(p.set(), p.now().Sub(stopped))
			}
			continue
		}
		if ctx.Err() != nil {
			return endStopped
		}
		p.log.Info("step failed", "step", step.Name, "optional", step.Optional, "error", failure.Error())
		p.events = append(p.events, Event{Warning: true, Reason: reasonActionFailed, Message: failure.Error()})
		if !step.Optional {
			p.failure = failure
			return endFailed
		}
		p.hindered = append(p.hindered, CalmText(failure.Error()))
	}
	if plan.Again {
		return endAgain
	}
	return endDone
}

// hindrance is what failed in a round, "" when nothing did.
func (p *pass[T, S, D]) hindrance() string {
	if p.failure != nil {
		return CalmText(p.failure.Error())
	}
	slices.Sort(p.hindered)
	return strings.Join(p.hindered, "; ")
}

// settle reports the steps that ran beside the others and failed.
func (p *pass[T, S, D]) settle(failures []*stepError) {
	for _, failure := range failures {
		p.log.Info("step failed", "step", failure.step, "background", true, "error", failure.Error())
		p.hindered = append(p.hindered, CalmText(failure.Error()))
		p.events = append(p.events, Event{Warning: true, Reason: reasonActionFailed, Message: failure.Error()})
	}
}

func (p *pass[T, S, D]) observe(ctx context.Context, scene Scene[T]) S {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	return p.engine.Observe(ctx, scene)
}

// gather reads what the resource names, and remembers what to be woken by.
func (p *pass[T, S, D]) gather(ctx context.Context) (Scene[T], error) {
	p.cancel()
	p.description = p.engine.Describe(p.object)
	p.index()
	scene := Scene[T]{Key: p.key, Object: p.object, Pods: make(map[string]Pod, len(p.description.Pods)+len(p.description.External)), Now: p.now()}
	p.podMetadata = make(map[string]*metav1.PartialObjectMetadata, len(p.description.Pods))
	for _, node := range p.description.Pods {
		metadata, err := p.pod(ctx, node)
		if err != nil {
			return scene, err
		}
		p.podMetadata[node] = metadata
		if metadata == nil {
			scene.Pods[node] = Pod{}
			if slices.Contains(p.description.Leaving, node) {
				continue
			}
			p.trouble(problem{reason: reasonPodMissing, message: fmt.Sprintf(
				"pod %s does not exist: create it, or take the node out of the spec", node)})
			continue
		}
		labels := p.keys.Of(metadata)
		scene.Pods[node] = Pod{
			Exists: true, UID: metadata.GetUID(), Terminating: !metadata.GetDeletionTimestamp().IsZero(),
			Name: labels.Name, Readonly: labels.Readonly,
		}
	}
	if err := p.gatherExternal(ctx, &scene); err != nil {
		return scene, err
	}
	if err := p.claim(ctx); err != nil {
		return scene, err
	}
	if err := p.gatherUsed(ctx, &scene); err != nil {
		return scene, err
	}
	scene.Credentials, scene.CredentialError = p.resolve(ctx, p.key.Namespace, p.description, &p.known.credentials)
	return scene, nil
}

// index makes changes of the pods and Secrets that the resource names wake it.
func (p *pass[T, S, D]) index() {
	pods := make([]types.NamespacedName, 0, len(p.description.Pods))
	for _, node := range p.description.Pods {
		pods = append(pods, types.NamespacedName{Namespace: p.key.Namespace, Name: node})
	}
	for _, pod := range p.description.Marked {
		pods = append(pods, types.NamespacedName{Namespace: p.key.Namespace, Name: pod})
	}
	p.pods.put(p.key, pods...)
	p.used.put(p.key, p.usedKeys()...)
	var secrets []types.NamespacedName
	if p.description.SecretName != "" {
		secrets = p.resolver.Secrets(p.key.Namespace, p.description.SecretName, credential.AESRef{
			Name: p.description.AESSecretName, Key: p.description.AESSecretKey,
		}, p.description.TLS)
	}
	p.secrets.put(p.key, secrets...)
}

// withoutCredentials reports only: without passwords nothing is known of the
// databases, and nothing that is in place is touched.
func (p *pass[T, S, D]) withoutCredentials(err error) {
	conditions, warning, temporary := credentialVerdict(p.halfDone(err), p.description.judged())
	p.look, p.planned, p.broken = nil, conditions, temporary
	p.events = append(p.events, warning)
}

// halfDone adds to an error that keeps a change on record from being finished or
// undone what that means, and the way out. Only a process that has had the passwords
// goes on with them (see resolve); one that has started since cannot.
func (p *pass[T, S, D]) halfDone(err error) error {
	if !p.description.InFlight {
		return err
	}
	source := "the old source"
	for _, node := range p.description.Pods {
		if pod := p.podMetadata[node]; pod != nil && p.isLabeled(node) && p.keys.Of(pod).Readonly == kube.ReadonlyValue(false) {
			source = "pod " + node + ", which takes the writes,"
		}
	}
	for _, node := range p.description.External {
		if p.access(node.Name) == kube.ReadonlyValue(false) {
			source = "the external node " + node.Name + ", which takes the writes,"
		}
	}
	return fmt.Errorf("%w. A change is on record and in its middle, so that %s may be read-only, and it is neither finished nor undone without the passwords: mend the Secret, and it goes on by itself; or make that server writable by hand", err, source)
}

// persist records what the plan is about to do, before it is done.
func (p *pass[T, S, D]) persist(ctx context.Context, plan Plan[D]) ending {
	first := "none"
	if len(plan.Steps) > 0 {
		first = plan.Steps[0].Name
	}
	if err := p.hold(ctx); err != nil {
		return p.notRecorded(ctx, err)
	}
	p.judge(reasonProgressing, "next step: "+first)
	// Steps follow only on a record that was made of the newest spec: no rebasing.
	if err := p.write(ctx, false); err != nil {
		return p.notRecorded(ctx, err)
	}
	faultPoint(p.log, "persisted", first)
	return endDone
}

// notRecorded ends a round whose record could not be written.
func (p *pass[T, S, D]) notRecorded(ctx context.Context, err error) ending {
	switch {
	case ctx.Err() != nil:
		return endStopped
	case errors.Is(err, errRaced):
		return endRaced
	}
	p.log.Error(err, "could not record what is to be done, so it is not done")
	return endBroken
}

// edited says whether a user has changed the resource since this pass has read it.
func (p *pass[T, S, D]) edited(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiTimeout)
	defer cancel()
	current := p.engine.New()
	if err := p.client.Get(ctx, p.key, current); err != nil {
		return true
	}
	if !newer(current, p.object) {
		return false
	}
	return current.GetGeneration() != p.object.GetGeneration() ||
		current.GetDeletionTimestamp().IsZero() != p.object.GetDeletionTimestamp().IsZero() ||
		!maps.Equal(current.GetAnnotations(), p.object.GetAnnotations())
}

// trouble notes a problem once.
func (p *pass[T, S, D]) trouble(one problem) {
	if !slices.Contains(p.problems, one) {
		p.problems = append(p.problems, one)
	}
}

// routed are the nodes that the last plan gave an access to.
func (p *pass[T, S, D]) routed() map[string]bool {
	nodes := map[string]bool{}
	for _, step := range p.look.plan.Steps {
		for node := range step.Routing {
			nodes[node] = true
		}
	}
	return nodes
}

// working says what the operator is at, for the condition Reconciling.
func (p *pass[T, S, D]) working() (reason, message string) {
	switch {
	case p.failure != nil:
		return reasonStepFailed, p.failure.Error()
	case len(p.acted) > 0:
		return reasonProgressing, "steps done: " + strings.Join(slices.Compact(p.acted), ", ")
	case p.unfinished:
		return reasonProgressing, "more is to be done"
	}
	return "", ""
}
