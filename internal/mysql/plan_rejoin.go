// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// clones says whether the user wants nodes made anew by CLONE.
func (v *view) clones() bool { return v.spec.RejoinPolicy == v1alpha1.MysqlRejoinClone }

// rejoin is the end of a clone that this look has found.
type rejoin struct {
	node string
	*v1alpha1.MysqlCloneStatus
}

// resolveClones compares the records of clones with what the servers say.
func (v *view) resolveClones() {
	for _, m := range v.members {
		was := v.status.Topology[m.Name]
		if was == nil || was.Clone == nil {
			continue
		}
		s, r := v.server(m.Name), was.Clone.DeepCopy()
		v.data.Clones[m.Name] = r
		switch {
		case !s.OK():
		case was.ServerUUID != "" && was.ServerUUID != s.UUID:
			// Made anew by somebody else. (A clone keeps the server_uuid.)
			delete(v.data.Clones, m.Name)
		case s.Clone == nil || r.State == v1alpha1.MysqlCloneCompleted:
		default:
			v.resolveClone(m.Name, r, s)
		}
	}
}

func (v *view) resolveClone(name string, r *v1alpha1.MysqlCloneStatus, s *Server) {
	run := s.Clone.Run
	if !v.belongs(r, run) {
		run = nil
	}
	at := metav1.NewMicroTime(v.now)
	switch {
	case run != nil && run.Running:
		r.State, r.FinishedAt, r.Message = v1alpha1.MysqlCloneInProgress, nil, ""
		r.Bytes, r.TotalBytes, r.Emptied = run.Bytes, run.TotalBytes, r.Emptied || run.Dropped
		r.HeldCount = s.Executed.Count()
	case run != nil && run.Completed:
		r.State, r.FinishedAt, r.Message, r.Emptied = v1alpha1.MysqlCloneCompleted, &at, "", false
		r.Bytes, r.TotalBytes = run.Bytes, run.TotalBytes
		v.data.Rejoined = append(v.data.Rejoined, rejoin{name, r})
	case s.Clone.Sent:
		// It does its first checks.
	case r.State == v1alpha1.MysqlCloneFailed:
		if r.Emptied && !s.Executed.Empty() && s.Executed.Count() != r.HeldCount {
			// Somebody has filled it since.
			delete(v.data.Clones, name)
		}
	default:
		r.State, r.FinishedAt = v1alpha1.MysqlCloneFailed, &at
		if run != nil && run.Dropped {
			// It has applied transactions after the plan was made, up to when it was stopped:
			// what it says now is what it says of data that is gone.
			r.Emptied, r.HeldCount = true, s.Executed.Count()
		}
		switch {
		case run != nil && run.Error != "":
			r.Message = run.Error
		case s.Clone.Outcome != "":
			r.Message = s.Clone.Outcome
		case run != nil:
			r.Message = "it ended in the middle"
		default:
			r.Message = "it did not begin"
		}
		r.Message = shorten(r.Message)
		v.data.Rejoined = append(v.data.Rejoined, rejoin{name, r})
	}
}

// cloneClockSlack is by how much the clocks of two operators may differ, or the server's
// clock may have been set since a clone began.
const cloneClockSlack = time.Minute

// belongs says whether a clone that a server tells of is not older than the one on
// record. Its donor does not count: that may have left the spec since, or have another
// address there, and the data is gone all the same.
func (v *view) belongs(r *v1alpha1.MysqlCloneStatus, run *CloneRun) bool {
	return run != nil && run.Age <= v.now.Sub(r.StartedAt.Time)+cloneClockSlack
}

func address(s *Server) string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) }

// cloning: a clone of the node is on record and has not ended, or somebody else makes one.
func (v *view) cloning(s *Server) bool {
	r := v.data.Clones[s.Name]
	return r != nil && r.State == v1alpha1.MysqlCloneInProgress || s.Clone != nil && s.Clone.Run != nil && s.Clone.Run.Running
}

// hollow: what the node says of transactions is not what it holds. A clone that has not
// ended well removes the data first and the set of transactions after that. Once the set
// is empty too it says the truth, and only the next attempt keeps the node apart.
func (v *view) hollow(s *Server) bool {
	r := v.data.Clones[s.Name]
	return s.OK() && (v.cloning(s) || r != nil && r.State == v1alpha1.MysqlCloneFailed && r.Emptied && (v.clones() || !s.Executed.Empty()))
}

// needsClone says why a seen replica cannot become or stay one by itself; "" when it can.
func (v *view) needsClone(m Member, s *Server) string {
	r := v.data.Clones[m.Name]
	switch _, bad := v.data.Errant[m.Name]; {
	case r != nil && r.State == v1alpha1.MysqlCloneFailed && r.Emptied:
		return "its last clone failed and left it empty"
	case bad:
		return "it holds transactions that the source lacks"
	case !s.Channel.Streams() && !s.Received().Contains(v.source.Purged):
		return "it needs transactions that the source has purged"
	}
	return ""
}

// discards is what a clone of the node throws away that the source lacks.
func (v *view) discards(s *Server) gtid.Set { return s.Received().Subtract(v.source.Executed) }

// rejoins makes one node anew, if there is one to make anew, and nothing else is to be done.
// What keeps it from that is noted with the node.
func (v *view) rejoins() []reconcile.Action {
	if !v.clones() || !v.source.OK() || v.skip || v.deleting {
		return nil
	}
	busyWith := v.cloningMember()
	for _, m := range v.replicasOf(v.source) {
		s := v.server(m.Name)
		if !s.OK() || v.cloning(s) {
			continue
		}
		why := v.needsClone(m, s)
		if why == "" {
			continue
		}
		if busyWith != "" {
			v.data.Notes[m.Name] += fmt.Sprintf(". It is made anew after %s: one at a time", busyWith)
			continue
		}
		if s.Clone == nil || !s.Fenced() || v.unsettled() {
			continue
		}
		donor, not := v.mayClone(m, s)
		if not != "" {
			v.data.Refused[m.Name] = not
			v.data.Notes[m.Name] += ". It is not made anew: " + not
			continue
		}
		r := v.data.Clones[m.Name]
		if v.cloneRetryIn(r) > 0 {
			continue
		}
		extra := v.discards(s)
		begun := &v1alpha1.MysqlCloneStatus{
			State: v1alpha1.MysqlCloneInProgress, Donor: donor.Name, StartedAt: metav1.NewMicroTime(v.now), Attempt: 1,
			Discarded: shorten(extra.String()), DiscardedCount: extra.Count(), HeldCount: s.Executed.Count(),
		}
		if r != nil && r.State == v1alpha1.MysqlCloneFailed {
			begun.Attempt = r.Attempt + 1
			if r.Emptied {
				// What it held went with an attempt before, and the record is of that.
				begun.Emptied, begun.Discarded, begun.DiscardedCount, begun.HeldCount = true, r.Discarded, r.DiscardedCount, r.HeldCount
			}
		}
		v.data.Clones[m.Name] = begun
		v.data.Begun = &rejoin{m.Name, begun}
		v.data.Notes[m.Name] = v.cloneNote(s)
		return []reconcile.Action{Clone{
			target: target{m.Name}, Donor: donor.Name, DonorHost: donor.Host, DonorPort: donor.Port,
			Source: v.source.Name, SourceUUID: v.source.UUID, UUID: s.UUID, Discards: extra, TLS: v.wantsCloneTLS(s, donor),
		}}
	}
	return nil
}

// cloneRetryIn is how long a failed clone waits for its next attempt.
func (v *view) cloneRetryIn(r *v1alpha1.MysqlCloneStatus) time.Duration {
	if r == nil || r.State != v1alpha1.MysqlCloneFailed || r.FinishedAt == nil {
		return 0
	}
	wait := cloneRetry
	for range r.Attempt - 1 {
		if wait *= 2; wait >= cloneRetryMost {
			wait = cloneRetryMost
			break
		}
	}
	return r.FinishedAt.Add(wait).Sub(v.now)
}

// cloningMember names the member of which a clone is at work, as far as is known: one that
// is not seen and has a pod may be at it.
func (v *view) cloningMember() string {
	for _, m := range v.members {
		if s := v.server(m.Name); v.cloning(s) && (s.OK() || m.External || v.pods[m.Name].Exists) {
			return m.Name
		}
	}
	return ""
}

// unsettled: who the source is changes, or was only found at this look.
func (v *view) unsettled() bool {
	src := v.source
	return v.data.Switchover != nil || v.wanted() != src || v.moved || v.status.Source != src.Name || v.status.SourceUUID != src.UUID
}

// mayClone finds the donor for a node, or says what is in the way. What the node holds
// is thrown away, so everything that could make that a mistake is asked for (law 6).
func (v *view) mayClone(m Member, s *Server) (donor *Server, not string) {
	src := v.source
	switch extra := v.discards(s); {
	case m.External:
		return nil, "it is no pod, and nobody is known to start it again after a clone. Fill it by hand"
	case v.podGone(m.Name):
		return nil, "no pod has its name, and nobody is known to start it again after a clone. Fill it by hand"
	case !src.Writable() || src.Channel.Running() || src.FedBy() != "":
		return nil, fmt.Sprintf("not while the source %s does not take writes, or replicates itself", src.Name)
	case src.Executed.Empty():
		return nil, fmt.Sprintf("the source %s holds no transaction at all: a clone would lose what this node has", src.Name)
	case holdsOf(extra, src.UUID):
		return nil, fmt.Sprintf("it holds transactions that the source %s itself has committed and lacks now: the source has lost data, or has still to commit them. Compare the two before anything is thrown away", src.Name)
	case v.doubtful(extra) && !v.isGivenUp(s.Name) && !v.emptied(s):
		return nil, fmt.Sprintf("it holds %d transaction(s) that the source %s lacks, and a failover was not sure to have all that was acknowledged: %s. Nobody else may have them. Save what you need; to throw them away, set the annotation %s: %s", extra.Count(), src.Name, shorten(extra.String()), v1alpha1.AnnotationGiveUp, s.Name)
	case s.FedBy() != "":
		return nil, behindAFence(s.FedBy())
	case v.lastToAcknowledge(s):
		return nil, fmt.Sprintf("commits on %s wait for its acknowledgement and would hang until the copy is made. Attach another replica, or set spec.mode: rpl_async until it is done", src.Name)
	case len(missingOn(s, takesToFollow)) > 0:
		return nil, v.lackOf(s, missingOn(s, takesToFollow))
	case s.Clone.lacks(privilegeClone) != "":
		return nil, s.Clone.lacks(privilegeClone)
	}
	return v.donorFor(s)
}

// emptied: a clone has removed what the node held already.
func (v *view) emptied(s *Server) bool {
	r := v.data.Clones[s.Name]
	return r != nil && r.State == v1alpha1.MysqlCloneFailed && r.Emptied
}

func (v *view) podGone(name string) bool {
	pod, named := v.pods[name]
	return named && pod.Gone()
}

// lastToAcknowledge: without this replica fewer are attached than have to acknowledge a commit.
func (v *view) lastToAcknowledge(s *Server) bool {
	src := v.source.SemiSync
	return v.wantsAcks(v.source).Enabled && src.SourceEnabled && s.SemiSync.ReplicaActive && s.Follows(v.source) && s.Channel.Streams() &&
		src.Clients-1 < max(1, src.WaitCount)
}

// donorFor chooses the healthy replica that has executed most. The source gives its data
// only when no replica is healthy.
func (v *view) donorFor(s *Server) (donor *Server, not string) {
	var problems []string
	healthy := false
	for _, m := range v.replicasOf(v.source) {
		d := v.server(m.Name)
		if d == s || !v.healthyReplica(m, d) {
			continue
		}
		healthy = true
		if why := v.unfitDonor(d, s); why != "" {
			problems = append(problems, fmt.Sprintf("%s cannot be copied: %s", d.Name, why))
			continue
		}
		if donor == nil || d.Executed.Count() > donor.Executed.Count() {
			donor = d
		}
	}
	if donor != nil {
		return donor, ""
	}
	if healthy {
		return nil, strings.Join(problems, "; ") + ". The source is not burdened with it while a replica is healthy"
	}
	if coming := v.comingReplica(s); coming != "" {
		return nil, fmt.Sprintf("waits for %s to replicate, to be copied", coming)
	}
	if why := v.unfitDonor(v.source, s); why != "" {
		return nil, fmt.Sprintf("the source %s cannot be copied: %s", v.source.Name, why)
	}
	return v.source, ""
}

// healthyReplica: it follows the source, applies, and holds nothing of its own.
func (v *view) healthyReplica(m Member, d *Server) bool {
	_, bad := v.data.Errant[m.Name]
	return d.OK() && !bad && !v.hollow(d) && d.Fenced() && d.Follows(v.source) && d.Channel.Streams()
}

// comingReplica names another replica that is about to replicate.
func (v *view) comingReplica(s *Server) string {
	for _, m := range v.replicasOf(v.source) {
		d := v.server(m.Name)
		if d == s || !d.OK() || !v.attachable(d) || d.Channel.Streams() {
			continue
		}
		if d.Channel == nil || d.Channel.SQLErrno == 0 && d.Channel.IOErrno == 0 {
			return d.Name
		}
	}
	return ""
}

// unfitDonor says why a healthy node cannot be copied to another one; "" when it can.
func (v *view) unfitDonor(d, to *Server) string {
	if why := d.Clone.lacks(privilegeBackup); why != "" {
		return why
	}
	switch {
	case !sameSeries(d.Version, to.Version):
		return fmt.Sprintf("it is MySQL %s, and %s is %s", d.Version, to.Name, to.Version)
	case strings.Contains(d.Host, ":"):
		return "CLONE takes no IPv6 address: give it a name"
	case d == v.source:
	case d.Channel.Filters != "":
		return "its replication filters leave out part of the data: " + shorten(d.Channel.Filters)
	case d.Channel.Lag == nil || *d.Channel.Lag > lagBound:
		return fmt.Sprintf("it is more than %d seconds behind, or does not say", lagBound)
	case !d.Executed.Contains(v.source.Purged):
		return "the source has purged transactions that it lacks"
	}
	return ""
}

// aborts end clones whose donor has been restarted since: it knows nothing of them any
// more, and the server would go on to ask it for five minutes.
func (v *view) aborts() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.ours() {
		s, r := v.server(m.Name), v.data.Clones[m.Name]
		if !s.OK() || s.Clone == nil || s.Clone.Run == nil || r == nil || r.State != v1alpha1.MysqlCloneInProgress || !v.belongs(r, s.Clone.Run) {
			continue
		}
		run, donor := s.Clone.Run, v.server(r.Donor)
		// Both are times of one clock each, in whole seconds.
		if donor != nil && run.Donor == address(donor) && run.Running && run.Session != 0 && donor.OK() && donor.Uptime+2*time.Second < run.Age {
			out = append(out, AbortClone{target: target{m.Name}, Session: run.Session})
		}
	}
	return out
}

// cloneNote says of a node what a clone has to do with its state; "" when nothing.
func (v *view) cloneNote(s *Server) string {
	r := v.data.Clones[s.Name]
	switch {
	case r == nil && v.cloning(s):
		return "is being made anew by a CLONE of somebody else"
	case r == nil || r.State == v1alpha1.MysqlCloneCompleted:
		return ""
	case r.State == v1alpha1.MysqlCloneInProgress:
		return fmt.Sprintf("is being made anew as a copy of %s (attempt %d)%s", r.Donor, r.Attempt, copied(r))
	}
	text := fmt.Sprintf("could not be made anew as a copy of %s (attempt %d): %s.", r.Donor, r.Attempt, r.Message)
	if r.Emptied {
		text += " What it held is gone: it is empty."
	} else {
		text += " What it holds is still there."
	}
	if v.clones() {
		text += " It is tried again"
	}
	return text
}

// copied is how far a clone has come, in words.
func copied(r *v1alpha1.MysqlCloneStatus) string {
	if r.TotalBytes == 0 {
		return ""
	}
	return fmt.Sprintf(": %d of %d MiB are copied", r.Bytes>>20, r.TotalBytes>>20)
}

// rejoinProblem gives the condition's reason for a node that a clone concerns; "" for any other.
func (v *view) rejoinProblem(name string) string {
	r := v.data.Clones[name]
	switch {
	case v.data.Refused[name] != "":
		return "RejoinRefused"
	case r != nil && r.State == v1alpha1.MysqlCloneInProgress:
		return "RejoinInProgress"
	case r != nil && r.State == v1alpha1.MysqlCloneFailed && v.clones():
		return "RejoinFailed"
	}
	return ""
}

// rejoinEvents tell of clones that begin, and of those that were found to have ended.
func (v *view) rejoinEvents() []reconcile.Event {
	var out []reconcile.Event
	once := func(r rejoin) string { return r.node + " " + r.StartedAt.String() }
	if b := v.data.Begun; b != nil {
		lost := fmt.Sprintf("Nothing is lost that the source %s lacks", v.source.Name)
		if b.DiscardedCount > 0 {
			lost = fmt.Sprintf("%d transaction(s) that the source %s lacks are thrown away: %s", b.DiscardedCount, v.source.Name, b.Discarded)
		}
		out = append(out, reconcile.Event{Warning: true, Reason: "RejoinStarted", Once: once(*b), Message: fmt.Sprintf(
			"%s is made anew as a copy of %s (attempt %d), as spec.rejoinPolicy demands. %s", b.node, b.Donor, b.Attempt, lost)})
	}
	for _, r := range v.data.Rejoined {
		if r.State == v1alpha1.MysqlCloneCompleted {
			out = append(out, reconcile.Event{Reason: "RejoinFinished", Once: once(r), Message: fmt.Sprintf("%s was made anew as a copy of %s", r.node, r.Donor)})
			continue
		}
		out = append(out, reconcile.Event{Warning: true, Reason: "RejoinFailed", Once: once(r), Message: r.node + " " + v.cloneNote(v.server(r.node))})
	}
	for _, name := range slices.Sorted(maps.Keys(v.data.Refused)) {
		out = append(out, reconcile.Event{Warning: true, Reason: "RejoinRefused", Once: name + " " + v.data.Refused[name], Message: fmt.Sprintf("%s is not made anew: %s", name, v.data.Refused[name])})
	}
	return out
}
