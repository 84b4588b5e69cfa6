package e2ee

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

const (
	// resendAfter is when a frame goes out again whose echo is missing; it
	// doubles up to resendMost.
	resendAfter = 15 * time.Second
	resendMost  = 5 * time.Minute
	// storeRetry is the pause after a failure of the store.
	storeRetry = time.Second
	// lookAgain bounds every pause of a member: new keys fall due by the clock.
	lookAgain = time.Hour
)

// sendState is what the sending loop remembers; none of it has to be stored.
type sendState struct {
	tries    map[group.Hash]try
	commitAt time.Time // when to commit, zero for not
	epoch    uint64    // the epoch that is for
	wanted   []*change // what callers wait for, in order
	proposed *change   // the first of them, once it is in the commit in flight
	repeatAt time.Time // when to ask to enter again, zero for not
	repeats  int
	// answers are what the application said about joiners; consulted, that it
	// has been asked since the last commit.
	answers    map[group.JoinRequest]bool
	consulted  bool
	consulting bool // it is being asked now
}

// try is when a frame may go out again.
type try struct {
	after  time.Time
	sent   int
	failed int
}

// step is what to do next: append a frame, ask the application about joiners,
// or wait, until at if that is set.
type step struct {
	frame   []byte
	joiners []group.JoinRequest
	at      time.Time
}

// sendLoop does one thing after the other, nothing of it with r.mu held.
func (r *Room) sendLoop() {
	for r.ctx.Err() == nil && !r.over() {
		switch s := r.nextStep(time.Now()); {
		case s.frame != nil:
			_, err := r.client.cfg.Relay.Append(r.ctx, r.id.String(), s.frame)
			r.appended(s.frame, err, time.Now())
		case len(s.joiners) > 0:
			r.run(func() { r.consult(s.joiners) })
		default:
			r.pauseUntil(s.at)
		}
	}
}

// pauseUntil returns at a time, if one is given, or when something happened.
func (r *Room) pauseUntil(at time.Time) {
	var timer <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(time.Until(at))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-r.wake:
	case <-timer:
	case <-r.ctx.Done():
	}
}

func (r *Room) nextStep(now time.Time) step {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.caughtUp {
		return step{}
	}
	if r.ready(r.ctx) != nil {
		return step{at: now.Add(storeRetry)}
	}
	s, err := r.work(now)
	if err != nil { // the store's: nothing that it does not have may leave
		return step{at: now.Add(storeRetry)}
	}
	return s
}

// work makes what is to be made, and picks what is to be sent now.
func (r *Room) work(now time.Time) (step, error) {
	if again, err := r.ask(now); again != nil || err != nil {
		return step{frame: again}, err
	}
	if joiners, err := r.commit(now); len(joiners) > 0 || err != nil {
		return step{joiners: joiners}, err
	}
	if err := r.sealQueue(now); err != nil {
		return step{}, err
	}
	return r.unechoed(now), nil
}

// unechoed picks the first own frame whose turn it is.
func (r *Room) unechoed(now time.Time) step {
	frames := r.member.Unechoed()
	tries := make(map[group.Hash]try, len(frames))
	var due []byte
	at := r.nextLook(now)
	for _, f := range frames {
		h := group.Hash(sha256.Sum256(f))
		t := r.sending.tries[h]
		tries[h] = t
		if due == nil && !t.after.After(now) {
			due = f
		}
		at = earliest(at, t.after)
	}
	r.sending.tries = tries
	if due != nil {
		return step{frame: due}
	}
	return step{at: at}
}

// nextLook is when there may be something to do, should nothing happen.
func (r *Room) nextLook(now time.Time) (at time.Time) {
	at = earliest(r.sending.commitAt, r.sending.repeatAt)
	if _, expiry, waiting := r.member.Requested(); waiting {
		at = earliest(at, expiry)
	}
	if r.member.Status() == group.Active {
		at = earliest(at, now.Add(lookAgain))
	}
	return at
}

// earliest is the earlier of two times, where zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// appended notes when the frame may go out again, should its echo not come.
func (r *Room) appended(frame []byte, err error, now time.Time) {
	if err != nil && r.ctx.Err() == nil {
		r.warnOnce(r.relayFailed(err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h := group.Hash(sha256.Sum256(frame))
	t := r.sending.tries[h]
	if err != nil {
		t.after = now.Add(pause(t.failed))
		t.failed++
	} else {
		t.after = now.Add(min(resendAfter<<min(t.sent, 8), resendMost))
		t.sent++
		t.failed = 0
	}
	r.sending.tries[h] = t
}

// sealQueue makes a Message of what waits in the outbox. Where a commit has to
// come first, it makes that.
func (r *Room) sealQueue(now time.Time) error {
	if len(r.outbox) == 0 {
		return nil
	}
	switch err := r.seal(now); {
	case err == nil:
		return r.save(r.ctx, batch{})
	case errors.Is(err, group.ErrCommitFirst):
		return r.propose(group.Changes{Rekey: true}, now)
	}
	return nil
}
