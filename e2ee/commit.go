package e2ee

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// change is what one caller wants of the room.
type change struct {
	changes group.Changes
	done    bool
	err     error
}

// finish ends the change that is in flight.
func (s *sendState) finish(err error) {
	c := s.proposed
	if c == nil {
		return
	}
	c.done, c.err = true, err
	s.proposed = nil
	s.wanted = s.wanted[1:]
}

// finishAll ends every change.
func (s *sendState) finishAll(err error) {
	for _, c := range s.wanted {
		c.done, c.err = true, err
	}
	s.wanted, s.proposed = nil, nil
}

// withdraw forgets a change whose caller waits no longer; one that is in flight
// may still win.
func (s *sendState) withdraw(c *change) {
	if s.proposed == c {
		s.proposed = nil
	}
	s.wanted = slices.DeleteFunc(s.wanted, func(w *change) bool { return w == c })
}

// commit makes a commit when it is time: at once for what a caller wants,
// otherwise after this member's turn. Before it serves joiners whom the
// application has not been asked about, it returns those.
func (r *Room) commit(now time.Time) ([]group.JoinRequest, error) {
	s := &r.sending
	if len(s.wanted) > 0 && s.proposed == nil {
		return nil, r.proposeWanted(now)
	}
	changes, wait, due := r.due(now)
	epoch := r.member.Public().Epoch()
	switch {
	case !due:
		s.commitAt, s.consulted = time.Time{}, false
		return nil, nil
	case s.commitAt.IsZero() || s.epoch != epoch:
		s.commitAt, s.epoch, s.consulted = now.Add(wait), epoch, false
	}
	if now.Before(s.commitAt) {
		return nil, nil
	}
	if joiners := r.unanswered(now); len(joiners) > 0 && !s.consulted && !s.consulting {
		s.consulting = true
		return joiners, nil
	}
	s.commitAt, s.consulted = time.Time{}, false
	return nil, r.propose(changes, now)
}

// due says what to commit, and after how long.
func (r *Room) due(now time.Time) (changes group.Changes, wait time.Duration, due bool) {
	cfg, p := r.client.cfg, r.member.Public()
	changes.NewKeys = r.member.KeysDue(now, cfg.RekeyAge) && len(p.Roster()) > 1
	if wait, ok := r.member.Backoff(now); ok && (p.Pending() || r.servesSomebody(now)) {
		return changes, wait, true
	}
	changes.Rekey = r.member.RekeyDue(now, cfg.RekeyMessages, cfg.RekeyAge)
	return changes, r.member.Turn(), changes.Rekey || changes.NewKeys
}

func (r *Room) servesSomebody(now time.Time) bool {
	return slices.ContainsFunc(r.member.Servable(now), func(who group.JoinRequest) bool {
		answer, asked := r.sending.answers[who]
		return r.acceptable(who) == nil && (answer || !asked && !r.sending.consulting)
	})
}

// unanswered lists the joiners about whom the application has to be asked.
func (r *Room) unanswered(now time.Time) (out []group.JoinRequest) {
	if r.client.cfg.Admit == nil {
		return nil
	}
	for _, who := range r.member.Servable(now) {
		if _, asked := r.sending.answers[who]; !asked && r.acceptable(who) == nil {
			out = append(out, who)
		}
	}
	return out
}

// consult asks the application, which may take its time: the room goes on.
// Answers hold until the request is repeated.
func (r *Room) consult(joiners []group.JoinRequest) {
	answers := make(map[group.JoinRequest]bool, len(joiners))
	for _, who := range joiners {
		if r.ctx.Err() != nil {
			return
		}
		answers[who] = r.client.cfg.Admit(r.id, who)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.member.Servable(time.Now())
	maps.DeleteFunc(r.sending.answers, func(who group.JoinRequest, _ bool) bool { return !slices.Contains(waiting, who) })
	maps.Copy(r.sending.answers, answers)
	r.sending.consulted, r.sending.consulting = true, false
	r.kick()
}

// proposeWanted commits what the first caller wants, or tells it why not.
func (r *Room) proposeWanted(now time.Time) error {
	c := r.sending.wanted[0]
	err := r.commitFor(c, now)
	if errors.Is(err, group.ErrInFlight) {
		return nil
	}
	r.sending.proposed = c
	if err == nil {
		if failed := r.save(r.ctx, batch{}); failed != nil {
			defer r.announce()
			r.sending.finish(failed)
			return failed
		}
		return nil
	}
	r.sending.finish(err)
	r.announce()
	return nil
}

func (r *Room) commitFor(c *change, now time.Time) error {
	for _, admin := range c.changes.Admins {
		if !r.stays(admin) {
			return ErrNotMember
		}
	}
	return r.member.Commit(c.changes, now, r.admit)
}

// propose makes a commit that nobody waits for. What stands in its way (there
// may be nothing to commit any more) does not stop the loop.
func (r *Room) propose(changes group.Changes, now time.Time) error {
	if r.member.Commit(changes, now, r.admit) != nil {
		return nil
	}
	return r.save(r.ctx, batch{})
}

// acceptable is where this client is stricter than the room: names in normal
// form, identities as pinned.
func (r *Room) acceptable(who group.JoinRequest) error {
	if !usableName(who.Name) {
		return ErrName
	}
	return r.client.conflict(who.Name, who.Fingerprint)
}

// admit accepts whom the application accepts, too, where it wants to be asked.
func (r *Room) admit(who group.JoinRequest) error {
	if err := r.acceptable(who); err != nil {
		return err
	}
	if r.client.cfg.Admit != nil && !r.sending.answers[who] {
		return ErrNotMember
	}
	return nil
}
