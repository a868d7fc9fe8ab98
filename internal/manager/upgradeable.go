// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	operatorsv2 "github.com/operator-framework/api/pkg/operators/v2"
	"github.com/operator-framework/operator-lib/conditions"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Reasons of the condition Upgradeable.
const (
	reasonInFlight    = "SwitchoverInFlight"
	reasonUpgradeable = "NothingInFlight"
)

const (
	// conditionName is the variable in which OLM names the OperatorCondition of the
	// version that it runs. operator-lib reads it as well.
	conditionName = "OPERATOR_CONDITION_NAME"
	// conditionTimeout bounds all requests of one attempt.
	conditionTimeout = 15 * time.Second
	// An attempt that failed is repeated after the first of these, twice that, and so on.
	conditionRetryFirst = 500 * time.Millisecond
	conditionRetryMost  = 30 * time.Second
	// conditionInterval is how often the condition is looked at when nothing has
	// happened: somebody else may have changed it.
	conditionInterval = 5 * time.Minute
	// maxNamed resources are in the message.
	maxNamed = 10
)

// upgradeable tells OLM whether this is a time to exchange the operator: the
// condition Upgradeable of its OperatorCondition is False while a switchover or a
// failover of any resource is on record. It is worked out from the records alone,
// so what a process that died has left behind is put right by the next one.
type upgradeable struct {
	// reader is the cache.
	reader    client.Reader
	kinds     []kind
	condition conditions.Condition
}

// addUpgradeable registers it; without OLM there is nothing to tell. Only the
// leader tells.
func addUpgradeable(mgr ctrl.Manager, o Options, all []kind) error {
	if o.OperatorCondition == "" {
		return nil
	}
	factory := o.ConditionFactory
	if factory == nil {
		factory = conditions.InClusterFactory{Client: mgr.GetClient()}
	}
	condition, err := factory.NewCondition(operatorsv2.ConditionType(operatorsv2.Upgradeable))
	if err != nil {
		return fmt.Errorf("find the OperatorCondition (unset %s where there is no OLM): %w", conditionName, err)
	}
	u := &upgradeable{reader: mgr.GetClient(), kinds: all, condition: condition}
	if err := u.setup(mgr, o.OperatorCondition); err != nil {
		return fmt.Errorf("set up the condition %s: %w", operatorsv2.Upgradeable, err)
	}
	return nil
}

func (u *upgradeable) setup(mgr ctrl.Manager, name string) error {
	request := ctrlreconcile.Request{NamespacedName: types.NamespacedName{Name: name}}
	enqueue := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []ctrlreconcile.Request {
		return []ctrlreconcile.Request{request}
	})
	build := ctrl.NewControllerManagedBy(mgr).
		Named("upgradeable").
		// Once at the start, also when there are no resources.
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrlreconcile.Request]) error {
			queue.Add(request)
			return nil
		})).
		WithOptions(controller.Options{
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[ctrlreconcile.Request](conditionRetryFirst, conditionRetryMost),
		})
	for _, one := range u.kinds {
		build = build.Watches(one.object, enqueue, builder.WithPredicates(onlyChangesOf(one.underWay)))
	}
	return build.Complete(u)
}

// Reconcile sets the condition if it is not as it should be.
func (u *upgradeable) Reconcile(ctx context.Context, _ ctrlreconcile.Request) (ctrlreconcile.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, conditionTimeout)
	defer cancel()
	wanted, err := u.verdict(ctx)
	if err != nil {
		return ctrlreconcile.Result{}, err
	}
	// An error is Set's to repeat: it may only be that the condition is not there yet.
	if is, err := u.condition.Get(ctx); err != nil || !sameVerdict(is, &wanted) {
		if err := u.condition.Set(ctx, wanted.Status, conditions.WithReason(wanted.Reason), conditions.WithMessage(wanted.Message)); err != nil {
			return ctrlreconcile.Result{}, fmt.Errorf("tell OLM that %s is %s: %w", wanted.Type, wanted.Status, err)
		}
		log.FromContext(ctx).Info("Told OLM", "condition", wanted.Type, "status", wanted.Status, "reason", wanted.Reason, "message", wanted.Message)
	}
	return ctrlreconcile.Result{RequeueAfter: conditionInterval}, nil
}

// verdict is the condition as it should be.
func (u *upgradeable) verdict(ctx context.Context) (metav1.Condition, error) {
	var names []string
	for _, one := range u.kinds {
		list := one.newList()
		if err := u.reader.List(ctx, list); err != nil {
			return metav1.Condition{}, fmt.Errorf("list %ss: %w", one.name, err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			object, is := item.(client.Object)
			if !is {
				return fmt.Errorf("a %T is not a resource", item)
			}
			if one.underWay(object) {
				names = append(names, fmt.Sprintf("%s %s/%s", one.name, object.GetNamespace(), object.GetName()))
			}
			return nil
		})
		if err != nil {
			return metav1.Condition{}, fmt.Errorf("list %ss: %w", one.name, err)
		}
	}
	return verdictOf(names), nil
}

// verdictOf is the condition while a change of the named resources is under way. Pure.
func verdictOf(names []string) metav1.Condition {
	condition := metav1.Condition{
		Type: operatorsv2.Upgradeable, Status: metav1.ConditionTrue, Reason: reasonUpgradeable,
		Message: "no switchover or failover is in flight",
	}
	if len(names) == 0 {
		return condition
	}
	slices.Sort(names)
	more := ""
	if n := len(names) - maxNamed; n > 0 {
		names, more = names[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	condition.Status, condition.Reason = metav1.ConditionFalse, reasonInFlight
	// OLM shows the message and not the reason.
	condition.Message = reasonInFlight + ": " + strings.Join(names, ", ") + more
	return condition
}

func sameVerdict(is, wanted *metav1.Condition) bool {
	return is != nil && is.Status == wanted.Status && is.Reason == wanted.Reason && is.Message == wanted.Message
}

// onlyChangesOf lets through what can change the verdict.
func onlyChangesOf(underWay func(client.Object) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return underWay(e.Object) },
		UpdateFunc:  func(e event.UpdateEvent) bool { return underWay(e.ObjectOld) != underWay(e.ObjectNew) },
		DeleteFunc:  func(e event.DeleteEvent) bool { return underWay(e.Object) },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}
