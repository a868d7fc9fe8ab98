// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/internal/kube"
)

// Deployment is the name of the operator's own, in config/manager and in the OLM bundle.
const (
	Deployment     = "compose-operator"
	kindDeployment = "Deployment"
)

const (
	// interval is how often the objects are looked at, and whether the cluster has learned
	// their kinds. A fifth of it at the most is added at random.
	interval = 10 * time.Minute
	// retry is the wait after a failure; after the next ones it is twice that, and so on up
	// to interval.
	retry  = 15 * time.Second
	jitter = 0.2
	// timeout bounds all requests of one look.
	timeout = 30 * time.Second
)

// What is logged of an object.
const (
	reasonApplied  = "Applied"
	reasonAsWanted = "AsWanted"
	reasonNotOurs  = "NotOurs"
	reasonNoKind   = "KindUnknown"
)

// Keeper keeps the ServiceMonitor and the PrometheusRule of config/prometheus in the
// operator's namespace, while the cluster knows these kinds. Only the leader does so.
type Keeper struct {
	// Reader asks the API server, not a cache: a watch of these kinds is not allowed.
	Reader client.Reader
	Writer Applier
	// Namespace is the operator's own.
	Namespace string

	// said is the last that was logged of each kind, so that it is not repeated for ever.
	said map[string]string
}

// Applier is what a Keeper needs of a client.Client.
type Applier interface {
	Apply(ctx context.Context, object runtime.ApplyConfiguration, options ...client.ApplyOption) error
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Keeper) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable. It never returns an error: databases are looked
// after without monitoring, too.
func (k *Keeper) Start(ctx context.Context) error {
	failures := 0
	for {
		if err := k.Keep(ctx); err != nil {
			failures++
		} else {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait.Jitter(pause(failures), jitter)):
		}
	}
}

// pause is how long to wait after so many failures in a row.
func pause(failures int) time.Duration {
	if failures == 0 {
		return interval
	}
	return min(retry<<min(failures-1, 10), interval)
}

// Keep looks once, and writes what is not as it should be. What went wrong was logged.
func (k *Keeper) Keep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	owner, err := k.owner(ctx)
	if err != nil {
		k.failed(ctx, kindDeployment, err)
		return err
	}
	delete(k.said, kindDeployment)
	wanted, err := objects(k.Namespace, owner)
	if err != nil {
		k.failed(ctx, "manifests", err)
		return err
	}
	var errs []error
	for _, object := range wanted {
		reason, err := k.keep(ctx, object)
		if err != nil {
			k.failed(ctx, object.GetKind(), err)
			errs = append(errs, err)
			continue
		}
		k.done(ctx, object.GetKind(), reason)
	}
	return errors.Join(errs...)
}

func (k *Keeper) keep(ctx context.Context, wanted *unstructured.Unstructured) (reason string, err error) {
	key := types.NamespacedName{Namespace: wanted.GetNamespace(), Name: wanted.GetName()}
	existing := &unstructured.Unstructured{}
	existing.SetGroupVersionKind(wanted.GroupVersionKind())
	err = k.Reader.Get(ctx, key, existing)
	switch {
	case meta.IsNoMatchError(err):
		return reasonNoKind, nil
	case apierrors.IsNotFound(err):
	case err != nil:
		return "", fmt.Errorf("read %s %s: %w", wanted.GetKind(), key, err)
	case !ours(existing):
		return reasonNotOurs, nil
	case asWanted(existing, wanted):
		return reasonAsWanted, nil
	default:
		// One that was made anew by somebody else meanwhile is not written over.
		wanted.SetUID(existing.GetUID())
	}
	err = k.Writer.Apply(ctx, client.ApplyConfigurationFromUnstructured(wanted), client.FieldOwner(kube.FieldOwner), client.ForceOwnership)
	switch {
	// Its definition has been deleted since the kinds were learned.
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		return reasonNoKind, nil
	case err != nil:
		return "", fmt.Errorf("apply %s %s: %w", wanted.GetKind(), key, err)
	}
	return reasonApplied, nil
}

// owner is the operator's Deployment; nil: there is none of that name, or it may not be
// read, and the objects stay when the operator goes.
func (k *Keeper) owner(ctx context.Context) (*metav1.OwnerReference, error) {
	deployment := &metav1.PartialObjectMetadata{}
	deployment.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind(kindDeployment))
	err := k.Reader.Get(ctx, types.NamespacedName{Namespace: k.Namespace, Name: Deployment}, deployment)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the operator's Deployment %s/%s: %w", k.Namespace, Deployment, err)
	}
	return ownerReference(deployment.GetUID()), nil
}

// done logs what became of an object, if that is news.
func (k *Keeper) done(ctx context.Context, kind, reason string) {
	logger, news := k.logger(ctx, kind, reason), k.news(kind, reason)
	switch {
	case reason == reasonApplied:
		logger.Info("Applied an object for Prometheus")
	case reason == reasonNotOurs && news:
		logger.Info("Left alone: an object of this name exists that the operator did not make. Delete it to have it made; --monitoring=false has none made")
	default:
		logger.V(1).Info("Nothing to do for Prometheus")
	}
}

// failed logs an error, if it is news.
func (k *Keeper) failed(ctx context.Context, kind string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	logger := k.logger(ctx, kind, string(apierrors.ReasonForError(err)))
	if k.news(kind, err.Error()) {
		logger.Error(err, "An object for Prometheus could not be put in place. It is tried again; databases are looked after without")
		return
	}
	logger.V(1).Info("Still not in place", "error", err.Error())
}

func (k *Keeper) logger(ctx context.Context, kind, reason string) logr.Logger {
	return log.FromContext(ctx).WithName("monitoring").WithValues("kind", kind, "namespace", k.Namespace, "reason", reason)
}

func (k *Keeper) news(kind, what string) bool {
	if k.said == nil {
		k.said = map[string]string{}
	}
	news := k.said[kind] != what
	k.said[kind] = what
	return news
}
