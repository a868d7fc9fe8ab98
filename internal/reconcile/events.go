// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// Limits of the events API: longer fields are refused.
const (
	maxEventNote   = 1024
	maxEventAction = 128
)

// maxAnnounced bounds what is remembered of the events of one resource.
const maxAnnounced = 64

// announcement identifies an event that was announced.
type announcement struct {
	reason, once string
	// lasting: it is not announced again although it was not planned meanwhile.
	lasting bool
}

// announcements, oldest first.
type announcements []announcement

func announcementOf(event Event) announcement {
	if event.Once != "" {
		return announcement{reason: event.Reason, once: event.Once, lasting: true}
	}
	return announcement{reason: event.Reason, once: CalmText(event.Message)}
}

// next takes the events of one pass and returns those that are news, and what
// has been announced then. An event without Once that this pass did not have is
// forgotten: when it comes back, it is news.
func (a announcements) next(of []Event) (news []Event, then announcements) {
	var current announcements
	for _, event := range of {
		one := announcementOf(event)
		if slices.Contains(current, one) {
			continue
		}
		current = append(current, one)
		if !slices.Contains(a, one) {
			news = append(news, event)
		}
	}
	for _, old := range a {
		if old.lasting && !slices.Contains(current, old) {
			then = append(then, old)
		}
	}
	then = append(then, current...)
	return news, then[max(0, len(then)-maxAnnounced):]
}

// announce sends events about object. Events with the same reason and action
// are counted up as one series with the text of the first, so the action tells
// different messages apart.
func announce(recorder events.EventRecorder, log logr.Logger, object runtime.Object, news []Event) {
	for _, event := range news {
		kind := corev1.EventTypeNormal
		if event.Warning {
			kind = corev1.EventTypeWarning
		}
		log.Info("event", "type", kind, "reason", event.Reason, "message", event.Message)
		recorder.Eventf(object, nil, kind, event.Reason, actionOf(event), "%s", shorten(event.Message, maxEventNote))
	}
}

func actionOf(event Event) string {
	digest := fnv.New32a()
	_, _ = digest.Write([]byte(event.Once + "\x00" + event.Message))
	return shorten(fmt.Sprintf("Reconcile %08x", digest.Sum32()), maxEventAction)
}

// shorten cuts text to at most limit bytes, at a rune's end.
func shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= limit {
		return text
	}
	const ellipsis = "…"
	cut := limit - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + ellipsis
}
