package e2ee

import (
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// waitingAfter is when a joiner hears that nobody has served it, and asks
// again; it doubles up to resendMost.
const waitingAfter = 10 * time.Second

// ask asks to enter, or, where that was asked in vain, once more: it returns
// the request to append again.
func (r *Room) ask(now time.Time) ([]byte, error) {
	s := &r.sending
	frame, expiry, waiting := r.member.Requested()
	_, logged := r.member.Asked()
	switch {
	case !waiting:
		s.repeatAt, s.repeats = time.Time{}, 0
		return nil, r.request(now)
	case !now.Before(expiry):
		r.member.Abandon()
		return nil, r.giveUp(ErrJoinExpired)
	case !logged: // unechoed sees to it, as to every frame
		s.repeatAt = time.Time{}
	case s.repeatAt.IsZero():
		s.repeatAt = now.Add(waitingAfter)
	case !now.Before(s.repeatAt):
		return frame, r.askAgain(now)
	}
	return nil, nil
}

// request makes the first request, once the log has been read.
func (r *Room) request(now time.Time) error {
	if r.member.Status() != group.Joining || !r.intent.Join {
		return nil
	}
	if err := r.member.Join(now.Add(r.intent.Expiry)); err != nil {
		return r.giveUp(err)
	}
	return r.save(r.ctx, batch{})
}

func (r *Room) askAgain(now time.Time) error {
	s := &r.sending
	if s.repeats == 0 {
		if err := r.save(r.ctx, batch{events: []Event{Waiting{}}}); err != nil {
			return err
		}
	}
	s.repeats++
	s.repeatAt = now.Add(min(waitingAfter<<min(s.repeats, 8), resendMost))
	return nil
}

// giveUp stores that this client's request cannot be served. Who is in the
// room already, without keys, may ask anew.
func (r *Room) giveUp(reason error) error {
	b := batch{events: []Event{JoinFailed{reason}}}
	if r.outside() {
		r.fail(&b, reason)
	}
	return r.save(r.ctx, b)
}

// fail adds to b that this client is not let in.
func (r *Room) fail(b *batch, reason error) {
	in := r.intent
	in.Failed = knownReason(reason).Error()
	b.intent = &in
	r.emptyOutbox(b, reason)
}
